"""What a text is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


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
