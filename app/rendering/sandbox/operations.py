"""The operations that can make much out of little, each of which looks first at what it would make."""

import operator
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from app.rendering.sandbox.meter import Meter, OutOfBounds, is_light

MOST_RANGE = 10_000
_MOST_BITS = 10_000
_SHORT = 1_000
_SIZED = (str, bytes, list, tuple)
_TOO_WIDE = re.compile(r"%(?:\([^)]*\))?[-#0 +]*(?:\*|\d{4}|\d*\.(?:\*|\d{4}))")


def limited_range(*args: int) -> range:
    """A range of at most so many numbers."""
    numbers = range(*args)
    if len(numbers) > MOST_RANGE:
        raise OutOfBounds(f"asks for a range of more than {MOST_RANGE:,}")
    return numbers


class Operations:
    """The operators of templates, by their signs."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def add(self, left: Any, right: Any) -> Any:
        """The sum, or both in a row."""
        for text in (left, right):
            if isinstance(text, str | bytes):
                self._meter.make(len(text))
            elif isinstance(text, list | tuple):
                self._meter.spend(len(text))
        total: Any = left + right
        if isinstance(total, str | bytes):
            self._meter.make(len(total))
        return _small(total)

    def multiply(self, left: Any, right: Any) -> Any:
        """The product, or the same again and again."""
        for value, times in ((left, right), (right, left)):
            if isinstance(value, _SIZED) and isinstance(times, int):
                self._meter.make(len(value) * max(times, 0))
        return _small(left * right)

    def power(self, base: Any, exponent: Any) -> Any:
        """One to the power of the other."""
        if isinstance(base, int) and isinstance(exponent, int) and abs(base) > 1:
            _fits(base.bit_length() * exponent)
        return base**exponent

    def remainder(self, left: Any, right: Any) -> Any:
        """What is left over; or, of a text, the text with its places filled in."""
        if not isinstance(left, str | bytes):
            return operator.mod(left, right)
        # What looks like a tuple in a template is a list.
        return self.fill(left, tuple(right) if isinstance(right, list) else right)

    def fill(self, pattern: Any, values: Any) -> Any:
        """`pattern % values`, of which nothing is padded to thousands of characters."""
        if isinstance(pattern, bytes) or not _is_calm(pattern):
            raise OutOfBounds("pads a text too far")
        longest = _longest(values)
        if longest or len(pattern) >= _SHORT:
            self._meter.make(len(pattern) + pattern.count("%") * longest)
            self._meter.weigh(values)
        return pattern % values


def _is_calm(pattern: str) -> bool:
    """Whether nothing in the pattern is padded to thousands; what was asked lately is kept, if it is short."""
    return _is_short_and_calm(pattern) if len(pattern) < _SHORT else _TOO_WIDE.search(pattern) is None


@lru_cache(maxsize=1_024)
def _is_short_and_calm(pattern: str) -> bool:
    return _TOO_WIDE.search(pattern) is None


def _longest(values: Any) -> int:
    """How long the longest of these is that is not light; what is no text counts as one letter, and is weighed."""
    given: Iterable[Any] = [values]
    if type(values) is dict or isinstance(values, Mapping):
        given = values.values()
    elif isinstance(values, tuple):
        given = values
    longest = 0
    for value in given:
        if not is_light(value):
            longest = max(longest, len(value) if isinstance(value, str) else 1)
    return longest


def _small(number: Any) -> Any:
    if isinstance(number, int):
        _fits(number.bit_length())
    return number


def _fits(bits: int) -> None:
    if bits > _MOST_BITS:
        raise OutOfBounds("computes with numbers that are too large")
