"""What answers of receivers mean, and how long the next attempt waits."""

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.base import Permanent, RetryPolicy, Transient
from channels.http import excerpt, parse_retry_after, refusal
from channels.wire import MAX_BODY, Reply

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
        ("١٢", None),
        ("0", 1.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0.3", 1.0),
        ("2.5", 2.5),
        ("86400", 3600.0),
        ("999999999999", 3600.0),
        ("9" * 400, None),
        ("Sun, 22 Nov 2026 12:02:00 GMT", 120.0),
        ("Sunday, 22-Nov-26 12:02:00 GMT", 120.0),
        ("Sun Nov 22 12:02:00 2026", 120.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 1.0),
        ("Sun, 22 Nov 2099 11:00:00 GMT", 3600.0),
        ("Sun, 99 Nov 2026 99:00:00 GMT", None),
    ],
)
def test_retry_after_is_read(value: str | None, seconds: float | None):
    assert parse_retry_after(value, NOW) == seconds


@given(st.text(max_size=60))
def test_no_retry_after_can_break_it(value: str):
    wait = parse_retry_after(value, NOW)
    assert wait is None or 1 <= wait <= 3600


@given(st.timedeltas(min_value=timedelta(seconds=2), max_value=timedelta(minutes=59)))
def test_a_date_is_as_good_as_seconds(ahead: timedelta):
    wait = parse_retry_after(format_datetime(NOW + ahead), NOW)
    assert wait == max(1.0, ahead // timedelta(seconds=1))


@given(
    st.lists(st.floats(0.01, 1e6), min_size=1, max_size=10),
    st.floats(0, 1),
    st.one_of(st.none(), st.floats(1, 3600)),
    st.floats(0, 1, exclude_max=True),
    st.data(),
)
def test_a_wait_is_never_shorter_than_planned_or_asked_for(waits, jitter, retry_after, chance, data):
    policy = RetryPolicy(tuple(waits), jitter)
    failures = data.draw(st.integers(1, len(waits)))
    wait = policy.delay(failures, retry_after, lambda: chance)
    assert wait is not None
    assert wait >= waits[failures - 1]
    assert wait >= (retry_after or 0)
    assert wait <= max(waits[failures - 1] * (1 + jitter), retry_after or 0)
    assert policy.delay(len(waits) + 1, retry_after) is None


@pytest.mark.parametrize(
    ("status", "kind", "unknown"),
    [
        (301, Permanent, None),
        (400, Permanent, None),
        (404, Permanent, None),
        (408, Transient, False),
        (425, Transient, False),
        (429, Transient, False),
        (500, Transient, True),
        (503, Transient, False),
        (599, Transient, True),
    ],
)
def test_a_status_has_its_class(status: int, kind: type, unknown: bool | None):
    error = refusal(Reply(status, {}, "no"), NOW)
    assert type(error) is kind
    assert getattr(error, "unknown", None) == unknown
    assert error.http_status == status


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_2xx_is_no_refusal(status: int):
    assert refusal(Reply(status, {}, ""), NOW) is None


def test_an_excerpt_holds_no_secret_and_no_url():
    said = excerpt("see https://a.example/T0/secret and\r\n hunter2\x00!", ["hunter2", ""])
    assert said == "see (URL) and *** !"


def test_nor_a_secret_as_json_has_it():
    assert excerpt(json.dumps({"token": 'top"secret\\é'}), ['top"secret\\é']) == '{"token": "***"}'


def test_an_excerpt_reads_one_way():
    assert excerpt("exe.\u202egpj\x9b") == "exe.gpj"
    assert excerpt("hun\u202eter2", ["hunter2"]) == "***"


@given(st.text())
def test_an_excerpt_is_one_short_line(text: str):
    said = excerpt(text * 20)
    assert len(said.encode()) <= 900
    assert "\n" not in said
    assert "\r" not in said


@pytest.mark.parametrize("piece", ["x", "a:", "x.", "://", "a b "])
def test_an_excerpt_of_the_longest_answer_takes_no_time(piece: str):
    began = time.process_time()
    excerpt(piece * (MAX_BODY // len(piece)))
    assert time.process_time() - began < 1
