"""What is wrong with an event is wrong at every door for events, is named there in its words, and stores nothing."""

import json
from datetime import timedelta

import pytest

from app.domain.events import EVENT_TYPES
from tests.fakes.doors import BATCH, CE_HEADERS, DATA, ENVELOPE, EVENT, JSON, STRUCTURED, everything, furnish
from tests.fakes.product import build_product

PROBLEM = "application/problem+json"
DOORS = ("event", "batch", "explain", "structured", "binary", "batch of CloudEvents")
IN_THEIR_WORDS = {"expires_at": "expiresat", "deliver_at": "deliverat", "subject_key": "subject"}


def at(product, **delta):
    return (product.clock.now() + timedelta(**delta)).isoformat()


def nested(levels):
    value = "end"
    for _ in range(levels):
        value = {"in": value}
    return value


def with_data(**fields):
    return lambda _product: {"data": {**DATA, **fields}}


def fields(**changed):
    return lambda _product: changed


FAULTS = {
    "an unknown type": (fields(type="job.exploded"), "type"),
    "a digest": (fields(type="digest"), "type"),
    "no data": (fields(data={}), "data"),
    "data of a wrong type": (with_data(error=5), "data"),
    "data without its text": (with_data(error=" "), "data"),
    "data of 65 KiB": (with_data(more="x" * 65 * 1024), "data"),
    "data of 9 levels": (with_data(more=nested(8)), "data"),
    "1,001 recipients": (fields(recipients=[f"u-{number}" for number in range(1001)]), "recipients"),
    "a recipient of 500 characters": (fields(recipients=["u" * 500]), "recipients"),
    "a reserved recipient": (fields(recipients=["_defaults"]), "recipients"),
    "empty recipients": (fields(recipients=[]), "recipients"),
    "empty recipients of a system event": (
        fields(type="system.error", data={"component": "c", "message": "m"}, recipients=[]),
        "recipients",
    ),
    "an unknown channel": (fields(channels=["pigeon"]), "channels"),
    "an unknown priority": (fields(priority="urgent"), "priority"),
    "an expiry that is past": (lambda product: {"expires_at": at(product, minutes=-1)}, "expires_at"),
    "an expiry now": (lambda product: {"expires_at": at(product)}, "expires_at"),
    "an expiry before the delivery": (
        lambda product: {"deliver_at": at(product, hours=2), "expires_at": at(product, hours=1)},
        "expires_at",
    ),
    "an expiry that is no time": (fields(expires_at="tomorrow"), "expires_at"),
    "a subject that is too long": (fields(subject_key="x" * 256), "subject_key"),
}


@pytest.fixture(scope="module")
def product(tmp_path_factory, migrated):
    product = build_product(tmp_path_factory.mktemp("bad-events"), migrated)
    furnish(product)
    yield product
    product.services.close()


def send(product, door, changed):
    """An event with these fields, through a door; the fields that are named, and where."""
    event = {**EVENT, **changed}
    if door == "event":
        return post(product, "/events", JSON, event)
    if door == "batch":
        return post(product, "/events/batch", JSON, {"events": [event]})
    if door == "explain":
        return post(product, "/events/explain", JSON, event)
    attributes = {IN_THEIR_WORDS.get(name, name): as_attribute(value) for name, value in changed.items()}
    envelope = {**ENVELOPE, **attributes, "data": event["data"]}
    if door == "structured":
        return post(product, "/events", STRUCTURED, envelope)
    if door == "batch of CloudEvents":
        return post(product, "/events", BATCH, [envelope])
    headers = CE_HEADERS | {f"ce-{name}": value for name, value in attributes.items() if name != "data"}
    return post(product, "/events", JSON, event["data"], headers)


def as_attribute(value):
    return ",".join(value) if isinstance(value, list) else value


def post(product, path, media_type, body, headers=None):
    given = {**(headers or {}), "Content-Type": media_type}
    return product.call("POST", path, data=json.dumps(body), headers=given)


def named(answer):
    if answer.status_code == 202:
        assert answer.json["accepted"] == []
        [entry] = answer.json["rejected"]
        return set(entry["errors"])
    assert (answer.status_code, answer.content_type) == (422, PROBLEM), answer.text[:300]
    return {field for place in answer.json["errors"].values() for field in place}


def word(door, field):
    theirs = IN_THEIR_WORDS.get(field, field)
    match door:
        case "structured" | "batch of CloudEvents":
            return theirs
        case "binary":
            return "data" if field == "data" else f"ce-{theirs}"
    return field


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_refused_and_named(product, door, fault):
    changed, field = FAULTS[fault]
    before = everything(product)
    answer = send(product, door, changed(product))
    assert named(answer) == {word(door, field)}
    assert everything(product) == before


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_each_type_misses_what_it_needs(product, door, type_):
    known = EVENT_TYPES[type_]
    before = everything(product)
    for name in known.required:
        data = {field: value for field, value in known.sample.items() if field != name}
        answer = send(product, door, {"type": type_, "data": data})
        assert named(answer) == {"data"}
        assert f"Required for {type_}." in answer.text
        assert name in answer.text
    assert everything(product) == before


@pytest.mark.parametrize("door", DOORS)
def test_what_is_right_is_taken(product, door):
    assert send(product, door, {"type": "job.failed"}).status_code in {200, 202}


@pytest.mark.parametrize("door", ["batch", "batch of CloudEvents"])
def test_a_batch_plans_no_more_than_ten_thousand_pairs(product, door):
    crowd = [f"u-{number}" for number in range(1000)]
    before = everything(product)
    if door == "batch":
        answer = post(product, "/events/batch", JSON, {"events": [{**EVENT, "recipients": crowd}] * 11})
    else:
        envelopes = [{**ENVELOPE, "id": str(number), "recipients": ",".join(crowd)} for number in range(11)]
        answer = post(product, "/events", BATCH, envelopes)
    assert named(answer) == {"events" if door == "batch" else "_schema"}
    assert everything(product) == before
