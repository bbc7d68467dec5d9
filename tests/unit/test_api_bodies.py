"""Bodies are read strictly: whatever is sent, the answer is a problem that says what is wrong, and never a 500."""

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.product import Product

DATA = '"recipients":["u-1"],"type":"job.failed","data":'
PROBLEM = "application/problem+json"


@pytest.fixture
def product(shared_product):
    return shared_product


def post(product: Product, body: str | bytes, path: str = "/events", content_type: str = "application/json", **headers):
    return product.call("POST", path, data=body, content_type=content_type, headers=headers)


def event(data: str) -> str:
    return "{" + DATA + data + "}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (event('{"job_id":"j","error":"a","error":"b"}'), "data"),
        (event('{"job_id":"j","error":NaN}'), "data"),
        (event('{"job_id":"j","error":"x","n":-Infinity}'), "data"),
        (event('{"job_id":"j","error":"x","n":1e400}'), "data"),
        (event('{"job_id":"j","error":"x","n":99999999999999999999}'), "data"),
        (event('{"job_id":"j","error":"x","n":' + "9" * 5000 + "}"), "data"),
        (event(r'{"job_id":"j","error":"\ud800"}'), "data"),
        (event(r'{"job_id":"j","error":"\u0000"}'), "data"),
        (event(r'{"job_id":"j","error":"x","\u0000":1}'), "data"),
        (event('{"job_id":"j","error":"x","deep":' + "[" * 8 + "]" * 8 + "}"), "data"),
        (event('{"job_id":"j","error":"x","long":"' + "x" * 65536 + '"}'), "data"),
        ("{" + DATA + '{"job_id":"j","error":"x"},"type":"job.failed"}', "type"),
        ("{" + DATA + r'{"job_id":"j","error":"x"},"source":"\ud800"}', "source"),
        ("{" + DATA + '{"job_id":"j","error":"x"},"sequence":9223372036854775808}', "sequence"),
        ("{" + DATA + '{"job_id":"j","error":"x"},"surprise":1}', "surprise"),
        ("[]", "_schema"),
        ('"text"', "_schema"),
        ("null", "_schema"),
        ("[" * 100_000, "_schema"),
        ("{" + DATA + '{"job_id":"j","error":' + "[" * 100_000, "_schema"),
        ("[NaN," + "[" * 100_000, "_schema"),
    ],
)
def test_a_fault_of_a_field_names_the_field(product, body, field):
    answer = post(product, body)
    assert (answer.status_code, answer.content_type) == (422, PROBLEM), answer.text
    assert field in answer.json["errors"]["json"]


@pytest.mark.parametrize(
    "body",
    ["", " ", "{", "{'a':1}", '{"a":1,}', "{} {}", "\ufeff{}", b"\xff\xfe", b'{"a":"\x00"}', "type=job.failed"],
)
def test_no_json_is_400(product, body):
    answer = post(product, body)
    assert (answer.status_code, answer.content_type) == (400, PROBLEM)


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("text/plain", {}),
        ("application/x-www-form-urlencoded", {}),
        ("application/xml", {}),
        ("", {}),
        ("application/json; charset=utf-16", {}),
        ("application/json", {"Content-Encoding": "gzip"}),
    ],
)
def test_another_media_type_is_415(product, content_type, headers):
    answer = post(product, "{}", content_type=content_type, **headers)
    assert (answer.status_code, answer.content_type) == (415, PROBLEM)


def test_what_is_just_within_the_bounds_is_taken(product):
    deep = '{"job_id":"j","error":"x","n":9223372036854775807,"deep":' + "[" * 7 + "]" * 7 + "}"
    assert post(product, event(deep)).status_code == 202
    smile = r'{"job_id":"j","error":"\ud83d\ude00 \u00e9"}'
    assert post(product, event(smile), content_type="application/json; charset=UTF-8").status_code == 202


@pytest.mark.parametrize(("path", "limit"), [("/events", 256 * 1024), ("/events/batch", 8 * 1024 * 1024)])
def test_sizes(product, path, limit):
    assert post(product, " " * (limit - 2) + "{}", path).status_code == 422
    too_large = post(product, " " * (limit - 1) + "{}", path)
    assert (too_large.status_code, too_large.content_type) == (413, PROBLEM)


def test_a_body_of_unknown_length_is_limited_too(product):
    answer = product.client.post(
        "/events",
        input_stream=io.BytesIO(b" " * 300_000),
        content_type="application/json",
        headers={"Authorization": "Bearer operators-own-key", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == 413


def test_a_body_that_breaks_off_is_the_clients_fault(product):
    class Broken(io.BytesIO):
        def readinto(self, _buffer):
            # A server's own word, which Werkzeug does not know.
            raise LookupError("no chunk")

    answer = product.client.post(
        "/events",
        input_stream=Broken(),
        content_type="application/json",
        headers={"Authorization": "Bearer operators-own-key", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert (answer.status_code, answer.content_type) == (400, PROBLEM)


def test_a_bad_entry_of_a_batch_does_not_hold_up_its_neighbours(product):
    good = event('{"job_id":"j","error":"x"}')
    entries = [good, event('{"job_id":"j","error":NaN}'), "7", event(r'{"job_id":"\ud800","error":"x"}'), good]
    answer = post(product, '{"events":[' + ",".join(entries) + "]}", "/events/batch")
    assert answer.status_code == 202
    assert [one["index"] for one in answer.json["accepted"]] == [0, 4]
    rejected = {one["index"]: set(one["errors"]) for one in answer.json["rejected"]}
    assert rejected == {1: {"data"}, 2: {"_schema"}, 3: {"data"}}


@pytest.mark.parametrize("key", [r"\ud800", r"a\u0000b", "", "k" * 256])
def test_an_idempotency_key_in_a_batch_is_fit_to_be_kept(product, key):
    entry = event('{"job_id":"j","error":"x"}')[:-1] + f',"idempotency_key":"{key}"}}'
    answer = post(product, f'{{"events":[{entry}]}}', "/events/batch")
    assert (answer.status_code, answer.json["accepted"]) == (202, [])
    assert set(answer.json["rejected"][0]["errors"]) == {"idempotency_key"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"events":[]}', "events"),
        ('{"events":{}}', "events"),
        ("{}", "events"),
        ("[]", "_schema"),
        ('{"events":[{}],"more":1}', "more"),
        ('{"events":[{}],"events":[{}]}', "events"),
        ('{"events":[' + ",".join(["{}"] * 501) + "]}", "events"),
    ],
)
def test_a_fault_of_the_envelope_refuses_the_batch(product, body, field):
    answer = post(product, body, "/events/batch")
    assert answer.status_code == 422
    assert field in answer.json["errors"]["json"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
EVENT_LIKE = st.fixed_dictionaries(
    {},
    optional={
        name: JSON_VALUES | st.just(value)
        for name, value in {
            "type": "job.failed",
            "recipients": ["u-1"],
            "data": {"job_id": "j", "error": "x"},
            "source": "s",
            "subject_key": "k",
            "sequence": 1,
            "dedupe_key": "d",
            "channels": ["email"],
            "priority": "high",
            "resolved": True,
            "occurred_at": "2026-11-22T12:00:00Z",
            "deliver_at": "2026-11-22T12:00:00Z",
            "expires_at": "2026-12-22T12:00:00Z",
        }.items()
    },
)
FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@FUZZ
@given(document=EVENT_LIKE | JSON_VALUES)
def test_no_document_is_a_500(product, document):
    body = json.dumps(document)
    assert post(product, body).status_code in (202, 400, 422), body
    assert post(product, f'{{"events":[{body}]}}', "/events/batch").status_code in (202, 400, 422), body
    assert post(product, body, "/keys").status_code in (201, 400, 422), body


@FUZZ
@given(body=st.binary(max_size=200))
def test_no_bytes_are_a_500(product, body):
    assert post(product, body).status_code in (400, 422)
