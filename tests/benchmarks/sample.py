"""What is kept of each run of a load."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from tests.benchmarks.aims import Figure
from tests.benchmarks.costs import Costs, Meter


class Measurable(Protocol):
    """What loads run on."""

    def meter(self) -> Meter:
        """Begins to count."""


Ground = TypeVar("Ground", bound=Measurable)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run gave: its figures, and how many notifications it brought through."""

    count: int
    figures: Mapping[Figure, float]


@dataclass(frozen=True, slots=True)
class Load(Generic[Ground]):
    """Something to measure: `run` is handed the ground and how many notifications are wanted.

    `seconds` is about how long that takes, told to people beforehand. What is about a certain number is `fixed`.
    """

    name: str
    title: str
    run: Callable[[Ground, int], Sample]
    count: int
    seconds: float
    fixed: bool = False

    def scaled(self, scale: float) -> int:
        """How many notifications that is on another scale."""
        return self.count if self.fixed else max(int(self.count * scale), 10)


@dataclass(slots=True)
class Measured:
    """All runs of one load, without the warming up."""

    title: str
    samples: list[Sample] = field(default_factory=list)
    costs: list[Costs] = field(default_factory=list)

    def of(self, figure: Figure) -> list[float]:
        """One figure, run by run."""
        return [sample.figures[figure] for sample in self.samples if figure in sample.figures]
