"""Stops that were asked for, in the middle of the work: D11, and the step from an older version to this one."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.drills import facts
from tests.drills.fleet import PARTS, Fleet
from tests.drills.stage import Stage

_PORTION_SECONDS = 4.0


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
