"""How much a fake service takes in a time."""

import time
from collections.abc import Callable


class Pace:
    """At most `most` requests in each window of `seconds`, counted for each place by itself.

    A window begins with its first request; `now` is a clock in seconds.
    """

    def __init__(self, most: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._seconds = seconds
        self._now = now
        self._windows: dict[str, tuple[float, int]] = {}

    def take(self, place: str) -> float:
        """0 when the request is within the pace, else the seconds until the next one will be."""
        if not self.left(place):
            return self.resets_in(place)
        began, taken = self._window(place)
        self._windows[place] = began, taken + 1
        return 0.0

    def left(self, place: str) -> int:
        """How many more are taken at once."""
        return self.most - self._window(place)[1]

    def resets_in(self, place: str) -> float:
        """The seconds until the next window."""
        return self._window(place)[0] + self._seconds - self._now()

    def _window(self, place: str) -> tuple[float, int]:
        began, taken = self._windows.get(place, (self._now(), 0))
        return (began, taken) if self._now() < began + self._seconds else (self._now(), 0)
