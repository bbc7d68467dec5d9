"""Who is accused of not working, and of whom nothing is known."""

from datetime import UTC, datetime, timedelta

import pytest

from app.runtime.lookout import Lookout
from app.store.heartbeats import Beat

TICK, SILENCE, PATIENCE, WORK = 5.0, 25.0, 30.0, 90.0
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LANES = ("email", "inapp")


class Fleet:
    """A relay and workers that beat every tick unless they are told not to, and somebody who looks each time."""

    def __init__(self) -> None:
        self.lookout = Lookout(tick=TICK, longest_silence=SILENCE, patience=PATIENCE, longest_work=WORK)
        self.now = 0.0
        self.silent: set[str] = set()
        self.waiting: dict[str, int] = {}
        self.details = {name: self.idle() for name in ("one", "two")}
        self.watched = {"r": "relay", "1": "one", "2": "two"}
        self._beats: dict[str, Beat] = {}

    def idle(self, **received: int) -> dict[str, object]:
        return {"lanes": LANES, "received": received, "holds": 0, "room": 4}

    def look(self) -> dict[str, str]:
        at = START + timedelta(seconds=self.now)
        for name in ("relay", *self.details):
            if name not in self.silent:
                detail = {"waiting": dict(self.waiting)} if name == "relay" else dict(self.details[name])
                self._beats[name] = Beat(name, "relay" if name == "relay" else "worker", at, detail)
        found = self.lookout.look(self.now, list(self._beats.values()), self.watched)
        assert all(verdict.lane is None or verdict.lane in verdict.why for verdict in found.values())
        return {who: verdict.why for who, verdict in found.items()}

    def wait(self, seconds: float) -> dict[str, str]:
        """Look every tick for so long; the last verdict."""
        found: dict[str, str] = {}
        end = self.now + seconds
        while self.now < end:
            self.now += TICK
            found = self.look()
        return found


@pytest.fixture
def fleet():
    fleet = Fleet()
    assert fleet.look() == {}
    return fleet


def test_those_who_beat_and_have_nothing_to_do_are_left_alone(fleet):
    assert fleet.wait(600) == {}


@pytest.mark.parametrize(("name", "who"), [("one", "1"), ("relay", "r")])
def test_who_gives_no_sign_of_life_is_frozen(fleet, name, who):
    fleet.wait(60)
    fleet.silent = {name}
    assert fleet.wait(25) == {}
    assert fleet.wait(5) == {who: "no sign of life for 30 s"}


def test_when_nobody_beats_it_is_the_database(fleet):
    fleet.silent = {"relay", "one", "two"}
    assert fleet.wait(600) == {}


def test_after_a_gap_everybody_starts_anew(fleet):
    """The database was away, or the machine slept: beats are old because nobody could beat."""
    fleet.wait(60)
    fleet.now += 3600
    fleet.silent = {"one"}
    assert fleet.look() == {}
    assert fleet.wait(25) == {}
    assert set(fleet.wait(5)) == {"1"}


def test_who_takes_nothing_though_messages_wait_is_deaf(fleet):
    fleet.wait(60)
    fleet.waiting = {"email": 3, "inapp": 0}
    fleet.details["two"] = {**fleet.idle(), "lanes": ("inapp",)}
    assert fleet.wait(35) == {}
    why = "has room and takes nothing from the lane email for 35 s, although messages wait there"
    assert fleet.wait(5) == {"1": why}


def test_what_is_taken_from_another_lane_does_not_excuse(fleet):
    fleet.waiting = {"email": 3}
    verdicts = {}
    for number in range(9):
        fleet.details["one"] = fleet.idle(inapp=number)
        fleet.details["two"] = fleet.idle(email=number)
        verdicts = fleet.wait(TICK)
    assert set(verdicts) == {"1"}


def test_who_takes_something_now_and_then_is_not_deaf(fleet):
    fleet.waiting = {"email": 2000}
    for number in range(40):
        for name in ("one", "two"):
            fleet.details[name] = fleet.idle(email=number // 5)
        assert fleet.wait(TICK) == {}


def test_a_lane_that_is_empty_now_and_then_accuses_nobody(fleet):
    for number in range(40):
        fleet.waiting = {"email": 1 if number % 5 else 0}
        assert fleet.wait(TICK) == {}


def test_who_is_full_may_take_its_time_and_no_more_than_that(fleet):
    fleet.waiting = {"email": 5}
    for name in ("one", "two"):
        fleet.details[name] = {**fleet.idle(), "holds": 4}
    assert fleet.wait(95) == {}
    assert set(fleet.wait(5)) == {"1", "2"}


def test_a_moment_of_room_after_a_long_list_is_not_deafness(fleet):
    fleet.waiting = {"email": 5}
    for name in ("one", "two"):
        fleet.details[name] = {**fleet.idle(), "holds": 4}
    fleet.wait(60)
    for name in ("one", "two"):
        fleet.details[name] = fleet.idle()
    assert fleet.wait(5) == {}


@pytest.mark.parametrize("waiting", [{}, {"email": 0}], ids=["the broker does not say", "nothing waits"])
def test_without_messages_nobody_is_deaf(fleet, waiting):
    fleet.waiting = waiting
    assert fleet.wait(600) == {}


def test_what_a_dead_relay_said_last_is_not_held_against_workers(fleet):
    fleet.waiting = {"email": 3}
    fleet.wait(10)
    fleet.silent = {"relay"}
    assert set(fleet.wait(120)) == {"r"}


def test_a_new_life_is_judged_by_itself(fleet):
    """The supervisor has started it again: another process, another name."""
    fleet.waiting = {"email": 3}
    assert set(fleet.wait(40)) == {"1", "2"}
    fleet.details["three"] = fleet.details.pop("one")
    fleet.watched["1"] = "three"
    assert set(fleet.wait(40)) == {"2"}
    assert set(fleet.wait(5)) == {"1", "2"}


def test_what_is_not_watched_is_not_judged(fleet):
    fleet.silent = {"two"}
    beats = list(fleet._beats.values())
    assert fleet.lookout.look(fleet.now + 5, beats, {}) == {}
    assert fleet.lookout.look(fleet.now + 10, beats, {"x": "nobody"}) == {}
