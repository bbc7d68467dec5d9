"""The relay: feeding lanes, releasing what waits, ringing again for what was lost, closing what has run out."""

import os
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from app.domain.notifications import lane_of
from app.services.announcing import LANE_CAPACITY, Announcement, PublishFailed
from app.store import audit, counters, heartbeats, notifications
from app.store.engine import Database
from app.store.tables import attempts
from channels.base import Transient
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.publisher import RecordingPublisher
from tests.fakes.rows import notification
from tests.fakes.spine import LEASE, PROCESS, Spine


def put(spine: Spine, count: int = 1, **changes: Any) -> list[str]:
    """Accepted notifications in any state, pending and never announced by default."""
    now = spine.clock.now()
    given = {
        "channel": "letters",
        "lane": "letters",
        "target": "place-1",
        "status": "pending",
        "delivered_at": None,
        "content": None,
    }
    rows = [notification(now, **(given | changes)) for _ in range(count)]
    tally = counters.Tally()
    tally.add(counters.ACCEPTED, {"type": "job.failed"}, count)
    with spine.database.write() as conn:
        notifications.insert_notifications(conn, rows)
        tally.save(conn, PROCESS)
    return sorted(row.id for row in rows)


def rung(spine: Spine) -> list[str]:
    """What has been announced since the last look."""
    ids = spine.publisher.ids(0)
    spine.publisher.published.clear()
    return ids


def sources(spine: Spine, ids: Sequence[str]) -> Counter[str]:
    return Counter(spine.row(id_).source for id_ in ids)


def worker_says(spine: Spine, lane: str, answered_at: Any) -> None:
    with spine.database.write() as conn:
        detail = {"answered": {lane: answered_at.isoformat()}}
        heartbeats.beat(conn, "worker@here", "worker", spine.clock.now(), detail)


def test_a_lane_takes_so_many_shared_among_the_sources(spine: Spine):
    put(spine, LANE_CAPACITY + 500, source="flood")
    put(spine, 30, source="trickle")
    assert spine.relay.feed() == LANE_CAPACITY // 2 + 30
    assert sources(spine, rung(spine)) == {"flood": LANE_CAPACITY // 2, "trickle": 30}
    assert spine.relay.feed() == LANE_CAPACITY // 2 - 30
    assert spine.relay.feed() == 0


def test_other_lanes_have_room_of_their_own(spine: Spine, clock: FakeClock):
    put(spine, LANE_CAPACITY, announced_at=clock.now())
    put(spine, 3)
    urgent = put(spine, 3, lane=lane_of("letters", "critical"), priority="critical")
    assert spine.relay.feed() == 3
    assert rung(spine) == urgent


def test_no_source_starves_however_little_room_there_is(spine: Spine, clock: FakeClock):
    taken = put(spine, LANE_CAPACITY, announced_at=clock.now())
    put(spine, 20, source="a-flood")
    put(spine, 2, source="b")
    put(spine, 2, source="c")
    for id_ in taken[:6]:
        with spine.database.write() as conn:
            notifications.move(conn, [id_], "held", "digest", clock.now(), next_at=clock.now() + timedelta(days=1))
        assert spine.relay.feed() == 1
    assert sources(spine, rung(spine)) == {"a-flood": 2, "b": 2, "c": 2}


def test_the_users_of_a_source_share_what_it_gets(spine: Spine, clock: FakeClock):
    put(spine, LANE_CAPACITY + 500, user_id="flooded")
    # Ids of one millisecond have no order.
    clock.advance(milliseconds=1)
    put(spine, 30, user_id="other")
    assert spine.relay.feed() == LANE_CAPACITY // 2 + 30
    ids = rung(spine)
    assert Counter(spine.row(id_).user_id for id_ in ids) == {"flooded": LANE_CAPACITY // 2, "other": 30}
    assert ids == sorted(ids)
    assert spine.relay.feed() == LANE_CAPACITY // 2 - 30


def test_no_user_starves_however_little_room_there_is(spine: Spine, clock: FakeClock):
    taken = put(spine, LANE_CAPACITY, announced_at=clock.now())
    put(spine, 20, user_id="a-flooded")
    for number in range(150):
        put(spine, 1, user_id=f"b-{number}")
    told: Counter[str] = Counter()
    for start in range(0, 160, 40):
        for id_ in taken[start : start + 40]:
            with spine.database.write() as conn:
                notifications.move(conn, [id_], "held", "digest", clock.now(), next_at=clock.now() + timedelta(days=1))
        spine.relay.feed()
        told.update(spine.row(id_).user_id for id_ in rung(spine))
    assert len(told) == 151
    assert told["a-flooded"] <= 4


def test_lanes_are_fed_while_a_long_log_is_sealed(spine: Spine, clock: FakeClock):
    with spine.database.write() as conn:
        audit.record(conn, [audit.Entry(clock.now(), "key:key_1", "accept", "evt_1", {})] * 501)
    ids = put(spine, 3)
    spine.relay.sweep()
    assert rung(spine) == ids
    with spine.database.read() as conn:
        assert audit.verify(conn) == audit.Verdict(501, 0, None)


def test_those_of_one_place_share_a_bell(spine: Spine):
    here = put(spine, 60)
    # Ids of one millisecond have no order.
    spine.clock.advance(milliseconds=1)
    there = put(spine, 2, target="place-2")
    spine.relay.feed()
    assert [len(one.ids) for one in spine.publisher.published] == [50, 10, 2]
    assert not any(one.resume for one in spine.publisher.published)
    assert rung(spine) == [*here, *there]


def test_what_is_held_goes_on_when_its_time_comes(spine: Spine, clock: FakeClock):
    due = clock.now() + timedelta(minutes=5)
    ids = put(spine, 2, status="held", reason="breaker_open", next_at=due)
    clock.advance(minutes=4, seconds=59)
    assert spine.relay.feed() == 0
    clock.advance(seconds=1)
    spine.relay.feed()
    spine.relay.feed()
    assert spine.states(ids) == [("pending", None)] * 2
    assert rung(spine) == ids
    assert spine.trace(ids[0]) == [("relay", "released", None)]


def test_retries_that_celery_does_not_bring_are_announced(spine: Spine, clock: FakeClock):
    due = clock.now() + timedelta(seconds=60)
    (left,) = put(spine, status="retrying", attempts=1, next_at=due)
    (brought,) = put(spine, status="retrying", attempts=1, next_at=due, announced_at=due)
    assert spine.relay.feed() == 0
    clock.advance(seconds=60)
    assert spine.relay.feed() == 1
    assert [(one.ids, one.resume) for one in spine.publisher.published] == [((left,), True)]
    rung(spine)
    clock.advance(seconds=30)
    assert spine.relay.feed() == 0
    clock.advance(microseconds=1)
    assert spine.relay.feed() == 2
    assert sorted(rung(spine)) == sorted([left, brought])


def test_a_lease_that_only_a_leap_of_the_clock_has_ended_is_left_to_its_holder(
    database: Database, clock: FakeClock, gate_server: GateServer
):
    steady = [0.0]
    spine = Spine(database, clock, gate_server.url, monotonic=lambda: steady[0])
    ids = put(spine, 2, status="sending", fence=1, lease_until=clock.now() + LEASE, announced_at=clock.now())
    spine.relay.sweep()
    clock.advance(hours=1)
    for _ in range(2):
        spine.relay.sweep()
        assert rung(spine) == []
        steady[0] += LEASE.total_seconds() - 1
        clock.advance(seconds=LEASE.total_seconds() - 1)
    spine.relay.sweep()
    assert rung(spine) == ids
    spine.close()


def test_a_small_correction_of_the_clock_is_no_leap(database: Database, clock: FakeClock, gate_server: GateServer):
    spine = Spine(database, clock, gate_server.url, monotonic=lambda: 0.0)
    ids = put(spine, 1, status="sending", fence=1, lease_until=clock.now() + timedelta(seconds=1))
    spine.relay.sweep()
    clock.advance(seconds=2)
    spine.relay.sweep()
    assert rung(spine) == ids
    spine.close()


def test_what_has_lost_its_lease_is_announced_alone(spine: Spine, clock: FakeClock):
    lease = clock.now() + LEASE
    ids = put(spine, 3, status="sending", fence=1, lease_until=lease, announced_at=clock.now())
    clock.advance(seconds=LEASE.total_seconds())
    spine.relay.sweep()
    assert rung(spine) == []
    clock.advance(microseconds=1)
    spine.relay.sweep()
    assert [(one.ids, one.resume) for one in spine.publisher.published] == [((id_,), True) for id_ in ids]
    rung(spine)
    spine.relay.sweep()
    assert rung(spine) == []
    clock.advance(seconds=31)
    spine.relay.sweep()
    assert rung(spine) == ids


@pytest.mark.parametrize(("channel", "doubtful"), [("letters", True), ("shelf", False)])
def test_a_last_attempt_that_was_lost_ends_it(spine: Spine, clock: FakeClock, channel: str, doubtful: bool):
    start = clock.now()
    (id_,) = put(spine, channel=channel, lane=channel, status="sending", fence=3, attempts=3, lease_until=start + LEASE)
    row = {"notification_id": id_, "number": 3, "started_at": start}
    with spine.database.write() as conn:
        conn.execute(insert(attempts), [row])
    spine.relay.sweep()
    assert spine.states([id_]) == [("sending", None)]
    clock.advance(seconds=LEASE.total_seconds() + 1)
    spine.relay.sweep()
    assert spine.states([id_]) == [("failed", "attempts_exhausted")]
    assert spine.attempts(id_) == ["unknown"]
    assert spine.row(id_).possible_duplicate is doubtful
    assert spine.count("notification_attempts_total", channel=channel, outcome="unknown") == 1
    assert rung(spine) == []


def test_a_retry_that_a_shorter_plan_has_no_attempt_for_ends(spine: Spine, clock: FakeClock):
    due = clock.now() + timedelta(seconds=60)
    (id_,) = put(spine, status="retrying", attempts=3, next_at=due)
    spine.relay.sweep()
    assert spine.states([id_]) == [("retrying", None)]
    clock.advance(seconds=61)
    spine.relay.sweep()
    assert spine.states([id_]) == [("failed", "attempts_exhausted")]


@pytest.mark.parametrize("status", ["pending", "held", "retrying"])
def test_what_is_past_its_time_expires(spine: Spine, clock: FakeClock, status: str):
    ends = clock.now() + timedelta(hours=1)
    (id_,) = put(spine, status=status, expires_at=ends, next_at=ends + timedelta(hours=9))
    clock.advance(minutes=59)
    spine.relay.sweep()
    assert spine.states([id_]) == [(status, None)]
    clock.advance(minutes=1)
    spine.relay.sweep()
    assert spine.states([id_]) == [("expired", None)]
    assert spine.trace(id_) == [("relay", "expired", None)]
    assert spine.count("notifications_total", status="expired") == 1


def test_what_is_being_sent_expires_only_when_nobody_holds_it(spine: Spine, clock: FakeClock):
    ends = clock.now() + timedelta(seconds=10)
    (id_,) = put(spine, status="sending", fence=1, lease_until=clock.now() + LEASE, expires_at=ends)
    clock.advance(seconds=60)
    spine.relay.sweep()
    assert spine.states([id_]) == [("sending", None)]
    clock.advance(seconds=31)
    spine.relay.sweep()
    assert spine.states([id_]) == [("expired", None)]


def test_what_rang_unheard_rings_again_when_nothing_waits(spine: Spine, clock: FakeClock):
    ids = put(spine, 3, announced_at=clock.now())
    clock.advance(seconds=30)
    spine.relay.sweep()
    assert rung(spine) == []
    clock.advance(microseconds=1)
    spine.relay.sweep()
    assert rung(spine) == ids
    spine.relay.sweep()
    assert rung(spine) == []


def test_while_messages_wait_in_the_lane_nothing_rings_again(spine: Spine, clock: FakeClock):
    put(spine, 3, announced_at=clock.now())
    spine.publisher.publish(Announcement("letters", "letters", ("ntf_in_the_queue",)))
    clock.advance(hours=1)
    spine.relay.sweep()
    assert rung(spine) == ["ntf_in_the_queue"]


def test_but_what_later_ones_overtook_does(spine: Spine, clock: FakeClock):
    start = clock.now()
    (lost,) = put(spine, announced_at=start)
    (late,) = put(spine, announced_at=start + timedelta(seconds=45))
    spine.publisher.publish(Announcement("letters", "letters", (late,)))
    clock.advance(seconds=100)
    worker_says(spine, "letters", start + timedelta(seconds=29))
    spine.relay.sweep()
    assert rung(spine) == [late]
    spine.publisher.publish(Announcement("letters", "letters", (late,)))
    worker_says(spine, "letters", start + timedelta(seconds=40))
    spine.relay.sweep()
    assert rung(spine) == [late, lost]


def test_what_the_broker_did_not_take_is_taken_back(database: Database, clock: FakeClock, gate_server: GateServer):
    class Refusing(RecordingPublisher):
        refuses = True

        def publish(self, announcement: Announcement) -> None:
            if self.refuses and len(self.published) == 1:
                raise PublishFailed("gone")
            super().publish(announcement)

    publisher = Refusing()
    spine = Spine(database, clock, gate_server.url, publisher=publisher)
    ids = put(spine, 120)
    spine.relay.feed()
    assert publisher.ids(0) == ids[:50]
    assert [spine.row(id_).announced_at for id_ in ids] == [clock.now()] * 50 + [None] * 70
    assert spine.relay.feed() == 0
    publisher.refuses = False
    clock.advance(seconds=5)
    assert spine.relay.feed() == 70
    assert publisher.ids(0) == ids
    spine.close()


def test_a_broker_that_is_away_is_left_alone_for_a_while(database: Database, clock: FakeClock, gate_server: GateServer):
    class Away(RecordingPublisher):
        asked = 0

        def publish(self, announcement: Announcement) -> None:  # noqa: ARG002 - the interface's
            self.asked += 1
            raise PublishFailed("gone")

    publisher = Away()
    spine = Spine(database, clock, gate_server.url, publisher=publisher)
    ids = [id_ for source in "abc" for lane in ("letters", "hooks") for id_ in put(spine, lane=lane, source=source)]
    spine.relay.feed()
    spine.relay.sweep()
    assert publisher.asked == 1
    assert [spine.row(id_).announced_at for id_ in ids] == [None] * 6
    spine.close()


def test_a_countdown_that_celery_did_not_take_is_the_relays(spine: Spine, clock: FakeClock):
    spine.meet("u-1")
    (id_,) = spine.submit("u-1")
    spine.letters.answer(id_, Transient("busy", scope="recipient"))
    (again,) = spine.delivery.deliver("letters", [id_])
    spine.delivery.leave_to_relay([again.id])
    spine.publisher.ids(1)
    rung(spine)
    clock.advance(seconds=10)
    assert spine.relay.feed() == 1
    assert rung(spine) == [id_]


def beats_of(spine: Spine) -> list[heartbeats.Beat]:
    with spine.database.read() as conn:
        return heartbeats.known(conn)


def test_a_relay_shows_that_it_lives_and_what_waits_until_it_is_told_to_end(spine: Spine, clock: FakeClock):
    put(spine, 2)
    spine.relay.feed()
    spine.relay.sweep()
    (beat,) = beats_of(spine)
    assert (beat.role, beat.beat_at) == ("relay", clock.now())
    assert beat.process == heartbeats.name_of(PROCESS, os.getpid())
    assert beat.detail["waiting"] == {"critical": 0, "ingest": 0, "letters": 2, "shelf": 0, "hooks": 0, "bulk": 0}
    spine.relay.stop()
    assert beats_of(spine) == []


def test_what_the_broker_does_not_say_the_relay_does_not_either(spine: Spine, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    monkeypatch.setattr(spine.publisher, "waiting", asked.append)
    spine.relay.sweep()
    (beat,) = beats_of(spine)
    assert beat.detail == {"waiting": {}}
    assert len(asked) == 1, "each further question could take a second"


class Hasty(FakeClock):
    """Every look at it takes six seconds."""

    def now(self) -> datetime:
        return self.advance(seconds=6)


def test_a_relay_that_has_much_to_do_shows_in_the_middle_of_it_that_it_lives(
    spine: Spine, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    spine.relay.sweep()
    put(spine, 1100, expires_at=clock.now())
    asked: list[str] = []
    monkeypatch.setattr(spine.publisher, "waiting", lambda lane: asked.append(lane) or 0)
    monkeypatch.setattr(spine.relay, "_clock", Hasty(clock.now()))
    spine.relay.sweep()
    # Once for each slice of 500 that was expired, and for each that was sealed, before the one at the end.
    assert asked.count("critical") >= 4
