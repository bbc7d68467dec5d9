"""Every other request that is wrong: preferences, lists, cursors and ids, each with its status and its field."""

import base64
import json
import socket
from contextlib import suppress
from http.client import HTTPResponse

import pytest

from tests.integration.test_bad_events import refused

USER = "requests-1"
HOOK = "http://127.0.0.1:9/hook"
PREFERENCES = {
    "unknown field": ({"colour": 1}, "colour"),
    "locale is no language": ({"locale": "klingon"}, "locale"),
    "locale is a number": ({"locale": 5}, "locale"),
    "locale has no such place": ({"locale": "de-XQ"}, "locale"),
    "no such zone": ({"timezone": "Mars/Olympus"}, "timezone"),
    "zone is a path": ({"timezone": "../../etc/passwd"}, "timezone"),
    "zone is an offset": ({"timezone": "+02:00"}, "timezone"),
    "contacts is a list": ({"contacts": []}, "contacts"),
    "unknown channel in contacts": ({"contacts": {"pigeon": "x"}}, "contacts"),
    "in-app has no contact": ({"contacts": {"inapp": "x"}}, "contacts"),
    "e-mail without @": ({"contacts": {"email": "nobody"}}, "contacts"),
    "e-mail with a line end": ({"contacts": {"email": "a@b.example\r\nBcc: c@d.example"}}, "contacts"),
    "e-mail is a number": ({"contacts": {"email": 5}}, "contacts"),
    "webhook is text": ({"contacts": {"webhook": "https://x.example/"}}, "contacts"),
    "webhook without url": ({"contacts": {"webhook": {}}}, "contacts"),
    "webhook to a private place": ({"contacts": {"webhook": {"url": "https://10.1.2.3/"}}}, "contacts"),
    "webhook to metadata": ({"contacts": {"webhook": {"url": "http://169.254.169.254/latest"}}}, "contacts"),
    "slack to a private place": ({"contacts": {"slack": {"url": "https://[fd00::1]/services/T/B/x"}}}, "contacts"),
    "discord to loopback": ({"contacts": {"discord": {"url": "https://0x7f000001/api/webhooks/1/x"}}}, "contacts"),
    "opsgenie to loopback": ({"contacts": {"opsgenie": {"api_key": "k", "url": "https://2130706433/"}}}, "contacts"),
    "webhook by http": ({"contacts": {"webhook": {"url": "http://93.184.215.14/"}}}, "contacts"),
    "webhook to a file": ({"contacts": {"webhook": {"url": "file:///etc/passwd"}}}, "contacts"),
    "webhook with a password": ({"contacts": {"webhook": {"url": "https://a:b@example.com/"}}}, "contacts"),
    "webhook with host header": ({"contacts": {"webhook": {"url": HOOK, "headers": {"Host": "x"}}}}, "contacts"),
    "webhook with split header": (
        {"contacts": {"webhook": {"url": HOOK, "headers": {"X-A": "a\r\nb: c"}}}},
        "contacts",
    ),
    "webhook with weak secret": ({"contacts": {"webhook": {"url": HOOK, "secret": "whsec_c2hvcnQ="}}}, "contacts"),
    "webhook types": ({"contacts": {"webhook": {"url": HOOK, "types": "all"}}}, "contacts"),
    "webhook unknown field": ({"contacts": {"webhook": {"url": HOOK, "method": "GET"}}}, "contacts"),
    "channels: unknown": ({"channels": {"pigeon": True}}, "channels"),
    "channels: no switch": ({"channels": {"email": "yes"}}, "channels"),
    "events: unknown type": ({"events": {"job.nonsense": {"email": "off"}}}, "events"),
    "events: unknown channel": ({"events": {"job.failed": {"pigeon": "off"}}}, "events"),
    "events: unknown rhythm": ({"events": {"job.failed": {"email": "weekly"}}}, "events"),
    "events: a number": ({"events": {"job.failed": {"email": 1}}}, "events"),
    "events: locked": ({"events": {"system.error": {"inapp": "off"}}}, "events"),
    "events: locked by false": ({"events": {"quota.exceeded": {"inapp": False}}}, "events"),
    "quiet hours: 25": ({"quiet_hours": {"start": "25:00", "end": "07:00"}}, "quiet_hours"),
    "quiet hours: half": ({"quiet_hours": {"start": "22:00"}}, "quiet_hours"),
    "quiet hours: text": ({"quiet_hours": "night"}, "quiet_hours"),
    "daily_at": ({"daily_at": "8 o'clock"}, "daily_at"),
    "muted_until": ({"muted_until": "tomorrow"}, "muted_until"),
    "muted_subjects": ({"muted_subjects": "j-1"}, "muted_subjects"),
    "muted_subjects: empty one": ({"muted_subjects": [""]}, "muted_subjects"),
    "escalate: channel": ({"escalate": {"job.failed": {"after_minutes": 5, "to": ["pigeon"]}}}, "escalate"),
    "escalate: never": ({"escalate": {"job.failed": {"after_minutes": 0, "to": ["email"]}}}, "escalate"),
}
QUERIES = {
    "limit=0": "limit",
    "limit=201": "limit",
    "limit=x": "limit",
    "limit=1.5": "limit",
    "limit=-1": "limit",
    "limit=99999999999999999999": "limit",
    "cursor=x": "cursor",
    "cursor=": "cursor",
    "cursor=%00": "cursor",
    "cursor=%FF": None,
    "type=job.nonsense": "type",
    "channel=pigeon": "channel",
    "status=lost": "status",
    "since=yesterday": "since",
    "until=2026-11-22": "until",
    "since=2026-11-22T10:00:00": "since",
}
BAD_IDS = [
    "x",
    "evt_",
    "evt_x",
    "ntf_01a20538-0000-7000-8000-00000000000",
    "ntf_01A20538-0000-7000-8000-000000000000",
    "%00",
    "a%2Fb",
    "💥",
]
BAD_USERS = ["_defaults2", "%20", "a b", "-x", "x" * 129, "%00", "ü", "a%0Ab"]


@pytest.mark.parametrize("name", PREFERENCES)
def test_a_preference_that_is_wrong_is_named_and_nothing_is_kept(product, name):
    document, field = PREFERENCES[name]
    before = product.get(f"/preferences/{USER}")
    for method in ("PUT", "PATCH"):
        body = refused(product.call(method, f"/preferences/{USER}", json=document), 422, field)
        assert list(body["errors"]["json"]) == [field]
    assert product.get(f"/preferences/{USER}") == before


def test_preferences_read_as_the_contract_says(product):
    body = product.get("/preferences/nobody-ever")
    assert set(body) == {
        "user_id", "locale", "timezone", "contacts", "channels", "events", "quiet_hours", "daily_at", "muted_until",
        "muted_subjects", "escalate", "from_defaults", "effective",
    }  # fmt: skip
    assert (body["locale"], body["timezone"], body["contacts"]) == ("en", "UTC", {})
    assert body["effective"]["job.progress"]["inapp"] == {"rhythm": "instant", "source": "default", "locked": False}
    assert body["effective"]["system.error"]["inapp"] == {"rhythm": "instant", "source": "required", "locked": True}
    assert body["effective"]["job.failed"]["email"] == {"rhythm": "off", "source": "no_contact", "locked": False}
    answer = product.call("PUT", "/preferences/roundtrip", json=body)
    assert answer.status_code == 200
    assert answer.json() == body | {"user_id": "roundtrip"}


def test_cells_locales_and_merge_patches(product):
    document = {"locale": "pt_BR", "events": {"job.failed": {"email": False, "webhook": True}}, "daily_at": "07:30"}
    body = product.set_user("cells", **document, contacts={"email": "cells@x.example", "webhook": {"url": HOOK}})
    assert body["locale"] == "pt-BR"
    assert body["events"] == {"job.failed": {"email": "off", "webhook": "instant"}}
    assert body["effective"]["job.failed"]["email"] == {"rhythm": "off", "source": "user", "locked": False}
    assert body["contacts"]["webhook"]["secret"].startswith("whsec_")
    headers = {"Content-Type": "application/merge-patch+json"}
    patch = {"locale": None, "events": {"job.failed": {"email": None}}, "contacts": {"email": None}}
    answer = product.call("PATCH", "/preferences/cells", data=json.dumps(patch), headers=headers)
    assert answer.status_code == 200
    assert answer.json()["locale"] == "en"
    assert answer.json()["events"] == {"job.failed": {"webhook": "instant"}}
    assert set(answer.json()["contacts"]) == {"webhook"}
    assert answer.json()["contacts"]["webhook"]["secret"]["set"] is True


def test_if_match_is_honoured(product):
    first = product.call("GET", "/preferences/etag").headers["ETag"]
    changed = product.call("PUT", "/preferences/etag", json={"locale": "de"}, headers={"If-Match": first})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first
    for method in ("PUT", "PATCH"):
        late = product.call(method, "/preferences/etag", json={"locale": "en"}, headers={"If-Match": first})
        assert late.status_code == 412
        assert late.headers["Content-Type"] == "application/problem+json"
    assert product.get("/preferences/etag")["locale"] == "de"


def test_a_type_turned_off_is_recorded_as_the_users_choice(product, mailbox):
    product.set_user("choosy", contacts={"email": "choosy@x.example"}, events={"job.failed": {"email": "off"}})
    event = product.ended(product.submit("job.failed", {"job_id": "j", "error": "e"}, "choosy"))
    assert {(one["channel"], one["status"], one["reason"]) for one in event["notifications"]} == {
        ("inapp", "delivered", None),
        ("email", "suppressed", "opted_out"),
    }
    product.set_user("choosy", contacts={"email": "choosy@x.example"}, muted_subjects=["j"])
    event = product.ended(product.submit("job.failed", {"job_id": "j", "error": "e2"}, "choosy"))
    assert {(one["channel"], one["status"], one["reason"]) for one in event["notifications"]} == {
        ("inapp", "suppressed", "muted"),
        ("email", "suppressed", "muted"),
    }
    assert not [mail for mail in mailbox.ledger.entries() if "choosy@x.example" in mail["to"]]


def test_a_named_channel_without_a_contact_makes_a_row(product):
    event = product.ended(product.submit("job.completed", {"job_id": "j"}, "reachless", channels=["email", "inapp"]))
    assert {(one["channel"], one["status"], one["reason"]) for one in event["notifications"]} == {
        ("inapp", "delivered", None),
        ("email", "suppressed", "no_contact"),
    }


ALIKE = {
    query: field for query, field in QUERIES.items() if field not in {"type", "channel", "status", "since", "until"}
}


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [("/history", *row) for row in QUERIES.items()] + [("/inbox", *row) for row in ALIKE.items()],
)
def test_a_query_that_is_wrong_is_refused(product, path, query, field):
    refused(product.call("GET", f"{path}/{USER}?{query}"), 422, field, where="query")


def test_a_forged_cursor_is_refused(product):
    for user in ("pages-1", "pages-2"):
        for number in range(3):
            product.ended(product.submit("job.completed", {"job_id": f"j-{number}"}, user))
    for path in ("history", "inbox"):
        first = product.get(f"/{path}/pages-1", limit=1)
        cursor = first["next_cursor"]
        second = product.get(f"/{path}/pages-1", limit=1, cursor=cursor)
        third = product.get(f"/{path}/pages-1", limit=1, cursor=second["next_cursor"])
        assert len({page["items"][0]["id"] for page in (first, second, third)}) == 3
        assert third["next_cursor"] is None
        other = "inbox" if path == "history" else "history"
        bad = [
            cursor[: len(cursor) // 2],
            cursor + "!",
            cursor[::-1],
            base64.urlsafe_b64encode(b'{"x": 1}').decode(),
            "A" * 5000,
        ]
        for one in bad:
            refused(product.call("GET", f"/{path}/pages-1", params={"cursor": one}), 422, "cursor", where="query")
        refused(product.call("GET", f"/{other}/pages-1", params={"cursor": cursor}), 422, "cursor", where="query")
        theirs = product.call("GET", f"/{path}/pages-2", params={"cursor": cursor})
        assert theirs.status_code in {200, 422}
        if theirs.status_code == 200:
            assert {
                one["notification_id"] if path == "inbox" else one["user_id"] for one in theirs.json()["items"]
            }.isdisjoint({"pages-1"})


def test_history_is_filtered(product):
    product.set_user("filters", contacts={"email": "filters@x.example"})
    for number in range(2):
        product.ended(product.submit("job.completed", {"job_id": f"j-{number}"}, "filters"))
    middle = product.history("filters")[1]["created_at"]
    assert {one["channel"] for one in product.history("filters", channel="email")} == {"email"}
    assert product.history("filters", type="job.failed") == []
    assert len(product.history("filters", status="delivered")) == 4
    since, until = product.history("filters", since=middle), product.history("filters", until=middle)
    assert len(since) + len(until) == 4
    assert all(one["created_at"] >= middle for one in since)
    assert all(one["created_at"] < middle for one in until)


@pytest.mark.parametrize("id_", BAD_IDS)
def test_a_malformed_id_is_a_404(product, id_):
    for method, path in (
        ("GET", f"/events/{id_}"),
        ("DELETE", f"/events/{id_}"),
        ("GET", f"/notifications/{id_}"),
        ("PATCH", f"/inbox/{USER}/{id_}"),
        ("DELETE", f"/keys/{id_}"),
    ):
        body = {"read": True} if method == "PATCH" else None
        refused(product.call(method, path, json=body), 404)


@pytest.mark.parametrize("user", BAD_USERS)
def test_a_malformed_user_is_a_404(product, user):
    for method, path in (
        ("GET", f"/history/{user}"),
        ("GET", f"/inbox/{user}"),
        ("GET", f"/preferences/{user}"),
        ("PUT", f"/preferences/{user}"),
        ("POST", f"/users/{user}/token"),
    ):
        refused(product.call(method, path, json={} if method == "PUT" else None), 404)


def test_what_does_not_exist(product):
    refused(product.call("GET", "/nothing"), 404)
    for method, path in (("PUT", "/events"), ("DELETE", "/health"), ("POST", f"/history/{USER}")):
        answer = product.call(method, path)
        refused(answer, 405)
        assert answer.headers["Allow"]


CUT_SHORT = {
    "no chunk": (b"Transfer-Encoding: chunked", b"zz\r\n", 400),
    "no length": (b"Content-Length: abc", b"", 400),
    "two lengths": (b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n", 400),
    "half of it": (b"Content-Length: 100", b'{"type": "job.', 400),
    "too many chunks": (b"Transfer-Encoding: chunked", b"493E0\r\n" + b" " * 300_000 + b"\r\n0\r\n\r\n", 413),
}


@pytest.mark.parametrize("name", CUT_SHORT)
def test_a_body_that_is_no_http_is_the_clients_fault(product, name):
    framing, body, status = CUT_SHORT[name]
    key = product.admin_key.encode()
    head = b"POST /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", product.port), timeout=20) as connection:
        connection.sendall(head + b"Authorization: Bearer " + key + b"\r\n" + framing + b"\r\n\r\n" + body)
        with suppress(OSError):  # it may have answered and hung up by now
            connection.shutdown(socket.SHUT_WR)
        answer = HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")


def test_an_event_is_cancelled_once(product):
    event_id = product.submit("job.completed", {"job_id": "later"}, "cancelled", deliver_at="2999-01-01T00:00:00Z")
    [row] = product.event(event_id)["notifications"]
    assert (row["status"], row["reason"]) == ("held", "scheduled")
    assert product.call("DELETE", f"/events/{event_id}").status_code == 202
    [row] = product.event(event_id)["notifications"]
    assert (row["status"], row["reason"]) == ("cancelled", "requested")
    refused(product.call("DELETE", f"/events/{event_id}"), 409)
    assert product.metrics().sum("notifications_unaccounted") == 0


def test_the_inbox_is_read_and_archived(product):
    for number in range(3):
        product.ended(product.submit("job.completed", {"job_id": f"j-{number}"}, "reader"))
    items = product.get("/inbox/reader")["items"]
    path = f"/inbox/reader/{items[0]['id']}"
    assert product.call("PATCH", path, json={"read": True}).json()["unread_count"] == 2
    assert product.call("PATCH", path, json={"read": False}).json()["unread_count"] == 3
    assert product.call("PATCH", path, json={"archived": True}).json()["unread_count"] == 2
    states = {
        state: len(product.get("/inbox/reader", state=state)["items"])
        for state in ("unread", "read", "archived", "all")
    }
    assert states == {"unread": 2, "read": 0, "archived": 1, "all": 3}
    assert product.call("POST", "/inbox/reader/read-all").json() == {"unread_count": 0}
    for body, field in (({}, None), ({"read": "yes"}, "read"), ({"seen": True}, "seen"), ({"read": None}, "read")):
        refused(product.call("PATCH", path, json=body), 422, field)
