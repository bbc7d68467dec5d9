"""An attempt of which nobody knows whether it arrived: whether it is made again is up to its type and its receiver."""

import pytest

from app.domain.events import EVENT_TYPES
from app.services.delivery import Again
from app.store.history import Filters
from channels.base import Transient
from tests.contract.test_delivery import die_while_sending
from tests.fakes.clock import FakeClock
from tests.fakes.scripted import Scripted
from tests.fakes.spine import LEASE, Spine

NO_ANSWER = Transient("No answer in time.", unknown=True)
HELD = "job.progress"
RESENT = [name for name in EVENT_TYPES if name != HELD]


@pytest.fixture(params=["letters", "hooks"])
def channel(request: pytest.FixtureRequest, spine: Spine) -> Scripted:
    """A channel whose receiver folds repeats, and one whose receiver does not; u-1 is reached on it."""
    spine.meet("u-1", channel=request.param)
    return spine.channels[request.param]


def one_of(spine: Spine, channel: Scripted, type_: str) -> str:
    # Not every type is mailed by default.
    wishes = {"events": {type_: {channel.name: "instant"}}}
    spine.preferences.merge("u-1", wishes, actor="key:test")
    (one,) = spine.submit("u-1", channel=channel.name, type=type_, data=dict(EVENT_TYPES[type_].sample))
    return one


@pytest.mark.parametrize("type_", RESENT)
def test_what_matters_is_sent_again(spine: Spine, clock: FakeClock, channel: Scripted, type_: str):
    one = one_of(spine, channel, type_)
    channel.answer(one, NO_ANSWER)
    assert spine.delivery.deliver(channel.name, [one]) == [Again(one, 10)]
    clock.advance(seconds=10)
    spine.delivery.deliver(channel.name, [one])
    assert (channel.sent, spine.states([one])) == ([one, one], [("delivered", None)])
    assert spine.row(one).possible_duplicate


def test_progress_is_sent_again_only_where_a_repeat_is_folded(spine: Spine, clock: FakeClock, channel: Scripted):
    one = one_of(spine, channel, HELD)
    channel.answer(one, NO_ANSWER)
    again = spine.delivery.deliver(channel.name, [one])
    clock.advance(seconds=10)
    spine.delivery.deliver(channel.name, [one])
    assert again == ([Again(one, 10)] if channel.folds_repeats else [])
    assert channel.sent == [one] * (2 if channel.folds_repeats else 1)
    assert spine.states([one]) == [("delivered", None) if channel.folds_repeats else ("failed", "attempts_exhausted")]
    assert spine.row(one).possible_duplicate


def test_nor_after_a_worker_died_in_the_middle(spine: Spine, clock: FakeClock, channel: Scripted):
    one = one_of(spine, channel, HELD)
    die_while_sending(spine, channel, one)
    clock.advance(seconds=LEASE.total_seconds() + 1)
    spine.delivery.deliver(channel.name, [one])
    assert channel.sent == [one] * (2 if channel.folds_repeats else 1)
    assert spine.states([one]) == [("delivered", None) if channel.folds_repeats else ("failed", "attempts_exhausted")]
    assert spine.attempts(one) == (["unknown", "delivered"] if channel.folds_repeats else ["unknown"])
    assert spine.row(one).possible_duplicate
    assert spine.count("notifications_total") == 1


def test_what_surely_did_not_arrive_is_sent_again(spine: Spine, clock: FakeClock, channel: Scripted):
    one = one_of(spine, channel, HELD)
    channel.answer(one, Transient("no route"))
    spine.delivery.deliver(channel.name, [one])
    clock.advance(seconds=10)
    spine.delivery.deliver(channel.name, [one])
    assert spine.states([one]) == [("delivered", None)]
    assert not spine.row(one).possible_duplicate


def test_it_says_so_and_can_be_sent_again_by_hand(spine: Spine, clock: FakeClock):
    spine.meet("u-1")
    one = one_of(spine, spine.letters, HELD)
    spine.letters.answer(one, NO_ANSWER)
    spine.delivery.deliver("letters", [one])
    shown = spine.history.notification(one)
    assert shown is not None
    assert shown["because"] == "Failed after 1 attempt, which may still have arrived."
    wanted = Filters(user_id="u-1", status="failed")
    clock.advance(seconds=5)
    (created,) = spine.dead_letters.replay(wanted, limit=10, dry_run=False, actor="key:admin").created
    spine.delivery.deliver("letters", [created.id])
    assert spine.states([created.id]) == [("delivered", None)]
