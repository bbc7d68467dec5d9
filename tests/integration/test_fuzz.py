"""Requests nobody thought of: whatever is sent, the answer is one of those the contract knows."""

import json
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.conftest import PLACES

# PostgreSQL, which takes less than SQLite does: that one is asked by schemathesis.
pytestmark = pytest.mark.parametrize("product", PLACES[:1], indirect=True, ids=", ".join)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["job.failed", "u-1", "email", "critical", "2026-11-22T10:00:00Z", "instant", "\0", "\ud800", ""]),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)
EVENT_FIELDS = (
    "type", "recipients", "data", "source", "subject_key", "sequence", "dedupe_key", "channels", "priority", "resolved",
    "occurred_at", "deliver_at", "expires_at", "idempotency_key",
)  # fmt: skip
GOOD = {"type": "job.failed", "recipients": ["fuzz"], "data": {"job_id": "j", "error": "e"}}
DATA = st.dictionaries(st.sampled_from(["job_id", "error", "name", "duration_seconds", "unit", "url", "message"]), JSON)
EVENTS = st.one_of(
    st.dictionaries(st.sampled_from(EVENT_FIELDS), JSON).map(lambda odd: GOOD | odd),
    DATA.map(lambda odd: GOOD | {"data": GOOD["data"] | odd}),
    JSON,
)
PREFERENCE_FIELDS = (
    "locale", "timezone", "contacts", "channels", "events", "quiet_hours", "daily_at", "muted_until", "muted_subjects",
    "escalate",
)  # fmt: skip
CONTACTS = st.fixed_dictionaries(
    {},
    optional={
        "email": JSON,
        "webhook": st.one_of(JSON, st.dictionaries(st.sampled_from(["url", "types", "headers", "secret"]), JSON)),
    },
)
DOCUMENTS = st.one_of(
    st.dictionaries(st.sampled_from(PREFERENCE_FIELDS), JSON), CONTACTS.map(lambda odd: {"contacts": odd}), JSON
)
BOUNDED = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)


def send(product, method, path, body):
    """Send JSON as it is, with its NaN and its lone surrogates."""
    data = json.dumps(body).encode()
    answer = product.call(method, path, data=data, headers={"Content-Type": "application/json"})
    assert answer.status_code < 500, (answer.status_code, body, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    return answer


@BOUNDED
@given(event=EVENTS)
def test_any_event(product, event):
    answer = send(product, "POST", "/events", event)
    assert answer.status_code in {202, 422}
    if answer.status_code == 422:
        assert answer.json()["errors"]


@BOUNDED
@given(events=st.lists(EVENTS, max_size=4))
def test_any_batch(product, events):
    answer = send(product, "POST", "/events/batch", {"events": events})
    if answer.status_code == 202:
        body = answer.json()
        assert sorted(one["index"] for one in body["accepted"] + body["rejected"]) == list(range(len(events)))


@BOUNDED
@given(document=DOCUMENTS, method=st.sampled_from(["PUT", "PATCH"]))
def test_any_preferences(product, document, method):
    answer = send(product, method, "/preferences/fuzz-preferences", document)
    assert answer.status_code in {200, 422}
    assert product.call("GET", "/preferences/fuzz-preferences").status_code == 200


@BOUNDED
@given(body=st.binary(max_size=200), path=st.sampled_from(["/events", "/events/batch", "/keys", "/preferences/fuzz"]))
def test_any_bytes(product, body, path):
    method = "PUT" if path.startswith("/preferences") else "POST"
    answer = product.call(method, path, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}


@BOUNDED
@given(
    name=st.sampled_from(["limit", "cursor", "type", "channel", "status", "since", "until", "state"]),
    value=st.text(st.characters(codec="utf-8"), max_size=40),
    path=st.sampled_from(["/history/fuzz", "/inbox/fuzz"]),
)
def test_any_query(product, name, value, path):
    assert product.call("GET", path, params={name: value}).status_code in {200, 422}


@BOUNDED
@given(
    path=st.lists(
        st.sampled_from(
            ["events", "history", "inbox", "notifications", "preferences", "users", "token", "keys", "..", "%00"]
        )
        | st.text(string.printable.replace("?", "").replace("#", ""), min_size=1, max_size=12),
        max_size=4,
    ).map("/".join),
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
)
def test_any_path(product, path, method):
    answer = product.call(method, f"/{path}", allow_redirects=False)
    assert answer.status_code < 500, (method, path, answer.text)


def test_what_was_accepted_of_it_found_its_end(product):
    """Comes last: the workers have survived all of it, and nothing is unaccounted for."""
    event = product.ended(product.submit("job.completed", {"job_id": "after the fuzz"}, "after-fuzz"))
    assert event["counts"] == {"delivered": 1}
    assert product.metrics().sum("notifications_unaccounted") == 0
    assert not [
        line for line in product.lines() if line["message"] in {"request_crashed", "channel_failed", "component_died"}
    ]
