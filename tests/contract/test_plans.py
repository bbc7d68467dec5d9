"""No statement on the way of a notification, or behind what people and operators look at, reads a whole table."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.observability.metrics import Metrics
from app.services.history import History
from app.store import audit, due, events, relay
from app.store.audit import AuditFilters
from app.store.history import Filters
from channels.base import Permanent, Transient
from tests.fakes.clock import FakeClock
from tests.fakes.people_rig import Rig
from tests.fakes.plan_rules import whole_reads
from tests.fakes.plans import CHANGES, QUESTIONS, plans_of
from tests.fakes.rows import insert_notification
from tests.fakes.sealing import seal
from tests.fakes.spine import Spine

USER = "u-1"


@pytest.fixture(autouse=True)
def known(spine: Spine) -> None:
    spine.meet(USER, "u-2")
    spine.meet(USER, channel="shelf")


def check(spine: Spine, act: Callable[[], object]) -> None:
    """Fail for a statement that reads all of something that grows."""
    plans = plans_of(spine.database, act, (*QUESTIONS, *CHANGES))
    assert plans
    assert [plan for plan in plans if whole_reads(plan)] == []


def test_accepting(spine: Spine):
    data = {"job_id": "j-9", "error": "disk full"}
    event = {"type": "job.failed", "data": data, "recipients": [USER, "u-2"]}

    def submit() -> None:
        spine.intake.submit(event, owner="key_1", actor="key:key_1", idempotency_key="key")
        spine.intake.submit(event, owner="key_1", actor="key:key_1", idempotency_key="key")
        spine.intake.submit_batch([event, event], owner="key_1", actor="key:key_1")

    check(spine, submit)


@pytest.mark.parametrize("answer", [None, Transient("busy", scope="recipient")])
def test_each_step_and_the_claim(spine: Spine, answer: Transient | None):
    ids = spine.submit(USER, "u-2")
    if answer is not None:
        spine.letters.answer(ids[0], answer)

    def work() -> None:
        spine.pipeline.rate_limit(spine.pipeline.dedupe(spine.pipeline.render(ids)))
        spine.delivery.deliver("letters", ids)

    check(spine, work)


def test_a_repeat(spine: Spine):
    first, second = spine.submit(USER), spine.submit(USER)
    spine.pipeline.dedupe(spine.pipeline.render(first))
    check(spine, lambda: spine.pipeline.dedupe(spine.pipeline.render(second)))


def test_progress(spine: Spine):
    ids = [
        id_
        for percent in (10, 20)
        for id_ in spine.submit(USER, channel="shelf", type="job.progress", data={"job_id": "j-9", "percent": percent})
    ]

    def work() -> None:
        spine.pipeline.rate_limit(spine.pipeline.dedupe(spine.pipeline.render(ids)))
        spine.delivery.deliver("shelf", ids)

    check(spine, work)


def test_the_relay(spine: Spine, clock: FakeClock):
    spine.submit(USER, "u-2")
    (held,) = spine.submit(USER, deliver_at=(clock.now() + timedelta(hours=1)).isoformat())
    check(spine, spine.relay.feed)
    clock.advance(hours=2)
    check(spine, spine.relay.feed)
    check(spine, spine.relay.sweep)
    clock.advance(days=8)
    check(spine, spine.relay.sweep)
    assert spine.states([held]) == [("expired", None)]


def test_taking_back(spine: Spine):
    (id_,) = spine.submit(USER)
    check(spine, lambda: spine.events.cancel_one(id_, actor="key:key_1"))


def test_purging(spine: Spine, clock: FakeClock):
    for number in range(3):
        insert_notification(spine.database, clock.now(), alert_key=f"{number}", alert_step=1, channel="pages")
    insert_notification(spine.database, clock.now(), type="digest", event_id=None)
    with spine.database.write() as conn:
        seal(conn)
    clock.advance(days=91)
    check(spine, lambda: spine.retention.purge(lambda _: None))


def test_what_is_watched(spine: Spine, clock: FakeClock):
    spine.submit(USER)

    def look() -> None:
        Metrics(spine.database, clock, list(spine.channels)).snapshot()
        with spine.database.read() as conn:
            due.longest(conn, clock.now())
            due.longest(conn, clock.now(), ["inapp", "email"])
            relay.next_due(conn)

    check(spine, look)


def test_keys_are_forgotten(spine: Spine, clock: FakeClock):
    def forget() -> None:
        with spine.database.write() as conn:
            events.forget_keys(conn, clock.now(), 500)

    check(spine, forget)


@pytest.mark.parametrize(
    "wanted",
    [
        Filters(user_id=USER),
        Filters(user_id=USER, status="delivered", channel="letters"),
        Filters(subject_key="j-9"),
        Filters(status="failed"),
        Filters(status="failed", channel="letters"),
    ],
    ids=lambda wanted: ",".join(wanted.sought()),
)
def test_history(spine: Spine, wanted: Filters):
    spine.submit(USER)
    check(spine, lambda: spine.history.page(wanted))


def test_sending_dead_letters_again(spine: Spine):
    (id_,) = spine.submit(USER)
    spine.pipeline.dedupe(spine.pipeline.render([id_]))
    spine.letters.answer(id_, Permanent("refused"))
    spine.delivery.deliver("letters", [id_])
    failed = Filters(status="failed", channel="letters")

    def replay() -> None:
        assert spine.dead_letters.replay(failed, limit=200, dry_run=False, actor="key:key_1").created

    check(spine, replay)


def test_what_no_index_leads_to_is_looked_for_in_a_part_of_the_table(spine: Spine):
    for _ in range(4):
        spine.submit(USER)
    patient = History(spine.database, spine.people, spine.history._translator, most_looked_at=2)
    _, listed, *_ = plans_of(spine.database, lambda: patient.page(Filters(channel="letters")))
    assert whole_reads(listed) == []


def test_one_notification_with_its_trace(spine: Spine):
    (id_,) = spine.submit(USER)
    check(spine, lambda: spine.history.notification(id_))


def test_the_inbox(rig: Rig, spine: Spine):
    def use() -> None:
        rig.inbox.page(USER)
        rig.inbox.page(USER, "unread")
        rig.inbox.mark(USER, "itm_1", read=True)
        rig.inbox.read_all(USER)

    check(spine, use)


def test_the_audit_log_by_its_object(spine: Spine):
    (id_,) = spine.submit(USER)

    def look() -> None:
        with spine.database.read() as conn:
            audit.newest(conn, AuditFilters(object=id_), before=None, limit=50)

    check(spine, look)
