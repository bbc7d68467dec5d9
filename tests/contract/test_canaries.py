"""Canaries cross the lanes: sent by one relay each, taken in once, sent again when they are lost."""

from collections import Counter
from datetime import timedelta

import pytest

from app.observability.metrics import Metrics
from app.services.announcing import PublishFailed
from app.services.canaries import Canaries
from app.store import canaries
from tests.fakes.at_once import at_once

LANES = ("critical", "ingest", "email", "bulk")
EVERY, PATIENCE = timedelta(seconds=60), timedelta(seconds=25)


class Lanes:
    """A broker: what was put on each lane and not taken off it. It may hang, and forget everything."""

    def __init__(self):
        self.on = {lane: [] for lane in LANES}
        self.sent, self.hangs, self.asked = [], False, 0

    def send_canary(self, lane, canary_id):
        if self.hangs:
            raise PublishFailed("TimeoutError")
        self.sent.append((lane, canary_id))
        self.on[lane].append(canary_id)

    def waiting(self, lane):
        self.asked += 1
        return None if self.hangs else len(self.on[lane])

    def flush(self):
        self.on = {lane: [] for lane in LANES}


class Sender:
    """A relay's canaries, asked as if a long time had passed each time."""

    def __init__(self, database, clock, every=EVERY):
        self.database, self.clock, self.lanes, self.seconds = database, clock, Lanes(), 0.0
        self.canaries = Canaries(
            database, self.lanes, LANES, clock, every=every, patience=PATIENCE, monotonic=lambda: self.seconds
        )

    def send(self):
        """What was sent, as lanes."""
        self.seconds += 10
        before = len(self.lanes.sent)
        self.canaries.send()
        return sorted(lane for lane, _ in self.lanes.sent[before:])

    def cross(self, *lanes):
        """Let workers take what lies on these lanes, or all of them."""
        for lane in lanes or LANES:
            while self.lanes.on[lane]:
                self.canaries.cross(lane, [self.lanes.on[lane].pop(0)])

    def known(self):
        with self.database.read() as conn:
            return canaries.known(conn)

    def under_way(self):
        return {lane for lane, canary in self.known().items() if canary.is_under_way}


@pytest.fixture
def sender(database, clock):
    return Sender(database, clock)


def test_each_lane_gets_one_a_minute(sender, clock):
    assert sender.send() == sorted(LANES)
    sender.cross()
    clock.advance(seconds=59.9)
    assert sender.send() == []
    clock.advance(seconds=0.1)
    assert sender.send() == sorted(LANES)
    ids = [id_ for _, id_ in sender.lanes.sent]
    assert len(set(ids)) == 2 * len(LANES)
    assert all(id_.startswith("cny_") for id_ in ids)


def test_what_crosses_is_known_with_its_times(sender, clock):
    began = clock.now()
    sender.send()
    assert sender.under_way() == set(LANES)
    clock.advance(seconds=2)
    sender.cross("email")
    assert sender.under_way() == set(LANES) - {"email"}
    email = sender.known()["email"]
    assert (email.sent_at, email.crossed_at) == (began, began + timedelta(seconds=2))


def test_a_stranger_crosses_nothing(sender, clock):
    sender.send()
    ids = dict(sender.lanes.sent)
    sender.canaries.cross("ingest", ["cny_made-up"])
    sender.canaries.cross("ingest", [ids["email"]])
    sender.canaries.cross("nowhere", [ids["email"]])
    sender.canaries.cross("email", [])
    assert sender.under_way() == set(LANES)


def test_one_that_comes_twice_crosses_once(sender, clock):
    sender.send()
    crossed = clock.now()
    ids = dict(sender.lanes.sent)
    sender.cross()
    clock.advance(seconds=5)
    sender.canaries.cross("email", [ids["email"]])
    assert sender.known()["email"].crossed_at == crossed


def test_one_that_is_lost_is_sent_again_as_the_same(sender, clock):
    began = clock.now()
    sender.send()
    sender.cross("bulk")
    sender.lanes.flush()
    clock.advance(seconds=12)
    assert sender.send() == []
    clock.advance(seconds=0.5)
    assert sender.send() == ["critical", "email", "ingest"]
    again = Counter(lane for lane, _ in set(sender.lanes.sent))
    assert set(again.values()) == {1}, "by the same id"
    clock.advance(seconds=1)
    sender.cross()
    assert (sender.under_way(), sender.known()["email"].sent_at) == (set(), began)


def test_one_that_waits_its_turn_is_sent_again_ever_more_seldom(sender, clock):
    """It might be lost all the same; but nobody shall find a weekend of them on a lane."""
    sender.send()
    sent_at = []
    for second in range(0, 3600, 5):
        if sender.send():
            sent_at.append(second)
        clock.advance(seconds=5)
    assert sent_at == [60, 120, 240, 480, 960, 1920]
    assert {lane: len(set(ids)) for lane, ids in sender.lanes.on.items()} == dict.fromkeys(LANES, 1)


def test_what_the_broker_refuses_is_known_and_tried_again(sender, clock):
    sender.lanes.hangs = True
    assert sender.send() == []
    assert {canary.published_at for canary in sender.known().values()} == {None}
    clock.advance(seconds=5)
    assert sender.send() == []
    assert {canary.published_at for canary in sender.known().values()} == {None}
    sender.lanes.hangs = False
    clock.advance(seconds=5)
    assert sender.send() == sorted(LANES)
    assert {canary.published_at for canary in sender.known().values()} == {clock.now()}
    sender.cross()
    assert sender.under_way() == set()


def test_one_that_was_on_its_lane_and_is_refused_then_is_known_as_refused(sender, clock):
    sender.send()
    sender.lanes.flush()
    clock.advance(seconds=20)
    taken = sender.lanes.send_canary

    def refuse(lane, _canary_id):
        raise PublishFailed(lane)

    sender.lanes.send_canary = refuse
    sender.send()
    assert {canary.published_at for canary in sender.known().values()} == {None}
    sender.lanes.send_canary = taken
    clock.advance(seconds=5)
    assert sender.send() == sorted(LANES)


def test_a_broker_that_hangs_is_left_alone_for_five_seconds(sender, clock):
    sender.lanes.hangs = True
    sender.send()
    sender.lanes.hangs = False
    clock.advance(seconds=5)
    sender.seconds += 4.9
    sender.canaries.send()
    assert sender.lanes.sent == []
    sender.seconds += 0.1
    sender.canaries.send()
    assert len(sender.lanes.sent) == len(LANES)


def test_a_broker_that_hangs_is_asked_once_what_waits(sender, clock):
    sender.send()
    sender.lanes.hangs = True
    clock.advance(seconds=20)
    assert sender.send() == []
    assert sender.lanes.asked == 1


def test_the_database_is_asked_once_a_second(sender, clock):
    sender.send()
    sender.cross()
    clock.advance(seconds=60)
    sender.seconds += 0.9
    sender.canaries.send()
    assert len(sender.lanes.sent) == len(LANES)
    sender.seconds += 0.1
    sender.canaries.send()
    assert len(sender.lanes.sent) == 2 * len(LANES)


def test_a_clock_that_is_put_back_stops_nothing(sender, clock):
    sender.send()
    sender.cross("email", "bulk")
    clock.advance(hours=-1)
    assert sender.send() == sorted(LANES)
    assert {canary.sent_at for canary in sender.known().values()} == {clock.now()}


def test_metrics_tell_how_long_a_lane_takes_and_when_it_was_last_crossed(sender, database, clock):
    def measured():
        families = {one.name: one.samples for one in Metrics(database, clock, ["email"]).snapshot().collect()}
        names = ("notifications_canary_seconds", "notifications_canary_age_seconds")
        return [{one.labels["lane"]: one.value for one in families[name]} for name in names]

    none = dict.fromkeys(LANES, 0.0)
    assert measured() == [none, none]
    sender.send()
    clock.advance(seconds=2)
    sender.cross("email")
    clock.advance(seconds=3)
    still = dict.fromkeys(LANES, 5.0)
    assert measured() == [still | {"email": 2.0}, still | {"email": 3.0}]
    clock.advance(seconds=57)
    sender.send()
    clock.advance(seconds=4)
    assert [one["email"] for one in measured()] == [4.0, 64.0], "the next one is under way"


def test_when_they_are_switched_off_none_is_left(database, clock, sender):
    sender.send()
    off = Sender(database, clock, every=timedelta())
    assert off.send() == []
    assert off.known() == {}


def test_of_several_relays_one_sends(database, clock):
    senders = [Sender(database, clock) for _ in range(4)]
    for _ in range(3):
        at_once(4, lambda number: senders[number].send())
        sent = Counter(lane for sender in senders for lane, _ in sender.lanes.sent)
        assert sent == dict.fromkeys(LANES, 1)
        for sender in senders:
            sender.cross()
            sender.lanes.sent.clear()
        clock.advance(seconds=60)


def test_of_several_relays_one_sends_again(database, clock):
    senders = [Sender(database, clock) for _ in range(4)]
    senders[0].send()
    clock.advance(seconds=20)
    senders[0].lanes.sent.clear()
    senders[0].lanes.flush()
    at_once(4, lambda number: senders[number].send())
    assert Counter(lane for sender in senders for lane, _ in sender.lanes.sent) == dict.fromkeys(LANES, 1)


def test_the_relay_sends_them_at_every_turn_and_counts_none(spine):
    spine.relay.feed()
    lanes = sorted(lane for lane, _ in spine.publisher.canaries)
    assert lanes == ["bulk", "critical", "hooks", "ingest", "letters", "shelf"]
    assert spine.publisher.published == []
    with spine.database.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM notifications").scalar() == 0
        assert conn.exec_driver_sql("SELECT count(*) FROM audit").scalar() == 0
