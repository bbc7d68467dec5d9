"""Every rule for submitted events, from outside: the right status, and the field by its name."""

import json
from datetime import UTC, datetime, timedelta

import pytest

TYPES = (
    "job.completed",
    "job.failed",
    "job.progress",
    "system.error",
    "system.warning",
    "quota.exceeded",
    "quota.approaching",
)
GOOD = {"type": "job.failed", "recipients": ["bad-1"], "data": {"job_id": "j-1", "error": "e"}}
DATA = {
    "job.completed": {"job_id": "j"},
    "job.failed": {"job_id": "j", "error": "e"},
    "job.progress": {"job_id": "j", "percent": 1},
    "system.error": {"component": "c", "message": "m"},
    "system.warning": {"component": "c", "message": "m"},
    "quota.exceeded": {"resource": "r", "used": 1, "limit": 1},
    "quota.approaching": {"resource": "r", "used": 1, "limit": 1},
}
MISSING = object()


def nested(depth):
    value = "end"
    for _ in range(depth):
        value = {"in": value}
    return value


def changed(**fields):
    return {name: value for name, value in (GOOD | fields).items() if value is not MISSING}


def with_data(**fields):
    data = GOOD["data"] | fields
    return changed(data={name: value for name, value in data.items() if value is not MISSING})


PAST = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
SOON = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
LATER = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
BAD = {
    "no type": (changed(type=MISSING), "type"),
    "type is null": (changed(type=None), "type"),
    "type is a number": (changed(type=5), "type"),
    "unknown type": (changed(type="job.nonsense"), "type"),
    "digest is no event": (changed(type="digest"), "type"),
    "no recipients": (changed(recipients=MISSING), "recipients"),
    "recipients is null": (changed(recipients=None), "recipients"),
    "recipients is empty": (changed(recipients=[]), "recipients"),
    "no recipients on system": (changed(type="system.error", data=DATA["system.error"], recipients=[]), "recipients"),
    "recipients is text": (changed(recipients="u-1"), "recipients"),
    "recipient is a number": (changed(recipients=[1]), "recipients"),
    "recipient with a space": (changed(recipients=["u 1"]), "recipients"),
    "recipient is reserved": (changed(recipients=["_defaults"]), "recipients"),
    "recipient is empty": (changed(recipients=[""]), "recipients"),
    "recipient with a line end": (changed(recipients=["u-1\n"]), "recipients"),
    "recipient too long": (changed(recipients=["u" * 129]), "recipients"),
    "recipient with an accent": (changed(recipients=["ü"]), "recipients"),
    "1,001 recipients": (changed(recipients=[f"u-{number}" for number in range(1001)]), "recipients"),
    "no data": (changed(data=MISSING), "data"),
    "data is null": (changed(data=None), "data"),
    "data is a list": (changed(data=[]), "data"),
    "data is text": (changed(data="x"), "data"),
    "data too deep": (with_data(deep=nested(8)), "data"),
    "data too large": (with_data(text="x" * 65_536), "data"),
    "text with NUL": (with_data(text="a\0b"), "data"),
    "name with NUL": (with_data(**{"a\0b": 1}), "data"),
    "integer beyond 64 bits": (with_data(number=2**63), "data"),
    "unknown field": (changed(colour="red"), "colour"),
    "subject_key is a number": (changed(subject_key=5), "subject_key"),
    "subject_key is empty": (changed(subject_key=""), "subject_key"),
    "subject_key too long": (changed(subject_key="x" * 256), "subject_key"),
    "subject_key with NUL": (changed(subject_key="a\0"), "subject_key"),
    "source is a list": (changed(source=[]), "source"),
    "source too long": (changed(source="x" * 256), "source"),
    "sequence is text": (changed(sequence="4"), "sequence"),
    "sequence is a fraction": (changed(sequence=4.5), "sequence"),
    "sequence is true": (changed(sequence=True), "sequence"),
    "sequence is too large": (changed(sequence=2**63), "sequence"),
    "dedupe_key is empty": (changed(dedupe_key=""), "dedupe_key"),
    "channels is empty": (changed(channels=[]), "channels"),
    "unknown channel": (changed(channels=["email", "pigeon"]), "channels"),
    "channels is text": (changed(channels="email"), "channels"),
    "unknown priority": (changed(priority="urgent"), "priority"),
    "priority is a number": (changed(priority=1), "priority"),
    "resolved is text": (changed(resolved="true"), "resolved"),
    "resolved is a number": (changed(resolved=1), "resolved"),
    "occurred_at is text": (changed(occurred_at="yesterday"), "occurred_at"),
    "occurred_at without offset": (changed(occurred_at="2026-11-22T10:00:00"), "occurred_at"),
    "occurred_at is a number": (changed(occurred_at=1_795_000_000), "occurred_at"),
    "occurred_at is no day": (changed(occurred_at="2026-02-30T10:00:00Z"), "occurred_at"),
    "deliver_at is a date": (changed(deliver_at="2026-11-22"), "deliver_at"),
    "expires_at is past": (changed(expires_at=PAST), "expires_at"),
    "expires_at before deliver_at": (changed(deliver_at=LATER, expires_at=SOON), "expires_at"),
    "expires_at at deliver_at": (changed(deliver_at=SOON, expires_at=SOON), "expires_at"),
    "idempotency_key in the body": (changed(idempotency_key="k"), "idempotency_key"),
}
RAW = {
    "no JSON": (b"{", 400, None),
    "empty": (b"", 400, None),
    "not UTF-8": (b'{"type": "\xff"}', 400, None),
    "two documents": (b"{} {}", 400, None),
    "single quotes": (b"{'type': 1}", 400, None),
    "a list": (b"[]", 422, "_schema"),
    "a number": (b"5", 422, "_schema"),
    "null": (b"null", 422, "_schema"),
    "a name twice": (b'{"type": "job.failed", "type": "job.failed", "recipients": ["u"], "data": {}}', 422, "type"),
    "a name in data twice": (b'{"type": "job.failed", "recipients": ["u"], "data": {"a": 1, "a": 2}}', 422, "data"),
    "NaN": (
        b'{"type": "job.failed", "recipients": ["u"], "data": {"job_id": "j", "error": "e", "x": NaN}}',
        422,
        "data",
    ),
    "Infinity": (b'{"type": "job.failed", "recipients": ["u"], "data": {"x": -Infinity}}', 422, "data"),
    "1e999": (b'{"type": "job.failed", "recipients": ["u"], "data": {"x": 1e999}}', 422, "data"),
    "lone surrogate": (rb'{"type": "job.failed", "recipients": ["u"], "data": {"x": "\ud800"}}', 422, "data"),
    "lone surrogate in a name": (rb'{"type": "job.failed", "recipients": ["u"], "data": {"\udfff": 1}}', 422, "data"),
    "escaped NUL": (rb'{"type": "job.failed", "recipients": ["u"], "data": {"x": "\u0000"}}', 422, "data"),
    "5,000 digits": (b'{"type": "job.failed", "recipients": ["u"], "data": {"x": ' + b"9" * 5000 + b"}}", 422, "data"),
    "100,000 brackets": (b"[" * 100_000, 422, "_schema"),
    "deep in a field": (b'{"source": ' + b"[" * 5000 + b"]" * 5000 + b"}", 422, None),
}


def refused(answer, status, field=None, where="json"):
    """Whether it is the problem that the contract asks for."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail"} <= set(body)
    assert body["status"] == status
    assert "Traceback" not in answer.text
    if field is not None:
        assert field in body["errors"][where], body
    return body


@pytest.mark.parametrize("name", BAD)
def test_a_field_that_is_wrong_is_named(product, name):
    event, field = BAD[name]
    body = refused(product.call("POST", "/events", json=event), 422, field)
    assert list(body["errors"]["json"]) == [field]


@pytest.mark.parametrize("name", RAW)
def test_a_body_that_is_wrong_is_refused(product, name):
    body, status, field = RAW[name]
    headers = {"Content-Type": "application/json"}
    refused(product.call("POST", "/events", data=body, headers=headers), status, field)


@pytest.mark.parametrize("type_", TYPES)
def test_each_type_says_which_data_it_needs(product, type_):
    answer = product.call("POST", "/events", json=changed(type=type_, data={}))
    assert set(refused(answer, 422)["errors"]["json"]["data"]) == set(DATA[type_])
    for field in DATA[type_]:
        for value in (None, [], {}, True, "" if field not in {"percent", "used", "limit"} else "5"):
            data = DATA[type_] | {field: value}
            answer = product.call("POST", "/events", json=changed(type=type_, data=data))
            assert list(refused(answer, 422)["errors"]["json"]["data"]) == [field], (field, value)


@pytest.mark.parametrize(("percent", "good"), [(-0.1, False), (0, True), (100, True), (100.1, False), (1e300, False)])
def test_percent_is_from_0_to_100(product, percent, good):
    event = changed(type="job.progress", data={"job_id": f"p-{percent}", "percent": percent})
    answer = product.call("POST", "/events", json=event)
    assert answer.status_code == (202 if good else 422)


def test_an_unknown_type_names_the_allowed_ones(product):
    answer = product.call("POST", "/events", json=changed(type="job.nonsense"))
    [said] = answer.json()["errors"]["json"]["type"]
    assert all(type_ in said for type_ in TYPES)


def test_all_faults_come_at_once(product):
    event = {"type": "job.nonsense", "recipients": [], "data": [], "priority": "x", "colour": 1}
    body = refused(product.call("POST", "/events", json=event), 422)
    assert set(body["errors"]["json"]) == {"type", "recipients", "data", "priority", "colour"}


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", None])
def test_other_media_types_are_refused(product, media_type):
    headers = {"Content-Type": media_type} if media_type else {}
    refused(product.call("POST", "/events", data=json.dumps(GOOD).encode(), headers=headers), 415)


def test_sizes(product):
    for path, limit in (("/events", 256 * 1024), ("/events/batch", 8 * 1024 * 1024)):
        headers = {"Content-Type": "application/json"}
        refused(product.call("POST", path, data=b" " * (limit + 1), headers=headers), 413)
        refused(product.call("POST", path, data=b" " * limit, headers=headers), 400)
    refused(
        product.call("POST", "/events", data=iter([b" " * 300_000]), headers={"Content-Type": "application/json"}), 413
    )


LIMITS = {
    "data of 64 KiB": with_data(text="x" * (65_536 - len('{"job_id": "j-1", "error": "e", "text": ""}'))),
    "depth 8": with_data(deep=nested(7)),
    "recipient of 128": changed(recipients=["u" * 128]),
    "all the signs a user id may have": changed(recipients=["0a.b_c:d@e+f-g"]),
    "nulls": changed(subject_key=None, dedupe_key=None, channels=None, priority=None, sequence=None, source=None),
    "more nulls": changed(occurred_at=None, deliver_at=None, expires_at=None),
    "an offset": changed(occurred_at="2026-11-22T23:05:00+05:30"),
    "the largest sequence": changed(sequence=2**63 - 1),
    "any language": with_data(error="Ошибка 🔥 \u202e rtl \u200f x"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_just_allowed_is_taken_and_delivered(product, name):
    answer = product.call("POST", "/events", json=LIMITS[name])
    assert answer.status_code == 202, answer.text
    event = product.ended(answer.json()["id"])
    assert event["data"] == LIMITS[name]["data"]
    assert set(event["counts"]) <= {"delivered", "suppressed"}


def test_1000_recipients_are_taken(product):
    users = [f"crowd-{number}" for number in range(1000)]
    event = product.ended(product.submit("job.completed", {"job_id": "crowd"}, *users), 60)
    assert event["counts"] == {"delivered": 1000}
    assert product.metrics().sum("notifications_unaccounted") == 0


def test_a_batch_names_what_is_wrong_by_its_place(product):
    names = list(BAD)
    answer = product.call(
        "POST", "/events/batch", json={"events": [GOOD, *(BAD[name][0] for name in names[:-1]), GOOD]}
    )
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert set(body) == {"accepted", "rejected"}
    assert [one["index"] for one in body["accepted"]] == [0, len(names)]
    assert [one["index"] for one in body["rejected"]] == list(range(1, len(names)))
    for name, one in zip(names, body["rejected"], strict=False):
        assert list(one["errors"]) == [BAD[name][1]], name


BATCHES = {
    "no events": ({}, "events"),
    "events is null": ({"events": None}, "events"),
    "events is an object": ({"events": {}}, "events"),
    "empty": ({"events": []}, "events"),
    "501": ({"events": [GOOD] * 501}, "events"),
    "unknown field": ({"events": [GOOD], "more": 1}, "more"),
    "a list": ([GOOD], "_schema"),
    "too many pairs": ({"events": [changed(recipients=[f"u-{n}" for n in range(1000)])] * 11}, "events"),
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_that_is_wrong_as_a_whole_is_refused(product, name):
    body, field = BATCHES[name]
    refused(product.call("POST", "/events/batch", json=body), 422, field)


def test_an_entry_that_is_no_event_is_rejected_alone(product):
    answer = product.call(
        "POST", "/events/batch", json={"events": [None, 5, "x", [], GOOD, GOOD | {"idempotency_key": 7}]}
    )
    assert answer.status_code == 202
    assert [one["index"] for one in answer.json()["rejected"]] == [0, 1, 2, 3, 5]
    assert list(answer.json()["rejected"][-1]["errors"]) == ["idempotency_key"]


def test_an_entry_with_a_fault_in_its_json_is_rejected_alone(product):
    good = json.dumps(GOOD)
    bad = '{"type": "job.failed", "recipients": ["u"], "data": {"x": NaN}}'
    answer = product.call(
        "POST", "/events/batch", data=f'{{"events": [{good}, {bad}]}}', headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 202
    assert [one["index"] for one in answer.json()["accepted"]] == [0]
    assert [(one["index"], list(one["errors"])) for one in answer.json()["rejected"]] == [(1, ["data"])]
