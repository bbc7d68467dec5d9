"""What a text is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.events import Event


@dataclass(frozen=True, slots=True)
class Occasion:
    """All that a template may know. Times are aware and in UTC."""

    type: str
    data: Mapping[str, Any]
    priority: str
    subject_key: str | None
    source: str | None
    occurred_at: datetime
    expires_at: datetime
    user_id: str
    notification_id: str
    duplicates: int
    resolved: bool = False
    event_id: str | None = None
    earlier_times: int = 0
    """How often the one before about the same happened, if it was repeated and nobody was told."""
    earlier_at: datetime | None = None
    """When that was the last time."""


def occasion_of(event: Event, user_id: str = "", notification_id: str = "") -> Occasion:
    """What an event is to a reader who has not been told of it yet: repeated by nothing, after nothing else."""
    return Occasion(
        type=event.type,
        data=event.data,
        priority=event.priority,
        subject_key=event.subject_key,
        source=event.source,
        occurred_at=event.occurred_at,
        expires_at=event.expires_at,
        user_id=user_id,
        notification_id=notification_id,
        duplicates=0,
        resolved=event.resolved,
        event_id=event.id,
    )
