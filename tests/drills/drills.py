"""The drills: what is broken, when, and what must hold beside the judge's own questions."""

import signal
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.drills import facts
from tests.drills.failpoints import die_everywhere
from tests.drills.fleet import PARTS, Fleet
from tests.drills.stage import Drill, Stage

_KILL_SECONDS = 2.0
_LOOK_SECONDS = 0.1
_SILENT_SECONDS = 45.0
_PORTION_SECONDS = 4.0
_LATEST_SECONDS = 35.0 + 5.0
"""By the defaults of RELAY_GRACE_SECONDS and RELAY_TICK_SECONDS, and what a retry or two may add."""


def kill_workers(stage: Stage) -> None:
    """D1: kill a random worker process every two seconds."""
    stage.trouble()
    span = stage.seconds(60)
    loading = stage.load.begin(stage.count(2000), span)
    end, kills = time.monotonic() + span, 0
    while time.monotonic() < end:
        stage.sleep(_KILL_SECONDS, "killing workers")
        workers = stage.rig.workers()
        if workers:
            stage.random.choice(workers).send(signal.SIGKILL)
            kills += 1
    stage.until_accepted(loading)
    stage.fault_over()
    stage.notes.append(f"{kills} workers killed")
    stage.until_quiet(120)


def no_workers(stage: Stage) -> None:
    """D3: no worker lives longer than a moment; events are accepted all the same."""
    span, count = stage.seconds(60, least=8), stage.count(500, least=200)
    began = time.monotonic()
    stage.load.submit(count // 2, span / 2)
    broken = time.monotonic()
    loading = stage.load.begin(count, span)
    while time.monotonic() - broken < span or not loading.done():
        for worker in stage.rig.workers():
            worker.send(signal.SIGKILL)
        stage.sleep(_LOOK_SECONDS, "no workers")
    loading.result()
    stage.fault_over()
    stage.p95_holds((began, broken), (broken, time.monotonic()), "no workers")
    stage.until_quiet(120)


def broker_outages(stage: Stage) -> None:
    """D4: the broker is killed and comes back empty, after outages of several lengths."""
    count, rate = stage.count(1000, least=100), 60
    began = time.monotonic()
    stage.load.submit(count, count / rate)
    broken = time.monotonic()
    for outage in (0.5, 1.0, 2.0, 5.0, 30.0) if stage.full else (0.5, 2.0):
        span = max(count / rate, outage + 2)
        loading = stage.load.begin(count, span)
        stage.sleep(1.0, "before the outage")
        away = stage.rig.broker.hold_down(outage)
        stage.fault_over()
        stage.until_accepted(loading)
        if not stage.until_quiet(60 + count / 20):
            break
        silent = time.time() - stage.fault_over_at
        stage.notes.append(f"away for {away:.1f} s: all ended {silent:.1f} s after it was back")
        stage.expect(silent <= span + _SILENT_SECONDS, f"workers were silent for {silent:.1f} s after an outage")
    stage.p95_holds((began, broken), (broken, time.monotonic()), "broker outages")


def flushes(stage: Stage) -> None:
    """D5: the broker is emptied six times under load."""
    stage.trouble()
    span = stage.seconds(60, least=12)
    loading = stage.load.begin(stage.count(2000, least=200), span)
    for number in range(6):
        stage.sleep(span / 7, f"flush {number + 1} of 6")
        stage.rig.broker.flush()
    stage.fault_over()
    stage.until_accepted(loading)
    stage.until_quiet(120)
    took = max((row.updated_at - row.created_at).total_seconds() for row in stage.facts().rows)
    stage.notes.append(f"the slowest took {took:.1f} s from accepted to ended")
    stage.expect(not stage.timed or took <= _LATEST_SECONDS, f"a notification took {took:.1f} s after a flush")


def frozen_broker(stage: Stage) -> None:
    """D7: the broker hangs, so that connections to it neither fail nor work."""
    span, count = stage.seconds(20, least=8), stage.count(500, least=200)
    began = time.monotonic()
    stage.load.submit(count // 2, span / 2)
    broken = time.monotonic()
    stage.rig.broker.freeze()
    loading = stage.load.begin(count, span)
    stage.sleep(span, "the broker hangs")
    stage.until_accepted(loading)
    thawed = time.monotonic()
    stage.rig.broker.thaw()
    stage.fault_over()
    stage.p95_holds((began, broken), (broken, thawed), "a frozen broker")
    stage.until_quiet(120)


def stop_and_start(stage: Stage) -> None:
    """A stop that was asked for, in the middle of the work: nothing is lost, nothing done twice, nothing in doubt."""
    stage.rig.script({"*": [{"delay": 1.0}]})
    loading = stage.load.begin(200, 4.0)
    stage.sleep(2.0, "before the stop")
    before = stage.load.expected, facts.still_open(stage.rig.database)
    code = stage.rig.stop()
    left = facts.still_open(stage.rig.database)
    stage.notes.append(f"SIGTERM with {before[0]} accepted, {before[1]} of them open; {left} open when it had stopped")
    stage.expect(code == 0, f"the stop ended with exit code {code}")
    stage.expect(min(*before, left) > 0, "it was not stopped in the middle, so this run showed nothing")
    stage.rig.start()
    stage.fault_over()
    stage.until_accepted(loading)
    stage.until_quiet(60)
    stage.expect_no_doubt()


def rolling_restarts(stage: Stage) -> None:
    """D11: every part of a fleet is stopped and replaced under load, one after the other, three times over."""
    rounds = 3 if stage.full else 1
    portion = stage.count(1000, least=300) // (rounds * len(PARTS))
    for number in range(rounds):
        for part in PARTS:
            _replace(stage, part, portion, f"round {number + 1} of {rounds}")
    stage.fault_over()
    stage.until_quiet(60)
    stage.expect_no_doubt()


def upgrade(order: Sequence[str], stage: Stage) -> None:
    """The schema of a fleet of an older version is brought to this one, then its parts are replaced in this order."""
    fleet = stage.rig
    assert isinstance(fleet, Fleet)
    span = stage.seconds(_PORTION_SECONDS, least=2.0)
    span = stage.seconds(_PORTION_SECONDS, least=2.0)
    portion = stage.count(1400, least=280) // (len(order) + 2)
    stage.load.submit(portion // 2, span / 2)
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        upgrading = pool.submit(fleet.upgrade)
        while not upgrading.done():
            stage.load.submit(portion // 2, span / 2)
        upgrading.result()
    ended = time.monotonic()
    stage.load.submit(portion, span)
    stage.notes.append(
        f"POST p95 {1000 * stage.load.p95(began, ended):.0f} ms while the schema was changed;"
        f" not answered 202 by the older version: {len(stage.load.refused())}"
    )
    for part in order:
        _replace(stage, part, portion, "both versions run", span)
    stage.fault_over()
    stage.until_quiet(60)
    stage.expect_no_doubt()


def _replace(stage: Stage, part: str, portion: int, doing: str, span: float = _PORTION_SECONDS) -> None:
    """Replace one part of a fleet under a portion of load, spread over that time."""
    fleet = stage.rig
    assert isinstance(fleet, Fleet)
    loading = stage.load.begin(portion, span)
    stage.sleep(span / 4, f"before {part} is replaced, {doing}")
    stage.expect(not loading.done(), f"there was no load when {part} was stopped, so this run showed nothing")
    code = fleet.replace(part)
    stage.expect(code == 0, f"{part} ended with {code} when it was asked to stop")
    stage.until_accepted(loading)


DRILLS: Mapping[str, Drill] = {
    drill.name: drill
    for drill in (
        Drill("D1", "kill -9 of a random worker every 2 s", kill_workers),
        Drill("D3", "no workers at all", no_workers),
        Drill("D4", "broker killed without persistence", broker_outages),
        Drill("D5", "FLUSHALL six times under load", flushes),
        Drill("D7", "broker frozen", frozen_broker),
        Drill("D9", "kill -9 at each place of the delivery", die_everywhere, {"WORKER_CONCURRENCY": "1"}),
        Drill("D11", "SIGTERM to each part of a fleet in turn", rolling_restarts, fleet=True),
        Drill(
            "upgrade",
            "an older version (--from), replaced part by part: workers, relay, API",
            partial(upgrade, ("outbound", "local", "urgent", "relay", "api")),
            upgrades=True,
        ),
        Drill(
            "upgrade-api",
            "the same, beginning with the API",
            partial(upgrade, ("api", "relay", "urgent", "local", "outbound")),
            upgrades=True,
        ),
        Drill("stop", "SIGTERM in the middle, and a new start", stop_and_start, mail={"content": [{"delay": 0.5}]}),
        Drill("unfused", "D5 with every step through the broker", flushes, {"FUSE_STEPS": "false"}, shrink=0.2),
    )
}
