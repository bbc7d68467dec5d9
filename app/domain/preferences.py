"""What one user wants to hear, where and when; and what applies when they have not said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from app.domain.events import EVENT_TYPES, EventType, EventTypes, Rhythm

Source = Literal["default", "user", "required", "no_contact"]


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily window in the user's zone; it may pass midnight."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Escalation:
    """Where something goes that stays unread in the inbox: to one channel after the other, so long after each other."""

    after: timedelta
    to: tuple[str, ...]


NO_ESCALATION = Escalation(timedelta(0), ())
"""Somebody wants none, whatever is said for everybody."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Switches by channel, rhythms by event type and channel, and escalations by event type."""

    channels: Mapping[str, bool] = field(default_factory=dict)
    events: Mapping[str, Mapping[str, Rhythm]] = field(default_factory=dict)
    escalate: Mapping[str, Escalation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preferences:
    """One user's choices. Cells and switches hold only what the user set; `beneath` applies where they did not."""

    user_id: str
    locale: str
    timezone: str
    channels: Mapping[str, bool] = field(default_factory=dict)
    events: Mapping[str, Mapping[str, Rhythm]] = field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    daily_at: time = time(8, 0)
    muted_until: datetime | None = None
    muted_subjects: frozenset[str] = frozenset()
    only_types: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By channel: the only event types that the user's contact there takes; a channel without an entry takes all."""
    escalate: Mapping[str, Escalation] = field(default_factory=dict)
    beneath: Choices = field(default_factory=Choices)
    types: EventTypes = field(default_factory=lambda: EVENT_TYPES, compare=False, repr=False)
    """The types that events may have."""

    def is_barred(self, type_: str, channel: str) -> bool:
        """Whether the user wants nothing on this channel, or nothing of this type at the contact they have there."""
        return self.channels.get(channel) is False or type_ not in self.only_types.get(channel, (type_,))

    @property
    def zone(self) -> ZoneInfo:
        """The user's time zone."""
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True)
class ChannelTraits:
    """What planning has to know about a channel."""

    name: str
    kind: str
    needs_contact: bool
    edits: bool = False
    """What was sent can be changed afterwards."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The rhythm of one event type on one channel for one user, and who decided it."""

    rhythm: Rhythm
    source: Source
    locked: bool = False


def lock_of(type_: EventType, kind: str) -> Rhythm | None:
    """The rhythm that nobody can change for this type on this kind of channel, or None.

    The inbox always keeps what is critical, and progress never raises an alert.
    """
    if kind == "inbox" and type_.priority == "critical":
        return "instant"
    if kind == "alert" and type_.moves:
        return "off"
    return None


def cell_of(preferences: Preferences, type_: str, channel: ChannelTraits) -> Cell:
    """What applies for this type on this channel, contacts left aside."""
    known = preferences.types.of(type_)
    if lock := lock_of(known, channel.kind):
        return Cell(lock, "required", locked=True)
    if preferences.is_barred(type_, channel.name):
        return Cell("off", "user")
    if chosen := preferences.events.get(type_, {}).get(channel.name):
        return Cell(chosen, "user")
    beneath = preferences.beneath
    if beneath.channels.get(channel.name) is False and channel.name not in preferences.channels:
        return Cell("off", "default")
    given = beneath.events.get(type_, {}).get(channel.name)
    return Cell(given or known.defaults.get(channel.kind, "off"), "default")


def effective_cell(preferences: Preferences, type_: str, channel: ChannelTraits, *, reachable: bool) -> Cell:
    """What really happens for this type on this channel: nothing where the user cannot be reached."""
    cell = cell_of(preferences, type_, channel)
    return cell if reachable or cell.locked else Cell("off", "no_contact")
