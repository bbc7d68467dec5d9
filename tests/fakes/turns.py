"""Scripted answers that are used up in order."""

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar


class Turn(Protocol):
    """An answer that counts how often it is given before the next one takes over; None = for ever."""

    @property
    def times(self) -> int | None:
        """How often."""


T = TypeVar("T", bound=Turn)


class Turns(Generic[T]):
    """What a fake answers, by key; the last answer of a key repeats."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[str, list[T]] = {}

    def set(self, key: str, answers: Sequence[T]) -> None:
        """Give these answers from now on."""
        with self._lock:
            self._queues[key] = list(answers)

    def replace(self, answers: Mapping[str, Sequence[T]]) -> None:
        """Forget all answers and give these."""
        with self._lock:
            self._queues = {key: list(queue) for key, queue in answers.items()}

    def take(self, *keys: str) -> T | None:
        """The next answer of the first key that has any."""
        with self._lock:
            queue = next((self._queues[key] for key in keys if self._queues.get(key)), None)
            if queue is None:
                return None
            answer = queue[0]
            if answer.times is not None and len(queue) > 1:
                if answer.times <= 1:
                    queue.pop(0)
                else:
                    queue[0] = dataclasses.replace(answer, times=answer.times - 1)  # type: ignore[type-var]  # all are
            return answer
