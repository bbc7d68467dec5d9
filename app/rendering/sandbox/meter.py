"""How much work a text may be. It is counted in steps, not in seconds, so that the same text always fits or never."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from threading import local
from typing import Any

from jinja2.exceptions import SecurityError
from markupsafe import Markup

MOST_STEPS = 500_000
"""About a second. The longest digest takes a fifth of it, a mail about a thousand."""
MOST_CHARACTERS = 1_000_000
_CHARACTERS_IN_A_STEP = 20
_DEEPEST = 30
ATOMS = frozenset({bool, int, float, type(None), datetime})
TEXTS = frozenset({str, Markup})
_SHORT = 200
_LISTS = (list, tuple, set, frozenset)


def is_light(value: Any) -> bool:
    """Whether looking at this value takes no more than the step of the expression it stands in: nearly all do."""
    kind = type(value)
    return kind in ATOMS or (kind in TEXTS and len(value) < _SHORT)


class OutOfBounds(SecurityError):
    """A template does more than it may. The message is ours, and quotes nothing."""


class _Left(local):
    steps: float = float("inf")


class Meter:
    """Counts the work of each thread by itself; outside of `running` it only looks at single values."""

    def __init__(self) -> None:
        self._left = _Left()

    @contextmanager
    def running(self) -> Iterator[None]:
        """The work of one text, which ends with OutOfBounds when it is too much."""
        before, self._left.steps = self._left.steps, MOST_STEPS
        try:
            yield
        finally:
            self._left.steps = before

    def spend(self, steps: int) -> bool:
        """Count so many steps; always true, so that it can stand in a condition. Raises OutOfBounds."""
        left = self._left.steps - steps
        self._left.steps = left
        if left < 0:
            raise OutOfBounds(f"takes more than {MOST_STEPS:,} steps")
        return True

    def make(self, characters: int) -> None:
        """Count a text of that length before it is made. Raises OutOfBounds."""
        if characters > MOST_CHARACTERS:
            raise OutOfBounds(f"makes a text of more than {MOST_CHARACTERS:,} characters")
        self.spend(1 + characters // _CHARACTERS_IN_A_STEP)

    def weigh(self, value: Any) -> Any:
        """Count what it takes to look at all of a value, and to write it; the value itself. Raises OutOfBounds."""
        kind = type(value)
        # What is_light says, without asking it: this stands around nearly everything that is written.
        if kind not in ATOMS and not (kind in TEXTS and len(value) < _SHORT):
            self._weigh(value, 0)
        return value

    def _weigh(self, value: Any, depth: int) -> None:
        if isinstance(value, str | bytes):
            self.make(len(value))
        elif isinstance(value, Mapping):
            self._inside(depth, len(value))
            for name, inner in value.items():
                self._weigh(name, depth + 1)
                self._weigh(inner, depth + 1)
        elif isinstance(value, _LISTS):
            self._inside(depth, len(value))
            for inner in value:
                self._weigh(inner, depth + 1)

    def _inside(self, depth: int, entries: int) -> None:
        if depth == _DEEPEST:
            raise OutOfBounds(f"nests values more than {_DEEPEST} deep")
        self.spend(1 + entries)
