"""The inbox stream over HTTP: its form, who may read it, and where it takes up."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO

import jwt
import pytest
from werkzeug.test import TestResponse

from app.domain.ids import new_id
from app.factory import create_app
from app.observability.logging import configure_logging
from app.services.inbox_streams import InboxStreams, Pace
from app.store.bell import Names
from tests.fakes.product import NOWHERE, Product, build_product
from tests.fakes.samples import message
from tests.unit.test_api_operations import scrape, total
from tests.unit.test_sessions import Browser

STREAM = "/inbox/u-1/stream"
SECRET = "a secret key for tests, long enough"


def put(product: Product, count: int = 1) -> None:
    now = product.clock.now()
    sent = [message(notification_id=new_id("ntf", now), user_id="u-1", text="one\ntwo\r\n\u2028") for _ in range(count)]
    product.services.inbox.put(sent)


def chunks(answer: TestResponse) -> Iterator[str]:
    """What the stream sends, piece by piece."""
    assert answer.status_code == 200, answer.text
    return (piece.decode() for piece in answer.iter_encoded())


def read(answer: TestResponse) -> str:
    """What the stream sends at once."""
    pieces = chunks(answer)
    text = next(pieces) + next(pieces)
    answer.close()
    return text


def ticket(product: Product, user: str = "u-1") -> str:
    return str(product.call("POST", f"/inbox/{user}/ticket").json["ticket"])


def test_it_is_a_stream_of_events_by_the_standard(product: Product):
    put(product)
    answer = product.call("GET", STREAM, headers={"Last-Event-ID": "0"})
    assert answer.content_type == "text/event-stream; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    pieces = chunks(answer)
    assert next(pieces) == "retry: 5000\n\n"
    item, unread, rest = next(pieces).split("\n\n")
    assert rest == ""
    number, event, data = item.split("\n")
    assert (number, event) == ("id: 1", "event: notification")
    assert json.loads(data.removeprefix("data: ")) == product.call("GET", "/inbox/u-1").json["items"][0]
    assert unread == 'id: 1\nevent: unread\ndata: {"unread_count":1}'
    answer.close()


def test_a_sign_of_life_is_a_comment(tmp_path, migrated):
    product = paced(tmp_path, migrated, Pace(beat_seconds=0.0))
    answer = product.call("GET", STREAM)
    pieces = chunks(answer)
    assert [next(pieces) for _ in range(3)][2] == ": hb\n\n"
    answer.close()
    product.services.close()


@pytest.mark.parametrize("way", ["token", "ticket", "session"])
def test_it_ends_when_its_reader_is_erased(product: Product, way: str):
    token = product.token("u-1")
    if way == "token":
        answer = product.call("GET", STREAM, token)
    elif way == "ticket":
        answer = product.call("GET", f"{STREAM}?ticket={ticket(product)}", None)
    else:
        answer = Browser(product, token).call("GET", STREAM)
    pieces = chunks(answer)
    assert [next(pieces) for _ in range(2)]
    product.clock.advance(seconds=1)
    product.call("DELETE", "/users/u-1")
    # As the bell does, in every process.
    product.services.inbox_streams.wake(None)
    assert list(pieces) == []


def test_a_new_reader_gets_the_count_and_a_number_to_come_back_with(product: Product):
    put(product, 2)
    assert read(product.call("GET", STREAM)).endswith('\n\nid: 2\nevent: unread\ndata: {"unread_count":2}\n\n')


@pytest.mark.parametrize(
    ("query", "headers", "told"),
    [
        ("?last_event_id=1", {}, [2, 3]),
        ("", {"Last-Event-ID": "2"}, [3]),
        ("?last_event_id=1", {"Last-Event-ID": "2"}, [3]),
        ("?last_event_id=3", {"Last-Event-ID": "0"}, [1, 2, 3]),
        ("?last_event_id=1", {"Last-Event-ID": ""}, [2, 3]),
        ("", {"Last-Event-ID": "3"}, []),
    ],
)
def test_it_goes_on_after_what_was_seen_and_the_header_knows_better(product: Product, query, headers, told):
    put(product, 3)
    text = read(product.call("GET", STREAM + query, headers=headers))
    assert [n for n in (1, 2, 3) if f"id: {n}\nevent: notification" in text] == told


@pytest.mark.parametrize(
    "wrong", ["x", "-1", "1.0", "1e3", " 1", "１", "9223372036854775808", "1" * 5000, "%00", "1_0"]
)
def test_a_number_that_is_none_is_refused_and_named(product: Product, wrong: str):
    answer = product.call("GET", f"{STREAM}?last_event_id={wrong}")
    assert (answer.status_code, list(answer.json["errors"]["query"])) == (422, ["last_event_id"])
    if wrong.isascii() and wrong != "%00":
        answer = product.call("GET", STREAM, headers={"Last-Event-ID": wrong})
        assert (answer.status_code, list(answer.json["errors"]["headers"])) == (422, ["Last-Event-ID"])
    assert product.call("GET", f"{STREAM}?last_event_id=").status_code == 422


def test_a_ticket_opens_the_stream_for_a_minute_and_as_often_as_it_takes(product: Product):
    issued = product.call("POST", "/inbox/u-1/ticket")
    assert issued.status_code == 200
    assert issued.json["expires_at"] == "2026-11-22T12:01:00Z"
    url = f"{STREAM}?ticket={issued.json['ticket']}"
    product.clock.advance(seconds=59)
    for _ in range(2):
        assert "event: unread" in read(product.call("GET", url, None))
    product.clock.advance(seconds=1)
    answer = product.call("GET", url, None)
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"


def test_a_ticket_is_for_this_users_stream_alone(product: Product):
    theirs = ticket(product, "u-2")
    assert product.call("GET", f"{STREAM}?ticket={theirs}", None).status_code == 404
    mine = ticket(product)
    for path in ("/inbox/u-1", "/history/u-1", "/preferences/u-1"):
        assert product.call("GET", f"{path}?ticket={mine}", None).status_code == 401
        assert product.call("GET", path, mine).status_code == 401
    assert product.call("POST", f"/inbox/u-1/ticket?ticket={mine}", None).status_code == 401
    assert product.call("GET", STREAM, mine).status_code == 401
    # A token that is there is looked at, whatever else is.
    assert product.call("GET", f"{STREAM}?ticket={mine}", "nonsense").status_code == 401


def signed(product: Product, key: str, audience: str) -> str:
    claims = {"sub": "u-1", "aud": audience, "exp": int(product.clock.now().timestamp()) + 30}
    return jwt.encode(claims, key, algorithm="HS256")


def test_what_is_no_ticket_opens_nothing(product: Product):
    good = ticket(product)
    audience = jwt.decode(good, options={"verify_signature": False})["aud"]
    wrong = [
        product.token("u-1"),
        signed(product, SECRET, audience),
        good[:-4] + "AAAA",
        f"{good}.x",
        jwt.encode({"sub": "u-1", "aud": audience}, "", algorithm="none"),
        "x",
        "%ff",
        "",
    ]
    statuses = {product.call("GET", f"{STREAM}?ticket={one}", None).status_code for one in wrong}
    assert statuses == {401}


def test_who_may_have_a_ticket(product: Product):
    path = "/inbox/u-1/ticket"
    assert product.call("POST", path, product.token("u-1")).status_code == 200
    assert product.call("POST", path, product.key("users:read")).status_code == 200
    assert product.call("POST", path, product.key("users:write")).status_code == 403
    assert product.call("POST", path, product.token("u-2")).status_code == 404


def test_a_stream_ends_with_the_token_that_opened_it(product: Product):
    made = product.services.identity.create_key("reader", ["users:read"], actor="test")
    for token, end in (
        (made.key, lambda: product.services.identity.revoke_key(made.id, actor="test")),
        (product.token("u-1"), lambda: product.clock.advance(minutes=15)),
    ):
        answer = product.call("GET", STREAM, token)
        pieces = chunks(answer)
        assert "unread" in [next(pieces), next(pieces)][1]
        end()
        product.services.inbox_streams.wake(None)
        assert list(pieces) == []
        answer.close()


def test_a_stream_ends_with_the_session_that_opened_it(product: Product):
    made = product.services.identity.create_key("reader", ["users:read"], actor="test")
    for token, end in (
        (made.key, lambda: product.services.identity.revoke_key(made.id, actor="test")),
        (product.token("u-1"), lambda: product.clock.advance(hours=8)),
    ):
        answer = Browser(product, token).call("GET", STREAM)
        pieces = chunks(answer)
        assert "unread" in [next(pieces), next(pieces)][1]
        end()
        product.services.inbox_streams.wake(None)
        assert list(pieces) == []
        answer.close()


def test_a_place_is_freed_however_the_stream_ends(product: Product):
    streams = product.services.inbox_streams
    unread = product.call("GET", STREAM)
    assert streams.count == 1
    unread.close()
    read(product.call("GET", STREAM))
    head = product.call("HEAD", STREAM)
    assert (head.status_code, head.content_type) == (200, "text/event-stream; charset=utf-8")
    head.close()
    assert product.call("GET", f"{STREAM}?last_event_id=x").status_code == 422
    assert streams.count == 0


def paced(directory, migrated: bytes, pace: Pace) -> Product:
    made = build_product(directory, migrated)
    streams = InboxStreams(made.services.database, NOWHERE, Names(SECRET), pace)
    services = replace(made.services, inbox_streams=streams)
    app = create_app(services)
    return replace(made, services=services, app=app, client=app.test_client())


def test_above_the_most_the_answer_is_503_and_says_how_long_to_wait(tmp_path, migrated):
    product = paced(tmp_path, migrated, Pace(most=1))
    first = product.call("GET", STREAM)
    second = product.call("GET", "/inbox/u-2/stream")
    assert (second.status_code, second.mimetype) == (503, "application/problem+json")
    assert int(second.headers["Retry-After"]) > 0
    first.close()
    read(product.call("GET", "/inbox/u-2/stream"))
    product.services.close()


def test_a_stream_is_timed_by_how_long_it_took_to_open_and_open_ones_are_counted(product: Product):
    answer = product.call("GET", STREAM)
    next(chunks(answer))
    _, samples = scrape(product)
    rule = {"rule": "/inbox/<string:user_id>/stream"}
    assert total(samples, "flask_http_request_duration_seconds_count", **rule) == 1
    assert total(samples, "inbox_streams_open") == 1
    answer.close()
    assert total(scrape(product)[1], "inbox_streams_open") == 0


def test_a_ticket_never_reaches_the_log(product: Product, monkeypatch):
    before, level = logging.root.handlers[:], logging.root.level
    output = StringIO()
    try:
        configure_logging(product.services.settings, "api", output)
        secret = ticket(product)
        monkeypatch.setattr(product.services.inbox_streams, "open", crash)
        assert product.call("GET", f"{STREAM}?ticket={secret}", None).status_code == 500
        # As gunicorn logs a request that it could not serve.
        logging.getLogger("gunicorn.error").error("Error handling request %s %s", "GET", f"{STREAM}?ticket={secret}")
    finally:
        logging.root.handlers[:] = before
        logging.root.setLevel(level)
    assert "request_crashed" in output.getvalue()
    assert "Error handling request" in output.getvalue()
    assert secret not in output.getvalue()


def crash(*_: object, **__: object) -> None:
    raise RuntimeError("on purpose")


def test_the_documentation_tells_of_the_stream(product: Product):
    described = product.call("GET", "/openapi.json", None).json
    get = described["paths"]["/inbox/{user_id}/stream"]["get"]
    assert "event: notification" in get["responses"]["200"]["content"]["text/event-stream"]["example"]
    assert {one["name"] for one in get["parameters"]} == {"Last-Event-ID", "last_event_id"}
    assert {"stream_ticket": []} in get["security"]
    assert described["components"]["securitySchemes"]["stream_ticket"]["in"] == "query"
