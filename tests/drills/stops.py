"""D11: stops that were asked for, in the middle of the work."""

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
    fleet = stage.rig
    assert isinstance(fleet, Fleet)
    rounds = 3 if stage.full else 1
    portion = stage.count(1000, least=300) // (rounds * len(PARTS))
    for number in range(rounds):
        for part in PARTS:
            loading = stage.load.begin(portion, _PORTION_SECONDS)
            stage.sleep(_PORTION_SECONDS / 4, f"before {part} is replaced, round {number + 1} of {rounds}")
            stage.expect(not loading.done(), f"there was no load when {part} was stopped, so this run showed nothing")
            code = fleet.replace(part)
            stage.expect(code == 0, f"{part} ended with {code} when it was asked to stop")
            stage.until_accepted(loading)
    stage.fault_over()
    stage.until_quiet(60)
    stage.expect_no_doubt()
