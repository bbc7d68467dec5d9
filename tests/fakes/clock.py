"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Tells the time it was set to."""

    def __init__(self, now: datetime = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        return self._now

    def advance(self, **span: float) -> datetime:
        """Move on by a span, given as timedelta takes it; returns the new time."""
        self._now += timedelta(**span)
        return self._now
