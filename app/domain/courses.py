"""The course of things: of two messages about one subject, the one that tells the later state."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.events import moves


@dataclass(frozen=True, slots=True)
class Position:
    """Where in its subject's course a notification stands. Times are aware and in UTC."""

    id: str
    type: str
    sequence: int | None
    occurred_at: datetime
    fingerprint: str = ""
    """What has the same one says the same, and is a repeat."""

    @property
    def is_end(self) -> bool:
        """Whether it tells how something ended, and not how far it is."""
        return not moves(self.type)

    def is_after(self, other: "Position") -> bool:
        """Whether it tells a later state: by the sender's numbers, if both have one, else by when it happened.

        Where that does not tell, an end comes after what led to it.
        """
        if self.fingerprint and self.fingerprint == other.fingerprint:
            return False
        if self.sequence is not None and other.sequence is not None and self.sequence != other.sequence:
            return self.sequence > other.sequence
        return (self.occurred_at, self.is_end) > (other.occurred_at, other.is_end)
