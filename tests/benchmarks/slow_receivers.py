"""Many receivers that take their time: how much gets through, and in how much memory."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.aims import Figure
from tests.benchmarks.costs import pss_megabytes
from tests.benchmarks.sample import Load, Sample
from tests.benchmarks.whole import Whole, event

_TARGETS = 250
_ANSWER_SECONDS = 0.2
_LOOK_SECONDS = 0.5
_BATCH = 500


def slow_receivers(whole: Whole, count: int) -> Sample:
    """Submit batches for 250 targets, each of which answers after 200 ms; timed is until all are delivered."""
    users = [f"slow-{number}" for number in range(_TARGETS)]
    for number, user in enumerate(users):
        whole.rig.add_user(user, f"127.0.1.{number + 1}")
    whole.rig.script({f"/hook/{user}": [{"delay": _ANSWER_SECONDS}] for user in users})
    prefix = f"slow-{time.monotonic()}"
    events = [event(users[number % _TARGETS], f"{prefix}-{number}") for number in range(count)]
    with _most_memory(whole) as memory:
        began = time.perf_counter()
        for start in range(0, count, _BATCH):
            whole.sender.batch(events[start : start + _BATCH])
        whole.until_quiet(f"{count} for slow receivers")
        seconds = time.perf_counter() - began
    return Sample(count, {Figure.RATE: count / seconds, Figure.SLOW: count / seconds, Figure.SLOW_PSS: max(memory)})


@contextmanager
def _most_memory(whole: Whole) -> Iterator[list[float]]:
    """What the worker that sends has in memory, looked at now and then within the block, and at its end."""
    over, seen, sending = threading.Event(), list[float](), whole.parts()["worker outbound"]

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            seen.append(pss_megabytes(sending))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()
        seen.append(pss_megabytes(sending))


LOAD: Load[Whole] = Load("slow", "250 receivers that take 200 ms", slow_receivers, 1000, 7.0)
