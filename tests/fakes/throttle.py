"""At most so many requests in a minute, as fake services have it."""

import time
from collections import defaultdict, deque
from collections.abc import Callable


class Throttle:
    """Counts requests by key over the last minute."""

    def __init__(self, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._taken: defaultdict[str, deque[float]] = defaultdict(deque)

    def wait(self, key: str) -> float:
        """Seconds until the next request of this key is taken; 0 takes this one."""
        now = self._monotonic()
        taken = self._taken[key]
        while taken and taken[0] <= now - 60:
            taken.popleft()
        if len(taken) >= self._most:
            return taken[0] + 60 - now
        taken.append(now)
        return 0.0
