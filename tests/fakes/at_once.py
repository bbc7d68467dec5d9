"""The same thing done by many threads at the same moment."""

import threading
from collections.abc import Callable


def at_once(count: int, act: Callable[[int], object]) -> list[object]:
    """What `act(n)` returned, or the type of what it raised, for each of as many threads started together."""
    barrier = threading.Barrier(count)
    outcomes: list[object] = [None] * count

    def run(number: int) -> None:
        barrier.wait()
        try:
            outcomes[number] = act(number)
        except Exception as error:  # noqa: BLE001  # the type is the outcome
            outcomes[number] = type(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
