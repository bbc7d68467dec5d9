"""At most so many sends to one target at a time, within this process."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Slots:
    """Counts who is talking to which target."""

    def __init__(self, most: int, patience: float) -> None:
        """`patience` is how many seconds a caller waits for a place before it is refused."""
        self._most = most
        self._patience = patience
        self._taken: Counter[str] = Counter()
        self._freed = threading.Condition()

    @contextmanager
    def at(self, target: str) -> Iterator[bool]:
        """Hold a place at the target for the block; false when there was none in time."""
        with self._freed:
            got = self._freed.wait_for(lambda: self._taken[target] < self._most, self._patience)
            if got:
                self._taken[target] += 1
        try:
            yield got
        finally:
            if got:
                with self._freed:
                    self._taken[target] -= 1
                    if not self._taken[target]:
                        del self._taken[target]
                    self._freed.notify_all()
