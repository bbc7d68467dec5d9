"""Runs the loads by turns, so that a machine that gets slower in between gets slower for all of them."""

import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.costs import Parts, pss_megabytes
from tests.benchmarks.idle import NAME, SECONDS, TITLE, idle
from tests.benchmarks.registry import Chosen
from tests.benchmarks.results import YARDSTICK_AGAIN, Results
from tests.benchmarks.sample import Ground, Load, Measured
from tests.benchmarks.stage import Stage, set_stage
from tests.benchmarks.whole import whole_product

Show = Callable[[str, float], None]
"""Tells people what is measured now, and how many of the seconds that were foreseen are over since it last did."""


@dataclass(frozen=True, slots=True)
class Way:
    """How it is measured."""

    postgres: str | None
    processes: int
    threads: int
    fused: bool
    rounds: int
    scale: float


def measure(chosen: Chosen, way: Way, show: Show) -> Results:
    """Measure what was chosen; each load has one more round, the first, to warm up."""
    results = Results(way.postgres is not None)
    if chosen.idle:
        show(TITLE, 0.0)
        sample, by_part = idle(way.postgres)
        results.measured[NAME] = Measured(TITLE, [sample])
        results.memory[TITLE] = by_part
        show(TITLE, SECONDS)
    if not (chosen.staged or chosen.over_http):
        _on_the_whole(chosen, way, show, results, None)
        return results
    with _folder() as folder, _stage(folder, way) as stage:
        if chosen.staged:
            deque(_rounds(stage, chosen.staged, way, show, results), maxlen=0)
            results.memory["the bench's stage"] = _memory(stage.parts)
            _judge(results, stage.judged())
        stage.retire()
        if chosen.whole:
            _on_the_whole(chosen, way, show, results, stage)
    return results


def _on_the_whole(chosen: Chosen, way: Way, show: Show, results: Results, stage: Stage | None) -> None:
    environ = {"FUSE_STEPS": str(way.fused).lower()}
    with _folder() as folder, whole_product(folder / "rig", postgres=way.postgres, environ=environ) as whole:
        again = results.measured.setdefault(YARDSTICK_AGAIN, Measured("A  once more")) if stage is not None else None
        for warm in _rounds(whole, chosen.whole, way, show, results):
            if stage is not None and again is not None:
                sample = chosen.yardstick.run(stage, chosen.yardstick.scaled(way.scale))
                again.samples += [sample] if warm else []
                show(again.title, chosen.yardstick.seconds * way.scale)
        results.memory["whole product under load"] = _memory(whole.parts())
        _judge(results, whole.judged())


def _rounds(ground: Ground, loads: Sequence[Load[Ground]], way: Way, show: Show, results: Results) -> Iterator[bool]:
    """Run all loads by turns; yields after each round whether it counts."""
    for round_ in range(way.rounds + 1):
        for load in loads:
            show(load.title, 0.0)
            measured = results.measured.setdefault(load.name, Measured(load.title))
            _once(ground, load, way.scale, measured if round_ else None)
            show(load.title, load.seconds * way.scale)
        yield round_ > 0


def _once(ground: Ground, load: Load[Ground], scale: float, measured: Measured | None) -> None:
    meter = ground.meter()
    sample = load.run(ground, load.scaled(scale))
    if measured is not None:
        measured.samples.append(sample)
        measured.costs.append(meter.costs(sample.count))


def _judge(results: Results, judged: tuple[int, int]) -> None:
    results.lost += judged[0]
    results.doubled += judged[1]


def _memory(parts: Parts) -> dict[str, float]:
    return {name: pss_megabytes(pids) for name, pids in parts.items()}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="im2-bench-") as folder:
        yield Path(folder)


def _stage(folder: Path, way: Way) -> AbstractContextManager[Stage]:
    return set_stage(folder, postgres=way.postgres, processes=way.processes, threads=way.threads, fused=way.fused)
