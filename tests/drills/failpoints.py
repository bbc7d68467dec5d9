"""D9: workers die at each place of the delivery in turn."""

import time
from collections import Counter

from tests.drills.judge import arrivals
from tests.drills.load import EVERYWHERE
from tests.drills.stage import Stage

PLACES = ("before_claim", "after_claim", "before_send", "after_send", "before_outcome", "after_outcome", "before_ack")
IN_DOUBT = frozenset({"after_send", "before_outcome"})
"""Only here the receiver has the message and the record does not."""
_DIE_SECONDS = 60.0
_LOOK_SECONDS = 0.1


def die_everywhere(stage: Stage) -> None:
    """Two workers die at each place, in a small run one.

    Each worker has one thread, so that nothing else of it is under way when it dies.
    """
    place_of: dict[str, str] = {}
    for place in PLACES:
        for number in range(2 if stage.full else 1):
            (stage.rig.failpoints / f"{place}.{number}").touch()
        before = set(stage.load.accepted)
        # What is delivered into our own database cannot arrive twice, and would show nothing there.
        channels = ("email", "webhook") if place in IN_DOUBT else EVERYWHERE
        stage.load.submit(stage.count(50, least=50), channels=channels)
        place_of |= dict.fromkeys(set(stage.load.accepted) - before, place)
        give_up = time.monotonic() + _DIE_SECONDS
        while any(stage.rig.failpoints.iterdir()) and time.monotonic() < give_up:
            stage.sleep(_LOOK_SECONDS, f"dying {place}")
        stage.expect(not any(stage.rig.failpoints.iterdir()), f"nobody died at {place}")
        stage.fault_over()
        if not stage.until_quiet(90):
            break
    _check(stage, place_of)


def _check(stage: Stage, place_of: dict[str, str]) -> None:
    case = stage.case()
    known, seen = case.facts, arrivals(case)
    twice = Counter(place_of[row.event_id] for row in known.rows if seen[row.id] > 1)
    doubts = Counter(place_of[row.event_id] for row in known.rows for outcome in row.outcomes if outcome == "unknown")
    said = (f"{place} {twice[place]}/{doubts[place]}" for place in PLACES)
    stage.notes.append("arrived twice/in doubt: " + ", ".join(said))
    stage.notes.append(f"{len(stage.rig.deaths())} deaths")
    for place in PLACES:
        if place not in IN_DOUBT:
            stage.expect(not twice[place], f"{twice[place]} duplicates from dying at {place}")
    stage.expect(bool(sum(twice[place] for place in IN_DOUBT)), "dying after a send never led to a second one")
