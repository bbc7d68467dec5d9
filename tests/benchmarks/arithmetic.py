"""The arithmetic of the benchmarks, apart from any clock."""

from collections.abc import Sequence
from math import ceil
from statistics import median
from typing import NamedTuple


class Spread(NamedTuple):
    """The middle of several runs, and how far they lie apart."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(median(values), min(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The least of the values that so great a share of them does not exceed; of at least one value."""
    return sorted(values)[max(ceil(share * len(values)), 1) - 1]


def ratios(values: Sequence[float], yardstick: Sequence[float]) -> list[float]:
    """Each round's value as a multiple of the yardstick of the same round."""
    return [value / base for value, base in zip(values, yardstick, strict=True)]
