"""Logging for every process: one JSON object a line, or coloured lines on a terminal.

Messages are constant names and the facts are fields: ``log.info("notification_delivered", extra={"attempt": 2})``.
Celery keeps its hands off when `configure_logging` is called from its `setup_logging` signal.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

from pythonjsonlogger.core import RESERVED_ATTRS, merge_record_extra
from pythonjsonlogger.json import JsonFormatter

from app.config import Settings
from app.observability.text import readable, redact

READY = "component_ready"
_READY_LOGGER = "app.ready"
_TALKATIVE = (
    "alembic",
    "amqp",
    "celery.app.trace",  # two lines a task is more than anybody reads
    "celery.worker.strategy",
    "flower",
    "gunicorn",
    "kombu",
    "redis",
    "tornado",
    "urllib3",
)
_BOUND: ContextVar[Mapping[str, object]] = ContextVar("bound_log_fields", default={})  # noqa: B039 - never changed


def configure_logging(settings: Settings, component: str, stream: TextIO | None = None) -> None:
    """Send this process's log to stderr: JSON lines, or readable ones on a terminal. Calling it again replaces it."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Readable() if stream.isatty() else _JsonLines(component))
    handler.addFilter(_add_bound_fields)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.DEBUG if settings.debug else logging.WARNING)
    logging.getLogger(_READY_LOGGER).setLevel(logging.INFO)
    logging.captureWarnings(capture=True)


def announce_ready(where: str) -> None:
    """Log that this component is able to work, and where it is found. Whoever started it waits for this line.

    It is logged whatever LOG_LEVEL says.
    """
    logging.getLogger(_READY_LOGGER).info(READY, extra={"where": where})


@contextmanager
def bind(**fields: object) -> Iterator[None]:
    """Add fields, such as notification_id, to every record that is logged inside the block by this thread or task."""
    token = _BOUND.set({**_BOUND.get(), **fields})
    try:
        yield
    finally:
        _BOUND.reset(token)


def _add_bound_fields(record: logging.LogRecord) -> bool:
    for name, value in _BOUND.get().items():
        record.__dict__.setdefault(name, value)
    return True


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _JsonLines(JsonFormatter):
    """One JSON object a line, tracebacks included; redaction comes last, so that nothing gets around it."""

    def __init__(self, component: str) -> None:
        super().__init__(
            ["asctime", "levelname", "name", "message"],
            static_fields={"component": component},
            rename_fields={"asctime": "timestamp", "levelname": "level", "name": "logger", "exc_info": "traceback"},
            json_default=str,
        )

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        return _rfc3339(record.created)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Readable(logging.Formatter):
    """Coloured lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created).astimezone().isoformat(),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        merge_record_extra(record, entry, reserved=RESERVED_ATTRS)
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return redact(readable(entry, colour=True))
