"""How far a worker has come on each lane, for the relay to tell late announcements from lost ones."""

import threading
from datetime import datetime


class Progress:
    """Remembers the newest announcement of each lane that this process has answered with a claim."""

    def __init__(self) -> None:
        self._answered: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def answered(self, lane: str, announced_at: datetime) -> None:
        """Note a claim of something that was announced then."""
        with self._lock:
            self._answered[lane] = max(announced_at, self._answered.get(lane, announced_at))

    def by_lane(self) -> dict[str, str]:
        """The newest answered announcement of each lane, as RFC 3339 text."""
        with self._lock:
            return {lane: moment.isoformat() for lane, moment in self._answered.items()}
