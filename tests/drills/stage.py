"""What a drill works with: the rig, the load, the dice, a stop watch and a place for its findings."""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import requests

from app.store.engine import DatabaseUnavailable
from tests.drills import facts
from tests.drills.fleet import Fleet
from tests.drills.grounds import Ground, Impossible
from tests.drills.judge import ARRIVED, Case, End, Judgement, judge
from tests.drills.load import Load
from tests.drills.rabbit import NoRabbit
from tests.drills.rig import MAIN, MOST_ATTEMPTS, Rig, Script
from tests.drills.watch import Watch

USERS = tuple(f"u-{number}" for number in range(12))
_LOOK_SECONDS = 0.25
_SEAL_SECONDS = 20.0
_NORMAL_TIMES = 1.5
_CLOCK_NOISE_SECONDS = 0.010
Show = Callable[[str, float], None]
"""Tells people what is going on, and how much of it is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Options:
    """How drills are run. `scale` shrinks counts and times; `postgres`, `own_redis` and `rabbitmq` as in Rig.

    Speed is judged only where it is `timed`: on a machine that does something else besides it says nothing.
    """

    directory: Path
    scale: float = 1.0
    seed: int = 1
    postgres: str | None = None
    own_redis: bool = False
    rabbitmq: str | None = None
    timed: bool = True
    older: Path = MAIN
    """The main.py that an upgrade begins with."""
    minutes: float = 30.0
    """How long the soak goes on, at any scale."""


@dataclass(frozen=True, slots=True)
class Drill:
    """Something that breaks, and what has to hold. The rest is the environment and the mail server's script."""

    name: str
    what: str
    act: Callable[["Stage"], None]
    environ: Mapping[str, str] = field(default_factory=dict)
    mail: Script | None = None
    shrink: float = 1.0
    """How much smaller than the others it is."""
    fleet: bool = False
    """Whether each part is a process of its own, on a Redis of the drill's own."""
    upgrades: bool = False
    """Whether it is such a fleet, of an older version."""
    ground: Callable[[Path], Ground] | None = None
    """Makes what the product stands on, in the drill's folder, where that is what breaks."""
    takes: tuple[float, float] = (25, 60)
    """About how many seconds it takes in a tenth of its size and in full, besides `by_minutes`."""
    by_minutes: bool = False
    """Whether it goes on for as many minutes as it is told, at any scale."""

    def lasts(self, options: Options) -> float:
        """About how many seconds it takes from its start to its judgement."""
        small, full = self.takes
        grown = max(options.scale - 0.1, 0.0) / 0.9
        return small + (full - small) * grown + (60 * options.minutes if self.by_minutes else 0.0)


@dataclass(frozen=True, slots=True)
class Result:
    """How a drill went; `recovered` is seconds from the end of the fault to the last outcome."""

    name: str
    judgement: Judgement
    recovered: float
    notes: tuple[str, ...]
    faults: tuple[str, ...]
    took: float
    broken: str = ""
    """What the drill breaks."""

    @property
    def passed(self) -> bool:
        """Whether everything held."""
        return not self.faults


class Stage:
    """One run of a drill."""

    def __init__(
        self, rig: Rig, load: Load, watch: Watch, ground: Ground | None, options: Options, shrink: float, show: Show
    ) -> None:
        self.rig = rig
        self.load = load
        self.watch = watch
        self.ground = ground
        self.minutes = options.minutes
        self.ends: set[End] = set(ARRIVED)
        """How what was accepted may end."""
        self.notices: set[str] = set()
        """The types of what the product may tell by itself."""
        self.random = random.Random(options.seed)  # noqa: S311 - a drill is to be repeatable, not secret
        self.notes: list[str] = []
        self.faults: list[str] = []
        self.fault_over_at = time.time()
        self._scale = options.scale * shrink
        self.timed = options.timed
        self._show = show

    @property
    def full(self) -> bool:
        """Whether this is the drill in its full size."""
        return self._scale >= 1

    def count(self, full: int, least: int = 60) -> int:
        """How many notifications to take for `full` of them."""
        return max(round(full * self._scale), min(least, full))

    def seconds(self, full: float, least: float = 6.0) -> float:
        """How long to go on for what takes `full` seconds."""
        return max(full * self._scale, min(least, full))

    def expect(self, holds: bool, otherwise: str) -> None:
        """Put on record what did not hold."""
        if not holds:
            self.faults.append(otherwise)

    def fault_over(self) -> None:
        """From now on everything is well again, and the time to recover runs."""
        self.fault_over_at = time.time()

    def trouble(self) -> None:
        """Let some receivers refuse, hang up and be late at first, as the world does."""
        fine = {"status": 200}
        self.rig.script(
            {
                "/hook/u-0": [{"status": 503, "times": 3}, fine],
                "/hook/u-1": [{"act": "reset", "times": 2}, fine],
                "/hook/u-2": [{"delay": 2.5, "times": 1}, fine],
                "/hook/u-3": [{"status": 429, "headers": {"Retry-After": "1"}, "times": 1}, fine],
            }
        )

    def sleep(self, seconds: float, doing: str) -> None:
        """Let time pass."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._tell(doing)
            time.sleep(min(left, _LOOK_SECONDS))

    def until(self, holds: Callable[[], bool], within: float, doing: str) -> bool:
        """Wait until something holds; false when it does not in that time."""
        give_up = time.monotonic() + within
        while not holds():
            if time.monotonic() > give_up:
                return False
            self._tell(doing)
            time.sleep(_LOOK_SECONDS)
        return True

    def until_accepted(self, loading: "Future[None]") -> None:
        """Wait for a load to be in."""
        while not wait([loading], _LOOK_SECONDS).done:
            self._tell("submitting")
        loading.result()

    def until_quiet(self, within: float) -> bool:
        """Wait until everything accepted has ended; false when it has not in that time."""
        give_up = time.monotonic() + within
        while facts.stored(self.rig.database) < self.load.expected or facts.still_open(self.rig.database):
            if time.monotonic() > give_up:
                self.faults.append(f"not everything had ended {within:g} s after the fault")
                return False
            self._tell("recovering")
            time.sleep(_LOOK_SECONDS)
        return True

    def calm(self, count: int, span: float) -> tuple[float, float]:
        """Submit half of a load in half of its time, before anything breaks; its beginning and end, for p95_holds."""
        began = time.monotonic()
        self.load.submit(count // 2, span / 2)
        return began, time.monotonic()

    def p95_holds(self, normal: tuple[float, float], broken: tuple[float, float], fault: str) -> None:
        """Check that POST /events was about as quick during the fault as before, and never answered but with a 202.

        Spans are of time.monotonic(). What two equal spans differ by on a busy machine is allowed for.
        """
        before, during = self.load.p95(*normal), self.load.p95(*broken)
        self.notes.append(f"POST p95 {1000 * before:.1f} ms, {1000 * during:.1f} ms with {fault}")
        limit = max(_NORMAL_TIMES * before, before + _CLOCK_NOISE_SECONDS)
        self.expect(
            not self.timed or during <= limit,
            f"POST /events: p95 {1000 * during:.1f} ms with {fault}, {1000 * before:.1f} before",
        )
        refused = self.load.refused(since=normal[0])
        self.expect(not refused, f"POST /events did not answer 202 but {sorted(set(refused))}, {len(refused)} times")

    def expect_no_doubt(self) -> None:
        """Check that nothing arrived twice, and that nothing may have: what holds when every stop was asked for."""
        unknown = sum(row.outcomes.count("unknown") for row in self.facts().rows)
        self.expect(not unknown, f"{unknown} attempts have an unknown outcome after a stop that was asked for")
        duplicates = self.judgement().duplicates
        self.expect(not duplicates, f"{duplicates} notifications arrived twice")

    def facts(self) -> facts.Facts:
        """What the product has written down by now; waits for the audit to be sealed."""
        give_up = time.monotonic() + _SEAL_SECONDS
        while facts.unsealed(self.rig.database) and time.monotonic() < give_up:
            time.sleep(_LOOK_SECONDS)
        return facts.read(self.rig.database, self.rig.call("GET", "/metrics").text)

    def case(self) -> Case:
        """Everything to be compared."""
        ends, notices = frozenset(self.ends), frozenset(self.notices)
        return Case(self.load.accepted, self.facts(), self.rig.ledger(), MOST_ATTEMPTS, ends, notices)

    def judgement(self) -> Judgement:
        """Everything compared with everything."""
        return judge(self.case())

    def _tell(self, doing: str) -> None:
        promised = self.load.expected
        try:
            left = facts.still_open(self.rig.database)
        except DatabaseUnavailable:
            # It may just have been broken on purpose.
            return
        self._show(f"{doing}: {promised} accepted, {left} open", 1 - left / promised if promised else 0.0)


def percentile(times: Sequence[float], part: float = 0.95) -> float:
    """The time that this part of them keeps to; NaN for none."""
    return sorted(times)[math.ceil(part * len(times)) - 1] if times else math.nan


def perform(drill: Drill, options: Options, show: Show) -> Result:
    """Run one drill on a product of its own.

    Where this machine cannot do it, or it does not come to its end, the result says why, and the others go on.
    """
    began = time.monotonic()
    show("starting", 0.0)
    directory = options.directory / drill.name
    directory.mkdir(parents=True)
    try:
        return _performed(drill, options, directory, show, began)
    except (Impossible, NoRabbit, TimeoutError, RuntimeError, requests.RequestException) as error:
        nothing = Judgement({}, 0, 0, 0, 0, 0, ())
        what = (
            "cannot be done here"
            if isinstance(error, Impossible | NoRabbit)
            else f"ended early by {type(error).__name__}"
        )
        faults = (f"{what}: {error}",)
        return Result(drill.name, nothing, 0.0, (), faults, time.monotonic() - began, drill.what)


def _performed(drill: Drill, options: Options, directory: Path, show: Show, began: float) -> Result:
    with ExitStack() as stack:
        ground = stack.enter_context(drill.ground(directory)) if drill.ground is not None else None
        kind: Callable[..., Rig] = Rig
        if drill.fleet or drill.upgrades:
            kind = partial(Fleet, program=options.older if drill.upgrades else MAIN)
        rig = kind(
            directory,
            postgres=(ground.postgres if ground is not None else None) or options.postgres,
            own_redis=options.own_redis or drill.fleet or drill.upgrades,
            rabbitmq=options.rabbitmq,
            environ={**drill.environ, **(ground.environ if ground is not None else {})},
            mail=drill.mail,
        )
        stack.enter_context(rig)
        for user_id in USERS:
            rig.add_user(user_id)
        load = Load(rig.url, rig.authorization(), USERS, options.seed)
        with Watch(rig.url) as watch:
            stage = Stage(rig, load, watch, ground, options, drill.shrink, show)
            drill.act(stage)
        stage.expect(bool(watch.looks), "the metrics could not be read once")
        case = stage.case()
        judgement = judge(case)
        recovered = max(facts.last_change(case.facts.rows) - stage.fault_over_at, 0.0)
    faults = (*stage.faults, *watch.faults, *judgement.faults)
    took = time.monotonic() - began
    return Result(drill.name, judgement, recovered, tuple(stage.notes), faults, took, drill.what)
