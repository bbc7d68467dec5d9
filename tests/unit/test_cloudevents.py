"""CloudEvents in the three modes of HTTP, as the specification's own library writes them."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"
DATA = {"job_id": "j-9", "error": "disk full – ünïcode"}


def made(**changes: Any) -> CloudEvent:
    attributes = {
        "id": "1",
        "source": "/encoder",
        "type": "job.failed",
        "specversion": "1.0",
        "recipients": "u-1, u-2",
        "datacontenttype": "application/json",
        "time": datetime(2026, 11, 20, 10, tzinfo=UTC),
    }
    return CloudEvent({**attributes, **changes}, DATA)


def send(product, message: HTTPMessage, **headers: str):
    return product.call("POST", "/events", headers={**message.headers, **headers}, data=message.body)


def structured(product, **changes: Any):
    envelope = json.loads(to_structured_event(made()).body) | changes
    return product.call(
        "POST",
        "/events",
        headers={"Content-Type": STRUCTURED},
        data=json.dumps({name: value for name, value in envelope.items() if value is not ...}),
    )


def shown(product, answer):
    assert answer.status_code == 202, answer.json
    return product.call("GET", f"/events/{answer.json['id']}").json


@pytest.mark.parametrize("wrap", [to_binary_event, to_structured_event])
def test_an_event_arrives_whole(product, wrap):
    event = made(subject="j-9/ä", sequence="7", priority="low", dedupekey="d")
    found = shown(product, send(product, wrap(event)))
    assert found["type"] == "job.failed"
    assert found["data"] == DATA
    assert found["recipients"] == ["u-1", "u-2"]
    assert (found["source"], found["subject_key"], found["occurred_at"]) == (
        "/encoder",
        "j-9/ä",
        "2026-11-20T10:00:00Z",
    )
    assert (found["sequence"], found["priority"], found["dedupe_key"]) == (7, "low", "d")


def test_source_and_id_are_the_key_in_whichever_mode(product):
    first = send(product, to_binary_event(made()))
    again = send(product, to_structured_event(made()))
    assert again.json["id"] == first.json["id"]
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert send(product, to_binary_event(made(id="2"))).json["id"] != first.json["id"]
    assert send(product, to_binary_event(made(source="/other"))).json["id"] != first.json["id"]


def test_the_same_source_and_id_with_something_else_is_refused(product):
    send(product, to_binary_event(made()))
    answer = structured(product, recipients="u-3")
    assert (answer.status_code, set(answer.json["errors"]["json"])) == (422, {"id"})


def test_its_keys_and_those_of_the_header_never_meet(product):
    plain = {"type": "job.failed", "recipients": ["u-1", "u-2"], "data": DATA, "source": "/encoder"}
    send(product, to_binary_event(made()))
    with product.services.database.read() as conn:
        (key,) = conn.exec_driver_sql("SELECT key FROM idempotency").scalars()
    answer = product.call("POST", "/events", json=plain, headers={"Idempotency-Key": key})
    assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (202, False)


def test_a_batch_is_answered_like_a_batch(product):
    envelopes = [json.loads(JSONFormat().write(made(id=id_))) for id_ in ("1", "2", "1")]
    envelopes[1]["type"] = "job.exploded"
    envelopes.append({"specversion": "0.3"})
    answer = product.call("POST", "/events", headers={"Content-Type": BATCH}, data=json.dumps(envelopes))
    assert answer.status_code == 202
    assert [(one["index"], one["replayed"]) for one in answer.json["accepted"]] == [(0, False), (2, True)]
    assert {one["index"]: set(one["errors"]) for one in answer.json["rejected"]} == {
        1: {"type"},
        3: {"specversion", "id", "source", "type", "data"},
    }


@pytest.mark.parametrize("body", ["{}", "[]", "null", json.dumps([{}] * 501)])
def test_a_batch_that_is_none_is_refused(product, body):
    assert product.call("POST", "/events", headers={"Content-Type": BATCH}, data=body).status_code == 422


@pytest.mark.parametrize(
    ("changes", "attribute"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "id"),
        ({"id": 5}, "id"),
        ({"source": ...}, "source"),
        ({"type": "job.exploded"}, "type"),
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"data": ...}, "data"),
        ({"data": {"job_id": "j-9"}}, "data"),
        ({"data_base64": "e30="}, "data_base64"),
        ({"data": ..., "data_base64": "not base64"}, "data_base64"),
        ({"data": ..., "data_base64": base64.b64encode(b'{"a": NaN}').decode()}, "data_base64"),
        ({"recipients": ...}, "recipients"),
        ({"recipients": "_reserved"}, "recipients"),
        ({"time": "yesterday"}, "time"),
        ({"subject": "x" * 256}, "subject"),
        ({"sequence": "first"}, "sequence"),
        ({"priority": "urgent"}, "priority"),
    ],
)
def test_what_is_wrong_is_named_as_the_envelope_names_it(product, changes, attribute):
    answer = structured(product, **changes)
    assert (answer.status_code, set(answer.json["errors"]["json"])) == (422, {attribute})


@pytest.mark.parametrize("attribute", ["id", "type", "specversion"])
def test_in_binary_mode_the_header_is_named(product, attribute):
    message = to_binary_event(made())
    headers = {name: value for name, value in message.headers.items() if name.lower() != f"ce-{attribute}"}
    answer = send(product, HTTPMessage(headers, message.body))
    assert (answer.status_code, set(answer.json["errors"]["headers"])) == (422, {f"ce-{attribute}"})


def test_extensions_that_mean_nothing_to_us_are_let_pass(product):
    assert structured(product, traceparent="00-x", anything=5).status_code == 202


def test_data_may_come_in_base64(product):
    encoded = base64.b64encode(json.dumps(DATA).encode()).decode()
    assert shown(product, structured(product, data=..., data_base64=encoded))["data"] == DATA


def test_a_second_key_is_refused(product):
    answer = send(product, to_binary_event(made()), **{"Idempotency-Key": "k"})
    assert (answer.status_code, set(answer.json["errors"]["headers"])) == (422, {"Idempotency-Key"})


@pytest.mark.parametrize("value", ["%FF", "%ed%a0%80"])
def test_a_header_that_is_no_text_is_refused(product, value):
    answer = send(product, to_binary_event(made()), **{"ce-subject": value})
    assert (answer.status_code, set(answer.json["errors"]["headers"])) == (422, {"ce-subject"})


def test_a_binary_event_has_json_for_its_data(product):
    message = to_binary_event(made())
    headers = {name: value for name, value in message.headers.items() if name.lower() != "content-type"}
    assert send(product, HTTPMessage(headers | {"content-type": "text/plain"}, message.body)).status_code == 415
    assert send(product, HTTPMessage(message.headers, b"{")).status_code == 400
