"""Which loads there are, by the names that `--only` takes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tests.benchmarks import apprise_sends, fan_out, first_delivery, idle, loads, over_http, slow_receivers
from tests.benchmarks.sample import Load
from tests.benchmarks.stage import Stage
from tests.benchmarks.whole import Whole

_STAGED: Sequence[Load[Stage]] = (*loads.LOADS, apprise_sends.LOAD)
_WHOLE: Sequence[Load[Whole]] = (
    over_http.ACCEPTED,
    over_http.SPREAD,
    over_http.PACED,
    first_delivery.LOAD,
    fan_out.LOAD,
    slow_receivers.LOAD,
)
NAMES = (*(load.name for load in _STAGED), *(load.name for load in _WHOLE), idle.NAME)
_START_SECONDS = 12.0
_COMPARED = frozenset({"singles", "bursts", "task"})


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be measured: on the stage, on the whole product, and whether that is looked at when idle."""

    staged: Sequence[Load[Stage]]
    whole: Sequence[Load[Whole]]
    idle: bool
    yardstick: Load[Stage]

    @property
    def over_http(self) -> bool:
        """Whether a load on the whole product is compared with the yardstick."""
        return any(load in (over_http.ACCEPTED, over_http.SPREAD) for load in self.whole)

    def seconds(self, rounds: int, scale: float) -> float:
        """About how long all that takes."""
        loads = sum(load.seconds for load in self.staged) + sum(load.seconds for load in self.whole)
        loads += self.over_http * self.yardstick.seconds
        starts = (bool(self.staged or self.over_http) + bool(self.whole)) * _START_SECONDS
        return loads * scale * (rounds + 1) + starts + self.idle * idle.SECONDS


def chosen(only: Collection[str], *, apprise: bool) -> Chosen:
    """The loads of these names, or all; those compared with the yardstick bring it along."""
    wanted = set(only or NAMES)
    if not only and not apprise:
        wanted.discard(apprise_sends.LOAD.name)
    if wanted & _COMPARED:
        wanted.add(loads.YARDSTICK.name)
    if apprise_sends.LOAD.name in wanted:
        wanted |= {loads.YARDSTICK.name, "bursts"}
    return Chosen(
        [load for load in _STAGED if load.name in wanted],
        [load for load in _WHOLE if load.name in wanted],
        idle.NAME in wanted,
        loads.YARDSTICK,
    )
