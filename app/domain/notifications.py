"""The states of a notification, the reasons for them, and which state may follow which."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from app.domain.events import EVENT_TYPES, Priority

Status = Literal[
    "pending", "held", "sending", "retrying", "delivered", "suppressed", "digested", "failed", "expired", "cancelled"
]
OPEN: tuple[Status, ...] = ("pending", "held", "sending", "retrying")
TERMINAL: tuple[Status, ...] = ("delivered", "suppressed", "digested", "failed", "expired", "cancelled")
STATUSES: tuple[Status, ...] = OPEN + TERMINAL

REASONS: Mapping[Status, tuple[str, ...]] = {
    "suppressed": ("duplicate", "opted_out", "muted", "no_contact", "superseded", "rate_limited"),
    "held": ("rate_limited", "quiet_hours", "digest", "scheduled", "muted", "breaker_open", "paused"),
    "failed": ("rejected", "bad_address", "render_error", "attempts_exhausted", "too_large"),
    "cancelled": ("requested", "read", "erased"),
}
OUTCOMES: tuple[str, ...] = ("delivered", "transient", "permanent", "unknown")

DIGEST = "digest"
"""Carries several that were held."""
TEST = "test"
"""Somebody tries out a channel."""
VERIFICATION = "verification"
"""Asks whoever reads at an address whether notifications may go there; the only one that goes to it before."""
CONTACT_DISABLED = "contact.disabled"
"""Tells a user that nothing is sent to one of their contacts any more."""
CONTACT_FAILING = "contact.failing"
"""Tells a user that one of their contacts takes nothing, before it is turned off."""
NOTICES: tuple[str, ...] = (CONTACT_DISABLED, CONTACT_FAILING)
"""Written when they are made, from what is kept nowhere else; they are for the inbox alone."""
OWN_TYPES: tuple[str, ...] = (DIGEST, TEST, VERIFICATION, *NOTICES)
"""Notifications that no single event stands behind."""
OWN_LIFETIME = timedelta(hours=24)
"""How long tests and verifications are of use."""
NOTIFICATION_TYPES: tuple[str, ...] = (*EVENT_TYPES, *OWN_TYPES)

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    "pending": frozenset({"pending", "held", "sending", "suppressed", "digested", "failed", "expired", "cancelled"}),
    "held": frozenset({"pending", "suppressed", "digested", "expired", "cancelled"}),
    "sending": frozenset(
        {"sending", "pending", "retrying", "delivered", "suppressed", "failed", "expired", "cancelled"}
    ),
    "retrying": frozenset({"sending", "held", "suppressed", "failed", "expired", "cancelled"}),
    **{status: frozenset() for status in TERMINAL},
}


def sources_of(status: Status) -> tuple[Status, ...]:
    """The states from which the given one may be reached."""
    return tuple(before for before in STATUSES if status in TRANSITIONS[before])


LANE_CRITICAL = "critical"
LANE_BULK = "bulk"
LANE_INGEST = "ingest"


def lane_of(channel: str, priority: Priority) -> str:
    """The queue a notification travels on: urgent and bulk work have lanes of their own, the rest its channel's."""
    if priority == "critical":
        return LANE_CRITICAL
    if priority == "low":
        return LANE_BULK
    return channel


def lanes_of(channels: Iterable[str]) -> tuple[str, ...]:
    """Every lane there is: one per channel, and the three that are for whatever channel."""
    return (LANE_CRITICAL, LANE_INGEST, *channels, LANE_BULK)


@dataclass(frozen=True, slots=True)
class Notification:
    """One event for one recipient on one channel, as stored. Times are aware and in UTC."""

    id: str
    event_id: str | None
    user_id: str
    type: str
    channel: str
    lane: str
    target: str
    priority: Priority
    status: Status
    reason: str | None
    subject_key: str | None
    sequence: int | None
    source: str
    fingerprint: str
    next_at: datetime
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    announced_at: datetime | None = None
    lease_until: datetime | None = None
    fence: int = 0
    attempts: int = 0
    duplicates: int = 0
    possible_duplicate: bool = False
    delivered_at: datetime | None = None
    digest_id: str | None = None
    replay_of: str | None = None
    content: Mapping[str, Any] | None = field(default=None)
    cancel_requested_at: datetime | None = None
    """Somebody took it back while it was being sent."""
    alert_key: str | None = None
    """On a channel of alerts: which one it is about."""
    alert_step: int | None = None
    """Its place in the order of the notifications about that alert; given when it is stored."""
    closes_alert: bool = False
    """It ends the alert."""
    last_repeat_at: datetime | None = None
    """When the last of its duplicates came."""
    repeats_told_in: str | None = None
    """The later notification that told its reader of them."""
    fallback: bool = False
    """It stands in for an item of the inbox that nobody has read."""

    @property
    def is_open(self) -> bool:
        """Whether it still has work to do."""
        return self.status in OPEN
