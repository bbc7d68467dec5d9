"""What becomes of one notification when it is delivered."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.services.delivery import Again
from app.store.tables import contacts
from channels.base import Permanent, Receipt, Transient
from tests.fakes.clock import FakeClock
from tests.fakes.scripted import Scripted
from tests.fakes.spine import LEASE, Spine

CHANNELS = ("letters", "hooks")


@pytest.fixture(params=CHANNELS)
def channel(request: pytest.FixtureRequest, spine: Spine) -> Scripted:
    """A channel whose receiver folds repeats, and one whose receiver does not; u-1 is reached on it."""
    spine.meet("u-1", channel=request.param)
    return spine.channels[request.param]


@pytest.fixture
def one(spine: Spine, channel: Scripted) -> str:
    return spine.submit("u-1", channel=channel.name)[0]


def test_delivered(spine: Spine, clock: FakeClock, channel: Scripted, one: str):
    channel.answer(one, Receipt(http_status=204, detail="taken", provider_ref="r-1"))
    clock.advance(seconds=3)
    channel.during = lambda _message: clock.advance(seconds=2)
    assert spine.delivery.deliver(channel.name, [one]) == []
    row = spine.row(one)
    assert (row.status, row.reason, row.attempts, row.lease_until) == ("delivered", None, 1, None)
    assert row.delivered_at == clock.now()
    assert not row.possible_duplicate
    assert spine.attempts(one) == ["delivered"]
    assert spine.trace(one)[1:] == [("deliver", "delivered", None)]
    assert spine.count("notification_attempts_total", channel=channel.name, outcome="delivered") == 1
    assert spine.count("notifications_total", channel=channel.name, status="delivered") == 1
    assert spine.count("notification_delivery_seconds_sum", channel=channel.name) == 5


def test_what_is_delivered_is_not_sent_again(spine: Spine, channel: Scripted, one: str):
    for _ in range(2):
        spine.delivery.deliver(channel.name, [one])
    assert channel.sent == [one]


def test_a_transient_failure_waits_by_the_plan(spine: Spine, clock: FakeClock, channel: Scripted, one: str):
    trouble = Transient("busy", scope="recipient", http_status=503)
    channel.answer(one, trouble, trouble)
    assert spine.delivery.deliver(channel.name, [one]) == [Again(one, 10)]
    row = spine.row(one)
    assert (row.status, row.reason, row.attempts) == ("retrying", None, 1)
    assert row.next_at == row.announced_at == clock.now() + timedelta(seconds=10)
    assert spine.delivery.deliver(channel.name, [one]) == []
    assert channel.sent == [one]
    clock.advance(seconds=10)
    assert spine.delivery.deliver(channel.name, [one]) == [Again(one, 60)]
    clock.advance(seconds=60)
    assert spine.delivery.deliver(channel.name, [one]) == []
    assert spine.attempts(one) == ["transient", "transient", "delivered"]
    assert spine.states([one]) == [("delivered", None)]


def test_the_plan_runs_out(spine: Spine, clock: FakeClock, channel: Scripted, one: str):
    channel.answer(one, *[Transient("busy", scope="recipient")] * 9)
    for _ in range(9):
        spine.delivery.deliver(channel.name, [one])
        clock.advance(seconds=60)
    assert spine.states([one]) == [("failed", "attempts_exhausted")]
    assert spine.attempts(one) == ["transient"] * 3
    assert spine.count("notification_attempts_total", outcome="transient") == 3
    assert spine.count("notifications_total", status="failed", reason="attempts_exhausted") == 1


@pytest.mark.parametrize(("asked", "waits"), [(3, 10), (20, 20), (600, 600)])
def test_a_longer_retry_after_wins(spine: Spine, channel: Scripted, one: str, asked: float, waits: float):
    channel.answer(one, Transient("slow down", retry_after=asked, scope="recipient"))
    assert spine.delivery.deliver(channel.name, [one]) == [Again(one, waits)]


def test_a_wait_of_more_than_ten_minutes_is_left_to_the_relay(
    spine: Spine, clock: FakeClock, channel: Scripted, one: str
):
    channel.answer(one, Transient("slow down", retry_after=601, scope="recipient"))
    assert spine.delivery.deliver(channel.name, [one]) == []
    row = spine.row(one)
    assert (row.status, row.announced_at) == ("retrying", None)
    assert row.next_at == clock.now() + timedelta(seconds=601)
    clock.advance(seconds=601)
    assert spine.relay.feed() == 1
    assert [(said.ids, said.resume) for said in spine.publisher.published[-1:]] == [((one,), True)]


@pytest.mark.parametrize("reason", ["rejected", "bad_address", "too_large"])
def test_a_permanent_failure_ends_it(spine: Spine, channel: Scripted, one: str, reason: str):
    channel.answer(one, Permanent("no", reason=reason, http_status=404))  # type: ignore[arg-type]
    assert spine.delivery.deliver(channel.name, [one]) == []
    assert spine.states([one]) == [("failed", reason)]
    assert spine.attempts(one) == ["permanent"]
    with spine.database.read() as conn:
        assert conn.execute(select(contacts.c.disabled_reason)).scalars().all() == [None]


def test_a_contact_that_is_gone_is_not_used_again(spine: Spine, channel: Scripted, one: str):
    (waiting,) = spine.submit("u-1", channel=channel.name)
    channel.answer(one, Permanent("gone", disables=True, http_status=410))
    spine.delivery.deliver(channel.name, [one])
    assert spine.states([one]) == [("failed", "rejected")]
    spine.delivery.deliver(channel.name, [waiting])
    assert spine.states([waiting]) == [("suppressed", "no_contact")]
    later = spine.submit("u-1", channel=channel.name)
    assert spine.states(later) == [("suppressed", "no_contact")]
    assert channel.sent == [one]
    assert spine.attempts(waiting) == []


@pytest.mark.parametrize("answer", [Transient("no answer", unknown=True), RuntimeError("a fault of ours")])
def test_an_unknown_outcome_is_tried_again_as_a_possible_duplicate(
    spine: Spine, clock: FakeClock, channel: Scripted, one: str, answer: Exception
):
    channel.answer(one, answer)
    assert spine.delivery.deliver(channel.name, [one]) == [Again(one, 10)]
    assert spine.attempts(one) == ["unknown"]
    assert spine.row(one).possible_duplicate
    clock.advance(seconds=10)
    spine.delivery.deliver(channel.name, [one])
    assert spine.states([one]) == [("delivered", None)]
    assert spine.row(one).possible_duplicate


def test_a_fault_of_ours_keeps_its_words_to_the_log(spine: Spine, channel: Scripted, one: str):
    channel.answer(one, RuntimeError("canary"))
    spine.delivery.deliver(channel.name, [one])
    with spine.database.read() as conn:
        (audited,) = [str(row) for row in conn.exec_driver_sql("SELECT detail FROM attempts")]
    assert "canary" not in audited


def test_what_has_expired_is_never_sent(spine: Spine, clock: FakeClock, channel: Scripted, one: str):
    clock.advance(days=7)
    assert spine.delivery.deliver(channel.name, [one]) == []
    assert channel.sent == []
    spine.relay.sweep()
    assert spine.states([one]) == [("expired", None)]


def test_what_was_cancelled_is_never_sent(spine: Spine, channel: Scripted, one: str):
    event_id = spine.row(one).event_id
    assert event_id
    assert spine.events.cancel(event_id, actor="key:key_1")
    assert not spine.events.cancel(event_id, actor="key:key_1")
    spine.delivery.deliver(channel.name, [one])
    assert channel.sent == []
    assert spine.states([one]) == [("cancelled", "requested")]


def test_a_stale_claim_records_nothing(spine: Spine, clock: FakeClock, channel: Scripted, one: str):
    def outlive_the_lease(_message: object) -> None:
        channel.during = lambda _message: None
        clock.advance(seconds=LEASE.total_seconds() + 1)
        spine.delivery.deliver(channel.name, [one])

    channel.during = outlive_the_lease
    channel.answer(one, Permanent("too late to count"))
    assert spine.delivery.deliver(channel.name, [one]) == []
    assert channel.sent == [one, one]
    row = spine.row(one)
    assert (row.status, row.fence, row.attempts, row.possible_duplicate) == ("delivered", 2, 2, True)
    assert spine.attempts(one) == ["unknown", "delivered"]
    assert spine.count("notifications_total") == 1
    assert spine.count("notification_attempts_total") == 2


def test_an_attempt_whose_worker_died_is_closed_as_unknown(spine: Spine, clock: FakeClock, channel: Scripted, one: str):
    die_while_sending(spine, channel, one)
    assert spine.attempts(one) == [None]
    clock.advance(seconds=LEASE.total_seconds() + 1)
    spine.delivery.deliver(channel.name, [one])
    assert spine.attempts(one) == ["unknown", "delivered"]
    assert spine.row(one).possible_duplicate
    assert ("deliver", "unknown", "worker_lost") in spine.trace(one)
    assert spine.count("notification_attempts_total", outcome="unknown") == 1


def test_nor_does_it_stay_open_when_the_contact_is_gone(spine: Spine, clock: FakeClock, channel: Scripted, one: str):
    die_while_sending(spine, channel, one)
    spine.meet("u-1", channel=channel.name, disabled="gone")
    clock.advance(seconds=LEASE.total_seconds() + 1)
    spine.delivery.deliver(channel.name, [one])
    assert spine.states([one]) == [("suppressed", "no_contact")]
    assert spine.attempts(one) == ["unknown"]
    assert spine.row(one).possible_duplicate


def test_nor_when_its_time_is_over(spine: Spine, clock: FakeClock, channel: Scripted, one: str):
    die_while_sending(spine, channel, one)
    clock.advance(days=8)
    spine.relay.sweep()
    assert spine.states([one]) == [("expired", None)]
    assert spine.attempts(one) == ["unknown"]
    assert spine.row(one).possible_duplicate


def die_while_sending(spine: Spine, channel: Scripted, one: str) -> None:
    """Leave behind what a killed worker leaves: a claim and an attempt, both open."""

    class Killed(BaseException):
        pass

    def kill(_message: object) -> None:
        raise Killed

    channel.during = kill
    with pytest.raises(Killed):
        spine.delivery.deliver(channel.name, [one])
    channel.during = lambda _message: None
