"""What canaries say about the lanes."""

from datetime import timedelta
from itertools import count

import pytest

from app.observability.checks import Check
from app.observability.crossings import Crossings, Serving
from app.store.canaries import Canary

LANES = ("critical", "email", "bulk")
EVERY, PATIENCE = timedelta(seconds=60), timedelta(seconds=25)
WELL = Check("ok", "a test message crosses every lane each 60 s")
IDLE = Serving(LANES, {}, has_room=True)


class Ways:
    """The lanes at a moment, which a test changes one by one."""

    def __init__(self, clock):
        self.clock, self.known, self.ids = clock, {}, count()
        self.crossings = Crossings(clock, LANES, every=EVERY, patience=PATIENCE)
        for lane in LANES:
            self.send(lane)
            self.cross(lane)

    def send(self, lane, *, taken=True):
        before, now = self.known.get(lane), self.clock.now()
        crossed = (before.crossed_id, before.crossed_at) if before else (None, None)
        self.known[lane] = Canary(lane, f"cny_{next(self.ids)}", now, now, now if taken else None, *crossed)

    def cross(self, lane):
        one = self.known[lane]
        self.known[lane] = Canary(lane, one.id, one.sent_at, one.tried_at, one.published_at, one.id, self.clock.now())

    def check(self, *workers):
        return self.crossings.check(self.known, workers or [IDLE])


@pytest.fixture
def ways(clock):
    return Ways(clock)


def took(lane=None, ago=1.0, *, has_room=True, lanes=LANES):
    since = {} if lane is None else {lane: timedelta(seconds=ago)}
    return Serving(lanes, since, has_room)


def test_all_is_well_until_the_next_one_is_long_overdue(ways, clock):
    assert ways.check() == WELL
    clock.advance(seconds=85)
    assert ways.check() == WELL
    clock.advance(seconds=1)
    assert ways.check() == Check("failing", "the relay sends no test message to critical, email, bulk, for 86 s")
    for lane in LANES:
        ways.send(lane)
    assert ways.check() == WELL


def test_a_lane_that_is_not_crossed_in_time_is_named(ways, clock):
    ways.send("email")
    clock.advance(seconds=25)
    assert ways.check() == WELL
    clock.advance(seconds=1)
    assert ways.check() == Check("failing", "no worker does the test message of email, for 26 s")
    ways.cross("email")
    assert ways.check() == WELL


def test_what_the_broker_refuses_is_laid_to_the_broker(ways, clock):
    ways.send("email", taken=False)
    ways.send("bulk")
    clock.advance(seconds=26)
    assert ways.check() == Check(
        "failing",
        "the broker takes no test message for email, for 26 s; no worker does the test message of bulk, for 26 s",
    )


def test_it_takes_no_longer_than_90_seconds_whenever_it_began(ways, clock):
    """A stall right after a crossing shows with the next canary, one right before it sooner."""
    for second in range(1, 91):
        clock.advance(seconds=1)
        if second == 60:
            ways.send("email")
            ways.send("critical")
            ways.send("bulk")
    assert ways.check().status == "failing"


def test_after_the_first_start_of_all_workers_have_time_to_come(clock):
    ways = Ways(clock)
    ways.known.clear()
    for lane in LANES:
        ways.send(lane)
    clock.advance(seconds=85)
    assert ways.check() == WELL
    clock.advance(seconds=1)
    assert ways.check().detail == "no worker does the test message of critical, email, bulk, for 86 s"


@pytest.mark.parametrize(
    ("worker", "status"),
    [
        (took(), "failing"),
        (took("email", 25), "ok"),
        (took("email", 26), "failing"),
        (took("bulk", 1), "failing"),
        (took("email", 1, lanes=("bulk",)), "failing"),
        (took("email", 60, has_room=False), "ok"),
        (took("email", 61, has_room=False), "failing"),
        (took("bulk", 60, has_room=False), "ok"),
        (took(has_room=False), "failing"),
        (Serving(LANES, None, has_room=True), "ok"),
        (Serving(("bulk",), None, has_room=True), "failing"),
    ],
    ids=str,
)
def test_a_lane_on_which_work_moves_is_slow_and_not_dead(ways, clock, worker, status):
    """So is one whose worker has its hands full; and workers of an earlier version do not know canaries."""
    ways.send("email")
    clock.advance(seconds=300)
    for lane in ("critical", "bulk"):
        ways.send(lane)
        ways.cross(lane)
    assert ways.check(worker).status == status
    assert ways.check(IDLE, worker).status == status
    if status == "ok":
        assert ways.check(worker).detail == f"{WELL.detail}, but for email, where it waits its turn"


def test_no_work_excuses_a_relay_that_sends_none_or_a_broker_that_takes_none(ways, clock):
    busy = took("email", 1)
    clock.advance(seconds=86)
    assert ways.check(busy).status == "failing"
    for lane in LANES:
        ways.send(lane, taken=False)
    clock.advance(seconds=26)
    assert ways.check(busy).detail.startswith("the broker takes no test message for critical, email, bulk")


def test_lanes_that_nobody_ever_sent_to_are_not_missed(ways, clock):
    """A relay of an earlier version sends none, and one to a new channel comes with the relay that knows it."""
    assert ways.crossings.check({}, [IDLE]) == Check("off", "no test message is sent yet")
    del ways.known["email"]
    assert ways.check() == WELL
    ways.known["former"] = Canary("former", "cny_1", *2 * [clock.now() - timedelta(days=9)], None, None, None)
    assert ways.check() == WELL


def test_they_can_be_switched_off(ways, clock):
    clock.advance(days=1)
    off = Crossings(clock, LANES, every=timedelta(), patience=PATIENCE)
    assert off.check(ways.known, [IDLE]) == Check("off", "no test messages are sent: CANARY_SECONDS is 0")


def test_a_clock_that_is_put_back_accuses_nobody(ways, clock):
    clock.advance(hours=-1)
    assert ways.check() == WELL
