"""The service's metrics, read from the database, so that they are the same whichever process is asked."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from app.domain.clock import Clock
from app.domain.events import EVENT_TYPES
from app.domain.notifications import lanes_of
from app.observability.crossings import times_of
from app.store import canaries, counters, still_open
from app.store.engine import Database

if TYPE_CHECKING:
    from app.observability.snapshot import Snapshot


class Metrics:
    """Takes snapshots of what is counted."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        channels: Sequence[str],
        types: Iterable[str] = EVENT_TYPES,
        canary_clock: Clock | None = None,
    ) -> None:
        """`canary_clock` is the one by which canaries are sent, if it is another."""
        self._database = database
        self._clock = clock
        self._channels = tuple(channels)
        self._types = tuple(types)
        self._canary_clock = canary_clock or clock

    def snapshot(self) -> "Snapshot":
        """Everything at one moment. Raises DatabaseUnavailable."""
        # Workers and the relay are never asked, and need no Prometheus in their memory.
        from app.observability.snapshot import Snapshot  # noqa: PLC0415

        # Counters and rows from one transaction: only then must they agree.
        with self._database.read() as conn:
            totals = counters.totals(conn)
            bunches = still_open.everything(conn)
            sent = canaries.known(conn)
        crossings = times_of(sent, lanes_of(self._channels), self._canary_clock.now())
        return Snapshot(self._clock.now(), totals, bunches, self._channels, self._types, crossings)
