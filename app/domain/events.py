"""The event types: how urgent each is, what data it must carry, and where it goes by default.

A new event type is an entry in EVENT_TYPES and a folder of templates of the same name. Operators add theirs by a file,
without code: see app.config.event_file.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from app.domain.fields import Number, Rule, Text

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
class EventType:
    """What the service knows about one type of event."""

    name: str
    priority: Priority
    required: Mapping[str, Rule]
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
    optional: Mapping[str, Rule] = field(default_factory=dict)
    """What the texts tell if it is there and fits; of our own types, something else in its place is as welcome."""
    is_added: bool = False
    """An operator's: what is optional has to fit too, and the texts are made by templates that fit any type."""
    fills: Mapping[str, Any] = field(default_factory=dict)
    """What stands for optional fields that are not there."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What people call an added type, by language; English is always there."""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What people call the fields of an added type, by field and language."""

    def data_faults(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        """What is missing or wrong in an event's data, by field."""
        faults: dict[str, list[str]] = {}
        for name, rule in self.required.items():
            if name not in data:
                faults[name] = [f"Required for {self.name}."]
            elif fault := rule.fault(data[name]):
                faults[name] = [fault]
        for name, rule in self.optional.items() if self.is_added else ():
            if name in data and (fault := rule.fault(data[name])):
                faults[name] = [fault]
        return faults

    @property
    def _checked(self) -> Mapping[str, Rule]:
        return {**self.required, **self.optional} if self.is_added else self.required

    @property
    def data_schema(self) -> dict[str, Any]:
        """What an event's data must be, as JSON Schema (2020-12); other fields are welcome."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "required": list(self.required),
            "properties": {name: rule.schema for name, rule in self._checked.items()},
            "additionalProperties": True,
        }


class EventTypes(Mapping[str, EventType]):
    """The types that events may have, by name: those that come along, and what operators have added."""

    def __init__(self, types: Iterable[EventType]) -> None:
        self._types = {type_.name: type_ for type_ in types}

    def __getitem__(self, name: str) -> EventType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    def of(self, name: str) -> EventType:
        """The type of that name; of one that an operator has taken away, what its notifications go by from then on."""
        known = self._types.get(name)
        return known or EventType(name, "normal", {}, USUAL, "", {}, is_added=True)


def _rhythms(inbox: Rhythm, mail: Rhythm, hook: Rhythm, chat: Rhythm, alert: Rhythm) -> dict[str, Rhythm]:
    return dict(zip(KINDS, (inbox, mail, hook, chat, alert), strict=True))


USUAL: Mapping[str, Rhythm] = _rhythms("instant", "instant", "instant", "instant", "off")
"""Where most types go."""
_JOB = Text()
_LINK: Mapping[str, Rule] = {"url": Text()}
_OF_A_JOB: Mapping[str, Rule] = {"name": Text(), "duration_seconds": Number(), "message": Text(), **_LINK}
_OF_A_QUOTA: Mapping[str, Rule] = {"unit": Text(), **_LINK}
EVENT_TYPES = EventTypes(
    (
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
)
"""Those that come along."""


def moves(type_: str) -> bool:
    """Whether a notification of this type only tells how far something is; none does that an operator has added."""
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
