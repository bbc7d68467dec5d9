"""Bodies nobody thought of, at every door: taken or refused by the contract, and never a 500."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.doors import DOORS, furnish
from tests.fakes.product import build_product

EVENT_FIELDS = (
    "type", "recipients", "data", "source", "subject_key", "sequence", "dedupe_key", "channels", "priority", "resolved",
    "occurred_at", "deliver_at", "expires_at", "idempotency_key", "at",
)  # fmt: skip
ATTRIBUTES = (
    "specversion", "id", "source", "type", "data", "data_base64", "datacontenttype", "subject", "time", "recipients",
    "channels", "sequence", "resolved", "priority", "dedupekey", "deliverat", "expiresat",
)  # fmt: skip
PREFERENCE_FIELDS = (
    "locale", "timezone", "contacts", "channels", "events", "quiet_hours", "daily_at", "muted_until", "muted_subjects",
    "escalate", "user_id", "from_defaults", "effective",
)  # fmt: skip
FIELDS = {
    **dict.fromkeys(("an event", "a batch", "a question"), EVENT_FIELDS),
    **dict.fromkeys(("a structured CloudEvent", "a batch of CloudEvents"), ATTRIBUTES),
    "a binary CloudEvent": ("job_id", "error", "name"),
    **dict.fromkeys(
        (
            "preferences",
            "a change of preferences",
            "the defaults",
            "a change of the defaults",
            "everybody's preferences",
        ),
        PREFERENCE_FIELDS,
    ),
    "a preview": (
        "type",
        "channel",
        "locale",
        "timezone",
        "data",
        "source",
        "subject_key",
        "priority",
        "resolved",
        "occurred_at",
        "pieces",
    ),
    "a change of an item": ("read", "archived"),
    "a key": ("name", "scopes"),
    "a template": ("subject.txt", "body.txt", "body.html", "short.txt"),
    "a rollback": ("version",),
    "a replay": (
        "status",
        "channel",
        "type",
        "user_id",
        "subject_key",
        "event_id",
        "digest_id",
        "item_id",
        "since",
        "until",
        "limit",
        "dry_run",
    ),
    "a session": ("token",),
    "a pause": ("reason",),
}
KNOWN = st.sampled_from(
    ["job.failed", "u-1", "email", "webhook", "critical", "instant", "failed", "2030-01-01T00:00:00Z", "UTC", "de"]
)
ODD = st.sampled_from(["", "\0", "\ud800", "e30=", 2**63, -(2**63) - 1, 1e308, float("nan")])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=12)
    | KNOWN
    | ODD
)
NAMES = st.text(max_size=8) | st.sampled_from(
    ["email", "webhook", "url", "headers", "job.failed", "inapp", "start", "end", "to"]
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=10
)


@pytest.fixture(scope="module")
def product(tmp_path_factory, migrated):
    product = build_product(tmp_path_factory.mktemp("fuzz"), migrated)
    furnish(product)
    yield product
    product.services.close()


def test_no_door_is_left_out():
    assert set(FIELDS) == set(DOORS)


@pytest.mark.parametrize("name", DOORS)
@settings(suppress_health_check=list(HealthCheck), database=None, derandomize=True)
@given(data=st.data())
def test_any_fields(product, name, data):
    door = DOORS[name]
    odd = data.draw(st.dictionaries(st.sampled_from(FIELDS[name]), VALUES, min_size=1, max_size=3))
    answer = door.send(product, door.changed(**odd))
    # A text that is none of our tokens is no wrong field.
    assert answer.status_code in {200, 201, 202, 401 if name == "a session" else 422, 422}, (odd, answer.text)
    if answer.status_code == 422:
        assert answer.content_type == "application/problem+json"
        assert answer.json["errors"]


@pytest.mark.parametrize("name", DOORS)
@settings(suppress_health_check=list(HealthCheck), database=None, derandomize=True)
@given(document=VALUES)
def test_any_document(product, name, document):
    answer = DOORS[name].send(product, json.dumps(document))
    assert answer.status_code in {200, 202, 422}, (document, answer.text)


@pytest.mark.parametrize("name", DOORS)
@settings(suppress_health_check=list(HealthCheck), database=None, derandomize=True)
@given(body=st.binary(max_size=100))
def test_any_bytes(product, name, body):
    assert DOORS[name].send(product, body).status_code in {400, 422}, body
