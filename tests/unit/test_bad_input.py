"""Whatever is wrong, at whichever door: the status of the contract, the field by its name, and nothing stored."""

import pytest

from tests.fakes.doors import DOORS, everything, furnish
from tests.fakes.product import build_product
from tests.unit.test_api_access import ADMIN_KEY, ANYBODY, OPEN, ROWS, SOMEBODY_ELSE, other_scope, path_of

PROBLEM = "application/problem+json"
NO_BODY_AT_ALL = {
    "nothing": "",
    "half of one": "{",
    "single quotes": "{'a': 1}",
    "two documents": "{} {}",
    "a form": "type=job.failed",
    "not UTF-8": b'{"a": "\xff"}',
    "a mark before it": b"\xef\xbb\xbf{}",
}
NO_OBJECT = {
    "a text": '"x"',
    "a number": "5",
    "null": "null",
    "100,000 brackets": "[" * 100_000,
    "5,000 levels": '{"a":' * 5000 + "1" + "}" * 5000,
}
NO_TEXT = {
    "NaN": "NaN",
    "an infinity": "-Infinity",
    "too large a fraction": "1e400",
    "too large an integer": "99999999999999999999",
    "5,000 digits": "9" * 5000,
    "a lone surrogate": r'"\ud800"',
    "NUL": r'"a\u0000b"',
    "NUL in a name": r'{"a\u0000b": 1}',
    "9 levels": "[" * 9 + "]" * 9,
}
OTHER_MEDIA_TYPES = ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", ""]


@pytest.fixture(scope="module")
def product(tmp_path_factory, migrated):
    product = build_product(tmp_path_factory.mktemp("bad"), migrated)
    furnish(product)
    yield product
    product.services.close()


def refused(answer, status):
    assert (answer.status_code, answer.content_type) == (status, PROBLEM), answer.text[:500]
    assert answer.json["status"] == status
    assert "Traceback" not in answer.text
    return answer.json.get("errors", {})


def said(door, answer):
    """The fields that an answer names; of a batch, those of its one entry."""
    if answer.status_code in (200, 202) and door.in_parts:
        assert answer.json["accepted"] == []
        [entry] = answer.json["rejected"]
        return set(entry["errors"])
    return set(refused(answer, 422)["json"])


@pytest.fixture(params=DOORS)
def door(request, product):
    """One way in, through which nothing may come during the test."""
    before = everything(product)
    yield DOORS[request.param]
    assert everything(product) == before


@pytest.mark.parametrize("body", NO_BODY_AT_ALL.values(), ids=NO_BODY_AT_ALL)
def test_what_is_no_json_is_400(product, door, body):
    refused(door.send(product, body), 400)


@pytest.mark.parametrize("body", NO_OBJECT.values(), ids=NO_OBJECT)
def test_what_is_no_object_is_422(product, door, body):
    assert door.whole in refused(door.send(product, body), 422)["json"]


def test_an_object_is_no_list_and_a_list_no_object(product, door):
    body = "{}" if isinstance(door.good, list) else "[]"
    assert door.whole in refused(door.send(product, body), 422)["json"]


@pytest.mark.parametrize("raw", [*NO_TEXT.values(), None], ids=[*NO_TEXT, "given twice"])
def test_what_is_no_text_is_422_and_named(product, door, raw):
    answer = door.send(product, door.with_text_twice() if raw is None else door.with_text(raw))
    assert said(door, answer) == {door.named}


@pytest.mark.parametrize("media_type", OTHER_MEDIA_TYPES)
def test_another_media_type_is_415(product, door, media_type):
    refused(door.send(product, "{}", media_type=media_type), 415)


def test_another_encoding_is_415(product, door):
    refused(door.send(product, "{}", media_type=f"{door.media_type}; charset=utf-16"), 415)
    refused(door.send(product, b"\x1f\x8b", **{"Content-Encoding": "gzip"}), 415)


def test_a_body_that_is_too_large_is_413(product, door):
    refused(door.send(product, b" " * (door.limit + 1)), 413)


FIELDS = [
    ("an event", {"colour": "red"}, "colour"),
    ("an event", {"source": 5}, "source"),
    ("an event", {"idempotency_key": "k"}, "idempotency_key"),
    ("a structured CloudEvent", {"subject": 5}, "subject"),
    ("a structured CloudEvent", {"specversion": "0.3"}, "specversion"),
    ("a batch of CloudEvents", {"subject": 5}, "subject"),
    ("a batch", {"colour": "red"}, "colour"),
    ("a batch", {"idempotency_key": 7}, "idempotency_key"),
    ("a question", {"colour": "red"}, "colour"),
    ("a question", {"at": "tomorrow"}, "at"),
    ("a question", {"at": "2026-11-22T10:00:00"}, "at"),
    ("preferences", {"colour": "red"}, "colour"),
    ("preferences", {"locale": 5}, "locale"),
    ("a change of preferences", {"colour": None}, "colour"),
    ("a change of preferences", {"channels": {"email": "yes"}}, "channels"),
    ("the defaults", {"colour": "red"}, "colour"),
    ("the defaults", {"contacts": {"email": "a@b.example"}}, "contacts"),
    ("a change of the defaults", {"colour": None}, "colour"),
    ("a change of the defaults", {"muted_subjects": ["j-1"]}, "muted_subjects"),
    ("a change of an item", {"colour": "red"}, "colour"),
    ("a change of an item", {"read": "yes"}, "read"),
    ("a change of an item", {"archived": 1}, "archived"),
    ("a change of an item", {"read": None}, "read"),
    ("a change of an item", {"read": ...}, "_schema"),
    ("a key", {"colour": "red"}, "colour"),
    ("a key", {"name": ...}, "name"),
    ("a key", {"name": 5}, "name"),
    ("a key", {"name": ""}, "name"),
    ("a key", {"name": "x" * 256}, "name"),
    ("a key", {"scopes": ...}, "scopes"),
    ("a key", {"scopes": []}, "scopes"),
    ("a key", {"scopes": "admin"}, "scopes"),
    ("a key", {"scopes": ["everything"]}, "scopes"),
    ("a pause", {"colour": "red"}, "colour"),
    ("a pause", {"reason": ""}, "reason"),
    ("a pause", {"reason": "x" * 201}, "reason"),
    ("a replay", {"colour": "red"}, "colour"),
    ("a replay", {"user_id": ...}, "_schema"),
    ("a replay", {"user_id": None}, "_schema"),
    ("a replay", {"user_id": 5}, "user_id"),
    ("a replay", {"status": "pending"}, "status"),
    ("a replay", {"channel": "pigeon"}, "channel"),
    ("a replay", {"since": "yesterday"}, "since"),
    ("a replay", {"dry_run": "yes"}, "dry_run"),
    ("a replay", {"limit": 0}, "limit"),
    ("a replay", {"limit": 201}, "limit"),
    ("a replay", {"limit": "5"}, "limit"),
]


@pytest.mark.parametrize(("door", "fields", "named"), FIELDS, indirect=["door"])
def test_a_field_that_is_unknown_or_wrong_is_422_and_named(product, door, fields, named):
    answer = door.send(product, door.changed(**fields))
    assert said(door, answer) == {named}


CHANGES = [route for route, row in ROWS.items() if row.needs not in (OPEN, ANYBODY) and not route.startswith("GET")]
STRANGERS = {"no token": 401, "garbled": 401, "revoked": 401, "another scope": 403, "another user": None}


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("route", CHANGES)
def test_who_may_not_changes_nothing(product, route, who):
    row = ROWS[route]
    method, rule = route.split()
    path = path_of(rule, product, ADMIN_KEY)
    revoked = product.services.identity.create_key("gone", ["admin"], actor="test")
    product.services.identity.revoke_key(revoked.id, actor="test")
    token = {
        "no token": None,
        "garbled": "im2n_garbled",
        "revoked": revoked.key,
        "another scope": product.key(other_scope(row)),
        "another user": product.token(SOMEBODY_ELSE),
    }[who]
    before = everything(product)
    answer = product.call(method, path, token, **({} if row.body is None else {"json": row.body}))
    refused(answer, STRANGERS[who] or (404 if row.users else 403))
    assert everything(product) == before


PAGED = {"limit": ("0", "201", "-1", "x", "1.5", "9" * 20), "cursor": ("x", "", "A" * 5000, "YnV0OjE", "%00")}
TIMED = {"since": ("yesterday", "2026-11-22", "2026-11-22T10:00:00"), "until": ("tomorrow", "0001-01-01T00:00:00Z")}
CHOSEN = {"type": ("job.exploded",), "channel": ("pigeon",), "status": ("lost",)}
LISTS = {
    "/history/u-1": PAGED | TIMED | CHOSEN | {"subject_key": ("%00",)},
    "/notifications": PAGED | TIMED | CHOSEN | {"user_id": ("%00",), "subject_key": ("%00",), "event_id": ("%00",)},
    "/inbox/u-1": PAGED | {"state": ("lost", "%00")},
    "/audit": PAGED | TIMED | {"actor": ("%00",), "action": ("%00",), "object": ("%00",)},
}


@pytest.mark.parametrize("path", LISTS)
def test_a_query_that_is_wrong_is_422_and_named(product, path):
    for name, values in LISTS[path].items():
        for value in values:
            answer = product.call("GET", f"{path}?{name}={value}")
            assert set(refused(answer, 422)["query"]) == {name}, (name, value)
