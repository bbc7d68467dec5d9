"""What a run of the benchmark found out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.benchmarks.aims import Aim, Figure, Verdict, aims
from tests.benchmarks.arithmetic import Spread, ratios, spread
from tests.benchmarks.sample import Measured

YARDSTICK, YARDSTICK_AGAIN = "bare", "bare-again"
"""A, beside the loads on the stage, and once more beside those on the whole product."""
_BESIDE: Mapping[str, str] = {
    **dict.fromkeys(("bare", "singles", "bursts", "task", "apprise"), YARDSTICK),
    **dict.fromkeys(("http", "spread"), YARDSTICK_AGAIN),
}
_RATIOS: Mapping[Figure, tuple[str, str]] = {
    Figure.SINGLES: ("singles", YARDSTICK),
    Figure.BURSTS: ("bursts", YARDSTICK),
    Figure.APPRISE: ("bursts", "apprise"),
    Figure.HTTP: ("http", YARDSTICK_AGAIN),
}


class Told(NamedTuple):
    """A figure, and how it compares with its aim, if it has one."""

    figure: Figure
    spread: Spread
    aim: Aim | None
    verdict: Verdict | None


@dataclass
class Results:
    """The loads by name, and what is known about all of them together; memory is PSS in MB, by part."""

    postgres: bool
    measured: dict[str, Measured] = field(default_factory=dict)
    memory: dict[str, Mapping[str, float]] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0

    def figures(self) -> Iterator[Told]:
        """Every figure that was measured but the bare rates, in the order in which people read them."""
        known = aims(postgres=self.postgres)
        for figure in Figure:
            if figure is not Figure.RATE and (values := self._values(figure)):
                told, aim = spread(values), known.get(figure)
                yield Told(figure, told, aim, aim.verdict(told.median) if aim else None)

    def over_yardstick(self, name: str) -> list[float]:
        """A load's rates as multiples of A's, round by round; nothing if A was not measured beside it."""
        return self._ratios(name, _BESIDE[name]) if name in _BESIDE else []

    def _values(self, figure: Figure) -> list[float]:
        if figure in _RATIOS:
            return self._ratios(*_RATIOS[figure])
        return [value for one in self.measured.values() for value in one.of(figure)]

    def _ratios(self, name: str, base: str) -> list[float]:
        if name not in self.measured or base not in self.measured:
            return []
        return ratios(self.measured[name].of(Figure.RATE), self.measured[base].of(Figure.RATE))
