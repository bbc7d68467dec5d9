"""What is measured, and what each figure has to reach."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Verdict = Literal["goal reached", "must reached", "MISSED"]


class Figure(StrEnum):
    """The figures, as people read them."""

    RATE = "notifications a second"
    SINGLES = "one at a time ÷ A"
    BURSTS = "bursts ÷ A"
    APPRISE = "bursts ÷ apprise's library, same sink"
    HTTP = "over HTTP, one event per request, one receiver ÷ A"
    P50 = "50/s over HTTP, submit → receiver, p50 ms"
    P99 = "50/s over HTTP, submit → receiver, p99 ms"
    MOST = "50/s over HTTP, submit → receiver, most ms"
    FIRST = "a burst of 500 in one request, s until the first is delivered"
    ACCEPTED = "… until its 202, s"
    FAN_OUT = "one event to 1,000 inboxes, s until all is visible"
    FAN_OUT_ACCEPTED = "… until its own 202, s"
    SLOW = "receivers that take 200 ms, n/s"
    SLOW_PSS = "… PSS of the worker that sends to them, MB"
    IDLE_PSS = "whole product idle, with Flower, PSS in MB"


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure must reach, and what it had better reach; a goal below its must is one for small figures."""

    must: float
    goal: float

    @property
    def at_most(self) -> bool:
        """Whether less is better."""
        return self.goal < self.must

    def verdict(self, value: float) -> Verdict:
        """How far a figure has come."""
        sign = -1 if self.at_most else 1
        if sign * value >= sign * self.goal:
            return "goal reached"
        return "must reached" if sign * value >= sign * self.must else "MISSED"


_AIMS: Mapping[Figure, Aim] = {
    Figure.SINGLES: Aim(1.7, 2.5),
    Figure.BURSTS: Aim(6, 12),
    Figure.APPRISE: Aim(2, 4),
    Figure.HTTP: Aim(1.1, 2),
    Figure.P50: Aim(12, 6),
    Figure.P99: Aim(30, 12),
    Figure.FIRST: Aim(0.2, 0.05),
    Figure.FAN_OUT: Aim(2, 0.5),
    Figure.SLOW: Aim(150, 300),
    Figure.SLOW_PSS: Aim(220, 155),
    Figure.IDLE_PSS: Aim(450, 300),
}
_ON_POSTGRESQL: Mapping[Figure, Aim] = {Figure.SINGLES: Aim(1.4, 2), Figure.BURSTS: Aim(4, 8)}


def aims(*, postgres: bool) -> Mapping[Figure, Aim]:
    """Those of the figures that have one, on this database."""
    return {**_AIMS, **_ON_POSTGRESQL} if postgres else _AIMS
