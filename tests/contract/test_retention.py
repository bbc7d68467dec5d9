"""What has ended and is old is purged, with all that belongs to it; what is open, or still needed, stays."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from app.domain.ids import new_id
from app.domain.notifications import OPEN, TERMINAL, Notification
from app.services.retention import Retention
from app.store import audit
from app.store import notifications as store
from app.store.audit import AuditFilters
from app.store.engine import Database
from app.store.history import Filters
from app.store.tables import attempts, audit_anchor, events, idempotency, inbox, notifications
from channels.base import Permanent
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.rows import insert_notification, notification
from tests.fakes.sealing import seal
from tests.fakes.spine import KEEP, PROCESS, Spine

DAYS = KEEP.days
USER = "u-1"


@pytest.fixture(autouse=True)
def known(spine: Spine) -> None:
    spine.meet(USER, "u-2")


def deliver(spine: Spine, *ids: str, channel: str = "letters") -> None:
    spine.pipeline.rate_limit(spine.pipeline.dedupe(spine.pipeline.render(list(ids))))
    spine.delivery.deliver(channel, ids)


def delivered(spine: Spine, user: str = USER, **fields: Any) -> str:
    (id_,) = spine.submit(user, **fields)
    deliver(spine, id_)
    assert spine.states([id_]) == [("delivered", None)]
    return id_


def purge(spine: Spine) -> dict[str, int]:
    """One whole pass, after what is recorded has been sealed."""
    with spine.database.write() as conn:
        seal(conn, 10_000)
    return dict(spine.retention.purge(lambda _: None))


def left(spine: Spine, table: Any) -> int:
    with spine.database.read() as conn:
        return conn.execute(select(func.count()).select_from(table)).scalar_one()


def exists(spine: Spine, *ids: str) -> list[bool]:
    return [spine.history.notification(id_) is not None for id_ in ids]


def is_whole(spine: Spine) -> bool:
    with spine.database.write() as conn:
        seal(conn, 10_000)
        return audit.verify(conn).first_bad is None


def test_nothing_is_left_of_what_has_ended_long_ago(spine: Spine, clock: FakeClock):
    id_ = delivered(spine)
    key = {"owner": "key_1", "key": "k", "event_id": spine.row(id_).event_id, "request_hash": "0"}
    with spine.database.write() as conn:
        conn.execute(insert(inbox), [_item(id_, clock.now())])
        conn.execute(insert(idempotency), [{**key, "created_at": clock.now()}])
    clock.advance(days=DAYS, seconds=1)
    purged = purge(spine)
    assert purged["notifications"] == 1
    assert purged["events"] == 1
    assert [left(spine, table) for table in (notifications, attempts, events, inbox, idempotency)] == [0] * 5
    assert exists(spine, id_) == [False]
    assert is_whole(spine)


def test_what_is_not_so_old_stays(spine: Spine, clock: FakeClock):
    id_ = delivered(spine)
    clock.advance(days=DAYS, seconds=-1)
    assert purge(spine) == {}
    assert exists(spine, id_) == [True]
    assert spine.trace(id_)
    assert spine.audit("database") == []


def test_what_ended_late_stays_with_all_its_trace(spine: Spine, clock: FakeClock):
    (late,) = spine.submit(USER, deliver_at=(clock.now() + timedelta(days=5)).isoformat(), expires_at=_in(clock, 6))
    clock.advance(days=5)
    spine.relay.feed()
    deliver(spine, late)
    trace = spine.trace(late)
    clock.advance(days=DAYS - 1)
    assert purge(spine) == {}
    assert spine.trace(late) == trace
    clock.advance(days=2)
    assert purge(spine)["notifications"] == 1


@pytest.mark.parametrize("status", OPEN)
def test_what_is_open_is_never_touched(spine: Spine, clock: FakeClock, status: str):
    row = insert_notification(spine.database, clock.now(), status=status, delivered_at=None)
    clock.advance(days=2 * DAYS)
    assert purge(spine) == {}
    assert exists(spine, row.id) == [True]
    with spine.database.write() as conn:
        conn.execute(notifications.delete())


@pytest.mark.parametrize("status", TERMINAL)
def test_whatever_its_end_was(spine: Spine, clock: FakeClock, status: str):
    row = insert_notification(spine.database, clock.now(), status=status)
    clock.advance(days=DAYS, seconds=1)
    assert purge(spine) == {"notifications": 1}
    assert exists(spine, row.id) == [False]


def test_an_event_stays_whole_while_something_of_it_is_open(spine: Spine, clock: FakeClock):
    row = insert_notification(spine.database, clock.now())
    waits = insert_notification(spine.database, clock.now(), event_id=row.event_id, status="held", delivered_at=None)
    clock.advance(days=DAYS, seconds=1)
    assert purge(spine) == {}
    assert exists(spine, row.id, waits.id) == [True, True]
    with spine.database.write() as conn:
        conn.execute(notifications.delete())


def test_an_event_that_led_to_nothing_goes_too(spine: Spine, clock: FakeClock):
    delivered(spine)
    with spine.database.write() as conn:
        conn.execute(notifications.delete())
    clock.advance(days=DAYS, seconds=1)
    assert purge(spine)["events"] == 1


def test_a_digest_goes_as_a_whole(spine: Spine, clock: FakeClock):
    digest_id = new_id("ntf", clock.now() + timedelta(hours=1))
    one, two = (_member(spine, clock, digest_id) for _ in range(2))
    clock.advance(hours=1)
    digest = insert_notification(spine.database, clock.now(), id=digest_id, type="digest", event_id=None)
    clock.advance(days=DAYS)
    assert purge(spine) == {}
    assert exists(spine, one.id, two.id, digest.id) == [True] * 3
    clock.advance(seconds=1)
    assert purge(spine)["notifications"] == 3
    assert left(spine, notifications) == 0


def test_a_digest_stays_while_one_that_it_carries_is_needed(spine: Spine, clock: FakeClock):
    digest_id = new_id("ntf", clock.now() + timedelta(hours=1))
    one, two = (_member(spine, clock, digest_id) for _ in range(2))
    insert_notification(spine.database, clock.now() + timedelta(hours=1), id=digest_id, type="digest", event_id=None)
    clock.advance(days=DAYS, hours=2)
    again = insert_notification(spine.database, clock.now(), replay_of=one.id)
    assert purge(spine) == {}
    assert exists(spine, one.id, two.id, digest_id, again.id) == [True] * 4


def test_what_was_replayed_goes_after_its_replay(spine: Spine, clock: FakeClock):
    spine.letters.answer((id_ := spine.submit(USER)[0]), Permanent("no"))
    deliver(spine, id_)
    clock.advance(days=DAYS, seconds=-1)
    (again,) = spine.dead_letters.replay(Filters(id=id_), limit=1, dry_run=False, actor="key:key_1").created
    clock.advance(days=1)
    deliver(spine, again.id)
    assert purge(spine) == {}
    assert exists(spine, id_, again.id) == [True, True]
    clock.advance(days=DAYS, seconds=1)
    purge(spine)
    assert exists(spine, id_, again.id) == [False, False] or purge(spine)["notifications"] == 1
    assert (left(spine, notifications), left(spine, events)) == (0, 0)


def test_it_is_on_record_and_counted(spine: Spine, clock: FakeClock):
    for _ in range(3):
        delivered(spine)
        clock.advance(minutes=10)
    accepted = spine.count("notifications_accepted_total")
    clock.advance(days=DAYS)
    purge(spine)
    (entry,) = spine.audit("database")
    assert (entry.actor, entry.action) == ("system:retention", "retention.purge")
    assert (entry.detail["notifications"], entry.detail["events"]) == (3, 3)
    assert entry.detail["before"] == (clock.now() - KEEP).isoformat()
    assert spine.count("notifications_purged_total") == 3
    assert spine.count("notifications_accepted_total") == accepted
    assert spine.unaccounted() == 0
    assert spine.retention.purge(lambda _: None) == {}
    assert len(spine.audit("database")) == 1


def test_the_audit_log_begins_where_what_is_kept_begins(spine: Spine, clock: FakeClock):
    for _ in range(5):
        delivered(spine)
        clock.advance(days=1)
    kept = delivered(spine)
    trace = spine.trace(kept)
    clock.advance(days=DAYS - 1)
    purge(spine)
    with spine.database.read() as conn:
        first = audit.oldest(conn, AuditFilters(), after=0, limit=1)[0]
    assert first.at >= clock.now() - KEEP
    assert spine.trace(kept) == trace
    assert is_whole(spine)
    assert left(spine, audit_anchor) == 1


def test_what_waits_for_years_keeps_the_entries_of_others_for_twice_as_long_at_most(spine: Spine, clock: FakeClock):
    insert_notification(spine.database, clock.now(), status="held", delivered_at=None)
    for _ in range(2):
        delivered(spine)
        clock.advance(days=1)
    clock.advance(days=DAYS)
    assert "audit_entries" not in purge(spine)
    clock.advance(days=DAYS)
    assert purge(spine)["audit_entries"] > 5
    assert is_whole(spine)
    with spine.database.write() as conn:
        conn.execute(notifications.delete())


def test_what_is_not_as_it_was_sealed_is_kept_as_evidence(spine: Spine, clock: FakeClock):
    delivered(spine)
    with spine.database.write() as conn:
        seal(conn, 1_000)
        # Who may write past the triggers.
        _without_triggers(conn, spine.database, "UPDATE audit SET actor = 'nobody' WHERE id = 2")
    clock.advance(days=DAYS, seconds=1)
    assert "audit_entries" not in purge(spine)
    with spine.database.read() as conn:
        assert audit.verify(conn).first_bad == 2


def test_it_goes_slice_by_slice_and_begins_again_after_ten_minutes(spine: Spine, clock: FakeClock):
    _fill(spine, clock, 250)
    clock.advance(days=DAYS, seconds=1)
    sizes = []
    while spine.retention.carry_on():
        sizes.append(left(spine, notifications))
    assert sizes[:3] == [150, 50, 0]
    _fill(spine, clock, 1, age=timedelta(days=DAYS + 1))
    assert not spine.retention.carry_on()
    assert left(spine, notifications) == 1
    clock.advance(minutes=10)
    while spine.retention.carry_on():
        pass
    assert left(spine, notifications) == 0


def test_whoever_stops_in_the_middle_leaves_the_rest_to_another(spine: Spine, clock: FakeClock):
    _fill(spine, clock, 450)
    clock.advance(days=DAYS, seconds=1)
    assert spine.retention.carry_on()
    other = Retention(spine.database, spine.channels, KEEP, clock, process=PROCESS)
    while other.carry_on():
        pass
    assert left(spine, notifications) == 0
    (entry,) = spine.audit("database")
    assert entry.detail["notifications"] == 450


def test_several_at_once_purge_everything_once(spine: Spine, clock: FakeClock):
    _fill(spine, clock, 900)
    clock.advance(days=DAYS, seconds=1)
    workers = [Retention(spine.database, spine.channels, KEEP, clock, process=f"{number}") for number in range(4)]

    def work(number: int) -> None:
        while workers[number].carry_on():
            pass

    at_once(4, work)
    assert left(spine, notifications) == 0
    assert spine.count("notifications_purged_total") == 900
    assert sum(entry.detail.get("notifications", 0) for entry in spine.audit("database")) == 900


def test_zero_keeps_everything(spine: Spine, clock: FakeClock):
    _fill(spine, clock, 2)
    clock.advance(days=40_000)
    assert not Retention(spine.database, spine.channels, timedelta(0), clock, process=PROCESS).carry_on()
    assert left(spine, notifications) == 2


def test_a_look_tells_how_much_it_would_be(spine: Spine, clock: FakeClock):
    _fill(spine, clock, 450)
    clock.advance(days=DAYS, seconds=1)
    _fill(spine, clock, 3)
    looked: list[int] = []
    assert spine.retention.would_purge(looked.append) == 450
    assert looked == [100, 200, 300, 400, 450]
    assert left(spine, notifications) == 453


def _fill(spine: Spine, clock: FakeClock, count: int, age: timedelta = timedelta(0)) -> None:
    now = clock.now() - age
    rows = [notification(now + timedelta(microseconds=number), content=None) for number in range(count)]
    with spine.database.write() as conn:
        store.insert_notifications(conn, rows)


def _member(spine: Spine, clock: FakeClock, digest_id: str) -> Notification:
    clock.advance(seconds=1)
    return insert_notification(spine.database, clock.now(), status="digested", digest_id=digest_id)


def _item(notification_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id("itm", now),
        "notification_id": notification_id,
        "user_id": USER,
        "type": "job.failed",
        "priority": "high",
        "title": "Job failed",
        "text": "disk full",
        "data": {},
        "created_at": now,
        "updated_at": now,
        "revision": 1,
    }


def _in(clock: FakeClock, days: int) -> str:
    return (clock.now() + timedelta(days=days)).isoformat()


def _without_triggers(conn: Any, database: Database, statement: str) -> None:
    if database.is_sqlite:
        conn.exec_driver_sql("DROP TRIGGER audit_no_update")
        conn.exec_driver_sql(statement)
        return
    conn.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER USER")
    conn.exec_driver_sql(statement)
    conn.exec_driver_sql("ALTER TABLE audit ENABLE TRIGGER USER")
