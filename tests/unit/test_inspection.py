"""What Celery gets to see of what lies on a lane."""

import gzip
import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from tasks.inspection import MOST_BYTES, Inspection, Refused, refuse_compressed
from tests.fakes.clock import FakeClock

SUBMIT, RENDER, DELIVER = "notifications.submit", "notifications.render", "notifications.deliver.email"
CLOCK = FakeClock()
CANARY = "notifications.canary"
INSPECTION = Inspection(SUBMIT, {RENDER, DELIVER}, CANARY, CLOCK.now)
SOON = (CLOCK.now() + timedelta(hours=1)).isoformat()
LATE = (CLOCK.now() + timedelta(hours=1, seconds=1)).isoformat()
EVENT = {"type": "job.completed", "recipients": ["u"], "data": {"job_id": "j"}}
LINK = {"task": "evil"}


def message(args=(), kwargs=None, embed=None, *, body=None, encoding="utf-8", **headers):
    return SimpleNamespace(
        headers={"task": SUBMIT, "id": "t-1", **headers},
        body=json.dumps([list(args), kwargs or {}, embed or {}]).encode() if body is None else body,
        content_type="application/json",
        content_encoding=encoding,
    )


def reason(message, lane):
    with pytest.raises(Refused) as refused:
        INSPECTION.inspect(message, lane)
    return refused.value.reason


def passes(message, lane):
    INSPECTION.inspect(message, lane)
    return True


def test_an_event_passes_as_it_is():
    note = message(kwargs=EVENT)
    before = note.body
    INSPECTION.inspect(note, "ingest")
    assert note.body == before


@pytest.mark.parametrize("way", ["callbacks", "errbacks", "chain", "chord", "anything"])
def test_nothing_is_left_of_what_shall_run_afterwards(way):
    note = message(kwargs=EVENT, embed={way: [LINK]})
    INSPECTION.inspect(note, "ingest")
    assert json.loads(note.body) == [[], EVENT, {}]


def test_only_the_headers_that_an_event_needs_are_left():
    odd = {"kwargsrepr": "secret", "shadow": "x", "timelimit": 5, "stamps": [], "group": "g", "origin": "me"}
    note = message(kwargs=EVENT, expires="2030-01-01T00:00:00Z", root_id="r", **odd)
    INSPECTION.inspect(note, "ingest")
    assert note.headers == {"task": SUBMIT, "id": "t-1", "expires": "2030-01-01T00:00:00Z", "retries": 0}


@pytest.mark.parametrize("eta", [SOON, LATE, "tomorrow", 5], ids=str)
def test_when_a_sender_wants_it_done_is_when_it_is_delivered(eta):
    note = message(kwargs=EVENT, eta=eta)
    INSPECTION.inspect(note, "ingest")
    assert "eta" not in note.headers
    assert json.loads(note.body) == [[], {**EVENT, "deliver_at": eta}, {}]


def test_what_the_event_says_itself_goes_first():
    note = message(kwargs={**EVENT, "deliver_at": None}, eta=SOON)
    INSPECTION.inspect(note, "ingest")
    assert json.loads(note.body)[1]["deliver_at"] is None


def test_our_own_retry_waits_with_celery_and_not_for_long():
    note = message(kwargs=EVENT, eta=SOON, retries=2)
    INSPECTION.inspect(note, "ingest")
    assert (note.headers["eta"], note.headers["retries"], json.loads(note.body)[1]) == (SOON, 2, EVENT)
    note = message(kwargs=EVENT, eta=LATE, retries=2)
    INSPECTION.inspect(note, "ingest")
    assert "eta" not in note.headers
    assert json.loads(note.body)[1]["deliver_at"] == LATE


@pytest.mark.parametrize("retries", [None, "5", -1, [1]], ids=repr)
def test_a_number_of_retries_that_is_none_is_0(retries):
    note = message(kwargs=EVENT, retries=retries)
    INSPECTION.inspect(note, "ingest")
    assert note.headers["retries"] == 0


@pytest.mark.parametrize(
    ("task", "lane"),
    [(SUBMIT, "email"), (RENDER, "ingest"), (DELIVER, "ingest"), ("celery.map", "ingest"), ("celery.map", "email")],
)
def test_a_task_of_another_lane_is_unknown(task, lane):
    assert reason(message([["ntf_1"]], task=task), lane) == "unknown_task"


@pytest.mark.parametrize("headers", [{"task": None}, {"task": 5}, {"id": None}, {"id": ""}, {"id": ["x"]}], ids=repr)
def test_a_message_needs_a_task_and_an_id(headers):
    assert reason(message(**headers), "ingest") == "malformed"


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "us-ascii", "", None])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda body: body.decode()])
def test_text_comes_in_many_wrappings(encoding, kind):
    body = json.dumps([[], EVENT, {}]).encode()
    assert passes(message(body=kind(body), encoding=encoding), "ingest")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "unreadable"),
        (b"{", "unreadable"),
        (b"\xff", "unreadable"),
        (b'[[], {"a": 1, "a": 2}, {}]', "unreadable"),
        (b"[" * 100_000, "unreadable"),
        (b" " * (MOST_BYTES + 1), "too_large"),
        (b"5", "malformed"),
        (b"[1]", "malformed"),
        (b"{}", "malformed"),
        (b"[{}, {}, {}]", "malformed"),
        (10**12, "malformed"),
        (None, "malformed"),
    ],
)
def test_a_body_is_arguments_in_json(body, why):
    note = message()
    note.body = body
    assert reason(note, "ingest") == why


@pytest.mark.parametrize("change", [{"content_type": "application/x-yaml"}, {"content_encoding": "gzip"}], ids=str)
def test_nothing_but_utf_8_and_json_is_read(change):
    note = message(kwargs=EVENT)
    vars(note).update(change)
    assert reason(note, "ingest") == "unreadable"


def test_what_is_compressed_is_not_unpacked():
    with pytest.raises(Refused):
        refuse_compressed(gzip.compress(b"[[], {}, {}]"))


@pytest.mark.parametrize(
    "note",
    [
        message([["ntf_1", "ntf_2"]], task=DELIVER),
        message([["ntf_1"]], embed={"chain": [{"task": DELIVER}, {"task": RENDER}], "callbacks": None}, task=RENDER),
        message([[]], task=RENDER),
        message([["ntf_1"]], task=DELIVER, eta=SOON),
    ],
)
def test_a_step_with_ids_and_steps_behind_it_passes(note):
    assert passes(note, "email")


@pytest.mark.parametrize(
    "note",
    [
        message(task=RENDER),
        message(["ntf_1"], task=RENDER),
        message([["ntf_1"], ["ntf_2"]], task=RENDER),
        message([[1]], task=RENDER),
        message([["x" * 65]], task=RENDER),
        message([["a\x00b"]], task=RENDER),
        message([["ntf_1"]], {"ids": []}, task=RENDER),
        message([["ntf_1"]], embed={"chain": [LINK]}, task=RENDER),
        message([["ntf_1"]], embed={"chain": [5]}, task=RENDER),
        message([["ntf_1"]], embed={"chain": 5}, task=RENDER),
        message([["ntf_1"]], task=RENDER, eta=LATE),
        message([["ntf_1"]], task=RENDER, eta="2026-11-22T12:00:00"),
        message([["ntf_1"]], task=RENDER, eta=5),
        message([["ntf_1"]], embed={"callbacks": [{"task": RENDER}]}, task=RENDER),
    ],
    ids=lambda note: note.body.decode()[:60],
)
def test_on_our_lanes_nothing_passes_but_ids_and_our_steps(note):
    assert reason(note, "email") == "malformed"


@pytest.mark.parametrize("lane", ["ingest", "email"])
def test_a_canary_passes_on_every_lane_and_says_nothing_else(lane):
    odd = {"kwargsrepr": "secret", "shadow": "x", "timelimit": 5, "retries": 3, "origin": "me"}
    note = message([["cny_1"]], embed={"callbacks": None, "chain": None}, task=CANARY, **odd)
    INSPECTION.inspect(note, lane)
    assert note.headers == {"task": CANARY, "id": "t-1", "retries": 0}


@pytest.mark.parametrize("lane", ["ingest", "email"])
@pytest.mark.parametrize(
    "note",
    [
        message(task=CANARY),
        message(["cny_1"], task=CANARY),
        message([[]], task=CANARY),
        message([["cny_1", "cny_2"]], task=CANARY),
        message([["x" * 65]], task=CANARY),
        message([["cny_1"]], {"ids": []}, task=CANARY),
        message([["cny_1"]], embed={"chain": [{"task": RENDER}]}, task=CANARY),
        message([["cny_1"]], task=CANARY, eta=SOON),
    ],
    ids=lambda note: note.body.decode()[:60],
)
def test_what_only_calls_itself_a_canary_does_not(note, lane):
    assert reason(note, lane) == "malformed"


def test_no_step_leads_to_a_canary():
    assert reason(message([["ntf_1"]], embed={"chain": [{"task": CANARY}]}, task=RENDER), "email") == "malformed"
