"""How often somebody may have something that reaches other people."""

from datetime import datetime, timedelta

from app.domain.ids import new_id
from app.store.gates import Gates, Limit


class TooMany(Exception):
    """There were too many of `what`, in words; `wait` says when to ask again."""

    def __init__(self, what: str, wait: timedelta) -> None:
        super().__init__(f"{what}, again in {wait}")
        self.what = what
        self.wait = wait


class Quota:
    """At most so many within a window for each of those who ask; without Redis there is no limit, as for any gate.

    `what` are they, in words for those who had too many.
    """

    def __init__(self, gates: Gates, name: str, what: str, most: int, window: timedelta) -> None:
        self._gates = gates
        self._name = name
        self._what = what
        self._most = most
        self._window = window

    def take(self, who: str, now: datetime) -> None:
        """Take one. Raises TooMany."""
        wanted = Limit(new_id("ntf", now), who, self._name, self._most)
        for free_at in self._gates.over_limit([wanted], self._window, now).values():
            raise TooMany(self._what, free_at - now)
