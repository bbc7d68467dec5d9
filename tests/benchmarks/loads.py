"""The loads that are measured against bare Celery, and bare Celery itself. Each tells its notifications a second."""

import time
from collections.abc import Callable, Sequence

from tests.benchmarks import noop
from tests.benchmarks.aims import Figure
from tests.benchmarks.sample import Load, Sample
from tests.benchmarks.stage import Stage, wait_until

BATCH = 500


def bare_chain(stage: Stage, count: int) -> Sample:
    """A: chains of four tasks that do nothing, through the broker step by step."""
    return _bare(stage, count, lambda number: noop.four(number).apply_async())


def bare_task(stage: Stage, count: int) -> Sample:
    """C: single tasks that do nothing."""
    return _bare(stage, count, lambda number: noop.one(number).apply_async())


def _bare(stage: Stage, count: int, publish: Callable[[int], object]) -> Sample:
    before = stage.through()
    began = time.perf_counter()
    for number in range(count):
        publish(number)
    wait_until(lambda: stage.through() >= before + count, f"{count} bare tasks")
    return _rate(count, began)


def singles(stage: Stage, count: int) -> Sample:
    """B1: one event and one commit at a time; signed webhooks to one fast receiver."""
    _users(stage, 1)
    began = time.perf_counter()
    for number in range(count):
        stage.services.intake.submit(_event(0, f"s{began}-{number}"), owner="bench", actor="system:bench")
    wait_until(lambda: stage.open_rows() == 0, f"{count} single notifications")
    return _rate(count, began)


def bursts(stage: Stage, count: int) -> Sample:
    """B2: batches of 500 events for four targets, announced as the product does it."""
    _users(stage, 4)
    began = time.perf_counter()
    for start in range(0, count, BATCH):
        events = [_event(number % 4, f"b{began}-{start + number}") for number in range(min(BATCH, count - start))]
        accepted, rejected = stage.services.intake.submit_batch(events, owner="bench", actor="system:bench")
        assert len(accepted) == len(events)
        assert not rejected
    wait_until(lambda: stage.open_rows() == 0, f"a burst of {count}")
    return _rate(count, began)


def _rate(count: int, began: float) -> Sample:
    return Sample(count, {Figure.RATE: count / (time.perf_counter() - began)})


def _users(stage: Stage, count: int) -> None:
    for place in range(count):
        stage.services.preferences.replace(
            f"user-{place}", {"contacts": {"webhook": {"url": stage.url(place)}}}, actor="system:bench"
        )


def _event(user: int, job: str) -> dict[str, object]:
    return {
        "type": "job.completed",
        "recipients": [f"user-{user}"],
        "channels": ["webhook"],
        "data": {"job_id": job, "name": "nightly encode", "duration_seconds": 1834},
    }


YARDSTICK: Load[Stage] = Load("bare", "A  bare chain of four", bare_chain, 500, 2.0)
LOADS: Sequence[Load[Stage]] = (
    YARDSTICK,
    Load("singles", "B1 one at a time", singles, 1000, 2.5),
    Load("bursts", "B2 bursts of 500", bursts, 5000, 3.0),
    Load("task", "C  bare task", bare_task, 1000, 1.0),
)
