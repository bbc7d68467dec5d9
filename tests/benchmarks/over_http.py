"""Events over HTTP: as fast as they are taken, and at an even pace that is nobody's burst."""

import time
from typing import Any

from tests.benchmarks.aims import Figure
from tests.benchmarks.arithmetic import percentile
from tests.benchmarks.sample import Load, Sample
from tests.benchmarks.whole import Whole, event

RATE = 50.0
"""Events a second of the even pace."""


def accepted(whole: Whole, count: int, receivers: int = 1) -> Sample:
    """One event per request, as fast as they are accepted, for one webhook or some; until all are delivered."""
    events = events_for_all(whole, f"http-{time.monotonic()}", count, receivers)
    began = time.perf_counter()
    whole.sender.each(events)
    whole.until_quiet(f"{count} over HTTP")
    return Sample(count, {Figure.RATE: count / (time.perf_counter() - began)})


def spread(whole: Whole, count: int) -> Sample:
    """The same for eight webhooks by turns, whose messages and transactions are less often shared."""
    return accepted(whole, count, receivers=8)


def paced(whole: Whole, count: int, rate: float = RATE) -> Sample:
    """Events at even distances; timed is each from before its request until its receiver has it."""
    events = events_for_all(whole, f"paced-{time.monotonic()}", count)
    sent = whole.sender.each(events, rate)
    whole.until_quiet(f"{count} at an even pace")
    came = whole.arrivals("paced-")
    times = [1000 * (came[one["subject_key"]] - at) for one, at in zip(events, sent, strict=True)]
    figures = {Figure.P50: percentile(times, 0.5), Figure.P99: percentile(times, 0.99), Figure.MOST: max(times)}
    return Sample(count, figures)


def events_for_all(whole: Whole, prefix: str, count: int, users: int = 8) -> list[dict[str, Any]]:
    """Events for so many users by turns, each of whom has a receiver of their own."""
    for number in range(users):
        whole.rig.add_user(f"u-{number}", f"127.0.0.{number + 1}")
    return [event(f"u-{number % users}", f"{prefix}-{number}") for number in range(count)]


ACCEPTED: Load[Whole] = Load("http", "over HTTP, for one receiver", accepted, 400, 1.5)
SPREAD: Load[Whole] = Load("spread", "over HTTP, for eight receivers", spread, 200, 2.0)
PACED: Load[Whole] = Load("latency", "50/s over HTTP", paced, 500, 10.5)
