"""The event types: how urgent each is, what data it must carry, and where it goes by default.

A new event type is an entry in EVENT_TYPES and a folder of templates of the same name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Priority = Literal["low", "normal", "high", "critical"]
Rhythm = Literal["instant", "hourly", "daily", "off"]
PRIORITIES: tuple[Priority, ...] = ("low", "normal", "high", "critical")
RHYTHMS: tuple[Rhythm, ...] = ("instant", "hourly", "daily", "off")
InDoubt = Literal["resend", "hold"]
"""What becomes of a notification when nobody knows whether it arrived, and its receiver can't tell a repeat."""
KINDS: tuple[str, ...] = ("inbox", "mail", "hook", "chat", "alert")
OPERATORS = "operators"
DEFAULT_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Text:
    """A required field that holds a non-empty string."""

    def fault(self, value: object) -> str | None:
        """What is wrong with the value, or None."""
        return None if isinstance(value, str) and value.strip() else "Must be a non-empty string."

    @property
    def schema(self) -> dict[str, Any]:
        """The same rule as JSON Schema."""
        return {"type": "string", "pattern": "\\S"}


@dataclass(frozen=True, slots=True)
class Number:
    """A required field that holds a number in a range."""

    least: float = 0
    most: float | None = None

    def fault(self, value: object) -> str | None:
        """What is wrong with the value, or None."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "Must be a number."
        if value < self.least or (self.most is not None and value > self.most):
            return (
                f"Must be from {self.least:g} to {self.most:g}."
                if self.most is not None
                else f"Must be at least {self.least:g}."
            )
        return None

    @property
    def schema(self) -> dict[str, Any]:
        """The same rule as JSON Schema."""
        return {"type": "number", "minimum": self.least} | ({} if self.most is None else {"maximum": self.most})


@dataclass(frozen=True, slots=True)
class EventType:
    """What the service knows about one type of event."""

    name: str
    priority: Priority
    required: Mapping[str, Text | Number]
    defaults: Mapping[str, Rhythm]
    """Rhythm by kind of channel; a kind that is not named is off."""
    subject_field: str
    sample: Mapping[str, Any]
    for_operators: bool = False
    """May come without recipients, and then goes to the operators."""
    in_doubt: InDoubt = "resend"
    """Where a repeat is seen twice: whether missing it would be worse than having it twice, or the other way round."""
    moves: bool = False
    """Only tells how far its subject is: the next one, or the end, makes it old news."""
    resolves: bool = False
    """Tells that all is well with its subject, whatever was said about it before."""
    optional: Mapping[str, Text | Number] = field(default_factory=dict)
    """What the texts tell if it is there and fits; an event with something else in its place is as welcome."""

    def data_faults(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        """What is missing or wrong in an event's data, by field."""
        faults: dict[str, list[str]] = {}
        for name, rule in self.required.items():
            if name not in data:
                faults[name] = [f"Required for {self.name}."]
            elif fault := rule.fault(data[name]):
                faults[name] = [fault]
        return faults

    @property
    def data_schema(self) -> dict[str, Any]:
        """What an event's data must be, as JSON Schema (2020-12); other fields are welcome."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "required": list(self.required),
            "properties": {name: rule.schema for name, rule in self.required.items()},
            "additionalProperties": True,
        }


def _rhythms(inbox: Rhythm, mail: Rhythm, hook: Rhythm, chat: Rhythm, alert: Rhythm) -> dict[str, Rhythm]:
    return dict(zip(KINDS, (inbox, mail, hook, chat, alert), strict=True))


_JOB = Text()
_LINK: Mapping[str, Text | Number] = {"url": Text()}
_OF_A_JOB: Mapping[str, Text | Number] = {"name": Text(), "duration_seconds": Number(), "message": Text(), **_LINK}
_OF_A_QUOTA: Mapping[str, Text | Number] = {"unit": Text(), **_LINK}
EVENT_TYPES: Mapping[str, EventType] = {
    entry.name: entry
    for entry in (
        EventType(
            "job.completed",
            "normal",
            {"job_id": _JOB},
            _rhythms("instant", "instant", "instant", "instant", "off"),
            "job_id",
            {"job_id": "j-2041", "name": "nightly encode", "duration_seconds": 1834},
            resolves=True,
            optional=_OF_A_JOB,
        ),
        EventType(
            "job.failed",
            "high",
            {"job_id": _JOB, "error": Text()},
            _rhythms("instant", "instant", "instant", "instant", "off"),
            "job_id",
            {"job_id": "j-2041", "name": "nightly encode", "error": "disk full on node-7"},
            optional=_OF_A_JOB,
        ),
        EventType(
            "job.progress",
            "low",
            {"job_id": _JOB, "percent": Number(0, 100)},
            _rhythms("instant", "off", "instant", "off", "off"),
            "job_id",
            {"job_id": "j-2041", "name": "nightly encode", "percent": 42.5},
            # The next report says more than a repeat of this one would.
            in_doubt="hold",
            moves=True,
            optional=_OF_A_JOB,
        ),
        EventType(
            "system.error",
            "critical",
            {"component": Text(), "message": Text()},
            _rhythms("instant", "instant", "instant", "instant", "instant"),
            "component",
            {"component": "encoder", "message": "no worker answers"},
            for_operators=True,
            optional=_LINK,
        ),
        EventType(
            "system.warning",
            "normal",
            {"component": Text(), "message": Text()},
            _rhythms("instant", "off", "instant", "instant", "off"),
            "component",
            {"component": "encoder", "message": "queue is growing"},
            for_operators=True,
            optional=_LINK,
        ),
        EventType(
            "quota.exceeded",
            "critical",
            {"resource": Text(), "used": Number(), "limit": Number()},
            _rhythms("instant", "instant", "instant", "instant", "off"),
            "resource",
            {"resource": "storage", "used": 1_073_741_824, "limit": 1_000_000_000, "unit": "bytes"},
            optional=_OF_A_QUOTA,
        ),
        EventType(
            "quota.approaching",
            "normal",
            {"resource": Text(), "used": Number(), "limit": Number()},
            _rhythms("instant", "instant", "instant", "instant", "off"),
            "resource",
            {"resource": "gpu-hours", "used": 91, "limit": 100},
            optional=_OF_A_QUOTA,
        ),
    )
}


def moves(type_: str) -> bool:
    """Whether a notification of this type only tells how far something is."""
    known = EVENT_TYPES.get(type_)
    return known is not None and known.moves


def moving_family(type_: str) -> tuple[str, ...]:
    """The types that tell of the same course of things as this one, if one of them only tells how far it is."""
    family = tuple(name for name in EVENT_TYPES if name.partition(".")[0] == type_.partition(".")[0])
    return family if any(moves(name) for name in family) else ()


def in_doubt(type_: str) -> InDoubt:
    """What becomes of a notification of this type in doubt; those that no event stands behind are sent again."""
    known = EVENT_TYPES.get(type_)
    return "resend" if known is None else known.in_doubt


@dataclass(frozen=True, slots=True)
class Event:
    """A validated event, as it is planned and stored. Times are aware and in UTC."""

    id: str
    type: str
    recipients: tuple[str, ...]
    data: Mapping[str, Any]
    source: str | None
    subject_key: str | None
    sequence: int | None
    dedupe_key: str | None
    channels: tuple[str, ...] | None
    priority: Priority
    resolved: bool
    occurred_at: datetime
    deliver_at: datetime | None
    expires_at: datetime
    created_at: datetime
    owner: str
    """The id of the API key that submitted it."""
