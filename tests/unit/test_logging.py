"""Log records as lines: fields, redaction, one line each."""

import io
import json
import logging

import pytest

from app.config import Settings
from app.observability.logging import announce_ready, bind, configure_logging
from app.observability.text import readable, redact

log = logging.getLogger("tests.logging")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def lines():
    """Configure the log for a stream and read what came, parsed; what pytest had set up is put back."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(Settings.load({}), "worker", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = before
    logging.captureWarnings(capture=False)


def test_a_record_is_one_json_object_with_its_fields(lines):
    log.info("notification_delivered", extra={"attempt": 2})
    (entry,) = lines()
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {
        "level": "INFO",
        "logger": "tests.logging",
        "message": "notification_delivered",
        "component": "worker",
        "attempt": 2,
    }


def test_bound_fields_are_on_every_record_of_the_block(lines):
    with bind(notification_id="ntf_1"), bind(task_id="t"):
        log.info("inside")
    log.info("outside")
    inside, outside = lines()
    assert (inside["notification_id"], inside["task_id"]) == ("ntf_1", "t")
    assert "notification_id" not in outside


def test_a_field_of_the_record_itself_goes_before_a_bound_one(lines):
    with bind(notification_id="bound"):
        log.info("x", extra={"notification_id": "own"})
    assert lines()[0]["notification_id"] == "own"


def test_a_traceback_stays_on_its_line_and_is_redacted(lines):
    error = ConnectionError("redis://:hunter2@127.0.0.1:6379/0 refused\nsecond line")
    log.error("broker_failed", exc_info=error)
    (entry,) = lines()
    assert "second line" in entry["traceback"]
    assert "hunter2" not in json.dumps(entry)


def test_a_forged_line_in_user_text_stays_text(lines):
    log.info("x", extra={"title": '\n{"level":"CRITICAL"}\x1b[2J'})
    (entry,) = lines()
    assert entry["title"] == '\n{"level":"CRITICAL"}\x1b[2J'


def test_records_below_the_level_are_left_out_but_readiness_is_always_told():
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure_logging(Settings.load({"LOG_LEVEL": "ERROR"}), "relay", stream)
    try:
        log.warning("not_told")
        announce_ready("here")
    finally:
        root.handlers[:], root.level = before
        logging.captureWarnings(capture=False)
    (line,) = stream.getvalue().splitlines()
    assert (json.loads(line)["message"], json.loads(line)["where"]) == ("component_ready", "here")


def test_on_a_terminal_lines_are_for_people():
    stream = Terminal()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure_logging(Settings.load({}), "relay", stream)
    try:
        log.warning("lease_lapsed", extra={"rows": 3})
    finally:
        root.handlers[:], root.level = before
        logging.captureWarnings(capture=False)
    assert "lease_lapsed" in stream.getvalue()
    assert "\x1b[2mrows\x1b[0m=3" in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("redis://:hunter2@host:6379/0", "hunter2"),
        ("amqp://user:hun@ter2@host//", "ter2"),
        ("smtp login https://bob@example.com/x", "bob"),
        ("secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=", "MfKQ9"),
        ("key im2n_key_0190_abcDEF-123", "abcDEF"),
        ("{'Authorization': 'Bearer abc.def'}", "abc.def"),
        ("authorization: bearer abcdefgh", "abcdefgh"),
        ("GenieKey 1234-5678", "1234-5678"),
        ("token eyJhbGciOi.eyJzdWIi.c2ln", "c2ln"),
        ('https://hooks.slack.com:443 "POST /services/T0AB/B0CD/x1Y2z3 HTTP/1.1"', "x1Y2z3"),
        ("https://discord.com/api/v10/webhooks/123456/tok-en_1", "tok-en_1"),
    ],
)
def test_credentials_are_cut_out(text, hidden):
    assert hidden in text
    assert hidden not in redact(text)


@pytest.mark.parametrize("text", ["https://example.com/a@b", "mail to a@b.example", "postgresql://db/im2", "plain"])
def test_what_is_no_credential_stays(text):
    assert redact(text) == text


def test_redaction_leaves_json_valid():
    entry = {"a": "redis://:p@h/0", "b": "Bearer abcdef", "c": "whsec_x", "d": "https://discord.com/api/webhooks/1/x"}
    assert set(json.loads(redact(json.dumps(entry)))) == set(entry)


def test_readable_lines_show_control_characters_and_indent_tracebacks():
    entry = {"timestamp": "2026-11-22T10:11:12Z", "level": "INFO", "message": "a\x1b[2J\nb", "traceback": "one\ntwo"}
    assert readable(entry, colour=False).splitlines() == ["10:11:12 INFO     a\\x1b[2J\\nb", "    one", "    two"]
