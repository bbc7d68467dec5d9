"""What a worker has taken from its lanes, counted for those who judge from outside whether it still listens."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.store.counters import Refusal


class Traffic:
    """Counts messages; any thread may ask."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._took_at: dict[str, float] = {}
        self._received: Counter[str] = Counter()
        self._refused: Counter[Refusal] = Counter()
        self._lock = threading.Lock()

    def received(self, lane: str) -> None:
        """Count a message that came from a lane, whatever became of it."""
        with self._lock:
            self._received[lane] += 1

    def took(self, lane: str) -> None:
        """Note that work came from a lane: nothing that was refused, and no canary."""
        with self._lock:
            self._took_at[lane] = self._monotonic()

    def refused(self, reason: "Refusal") -> None:
        """Count a message that was dropped."""
        with self._lock:
            self._refused[reason] += 1

    def by_lane(self) -> dict[str, int]:
        """How many messages came from each lane since the worker started."""
        with self._lock:
            return dict(self._received)

    def since_taken(self) -> dict[str, float]:
        """How many seconds ago work last came, from each lane from which any came since the worker started."""
        with self._lock:
            return {lane: self._monotonic() - at for lane, at in self._took_at.items()}

    def take_refused(self) -> "Mapping[Refusal, int]":
        """How many were dropped since this was last asked, or given back by `put_back`."""
        with self._lock:
            taken, self._refused = self._refused, Counter()
        return taken

    def put_back(self, refused: "Mapping[Refusal, int]") -> None:
        """Keep what was taken and could not be stored."""
        with self._lock:
            self._refused.update(refused)
