"""Paused channels: nothing is sent, nothing is lost, and all of it goes out once afterwards."""

import pytest

from channels.base import Transient
from tests.fakes.clock import FakeClock
from tests.fakes.spine import Spine

USERS = ("u-1", "u-2", "u-3")


@pytest.fixture
def ids(spine: Spine) -> list[str]:
    spine.meet(*USERS)
    return spine.submit(*USERS)


def test_what_is_due_is_held_and_goes_out_once_after_the_pause(spine: Spine, clock: FakeClock, ids: list[str]):
    spine.channel_desk.pause("letters", actor="key:admin")
    assert spine.delivery.deliver("letters", ids) == []
    assert spine.letters.sent == []
    assert spine.states(ids) == [("held", "paused")] * 3
    spine.relay.feed()
    assert spine.states(ids) == [("held", "paused")] * 3
    spine.channel_desk.resume("letters", actor="key:admin")
    spine.relay.feed()
    assert spine.states(ids) == [("pending", None)] * 3
    spine.delivery.deliver("letters", ids)
    assert spine.letters.sent == ids
    assert spine.count("notifications_total") == 3


def test_a_pause_that_no_relay_noticed_ends_as_well(spine: Spine, clock: FakeClock, ids: list[str]):
    clock.advance(hours=1)
    spine.relay.feed()
    spine.channel_desk.pause("letters", actor="key:admin")
    spine.delivery.deliver("letters", ids)
    spine.channel_desk.resume("letters", actor="key:admin")
    spine.relay.feed()
    assert spine.states(ids) == [("pending", None)] * 3


def test_a_retry_keeps_its_attempts(spine: Spine, clock: FakeClock, ids: list[str]):
    spine.letters.answer(ids[0], Transient("busy", scope="recipient"))
    (again,) = spine.delivery.deliver("letters", ids[:1])
    clock.advance(seconds=again.delay)
    spine.channel_desk.pause("letters", actor="key:admin")
    spine.delivery.deliver("letters", ids[:1])
    assert spine.states(ids[:1]) == [("held", "paused")]
    assert spine.row(ids[0]).attempts == 1
    spine.channel_desk.resume("letters", actor="key:admin")
    spine.relay.feed()
    spine.delivery.deliver("letters", ids[:1])
    assert spine.states(ids[:1]) == [("delivered", None)]
    assert spine.row(ids[0]).attempts == 2


def test_other_channels_go_on(spine: Spine, ids: list[str]):
    spine.meet(*USERS, channel="hooks")
    others = spine.submit(*USERS, channel="hooks")
    spine.channel_desk.pause("letters", actor="key:admin")
    spine.delivery.deliver("hooks", others)
    assert spine.states(others) == [("delivered", None)] * 3


def test_pausing_twice_is_one_pause_and_on_record_once(spine: Spine):
    spine.channel_desk.pause("letters", actor="key:one")
    shown = spine.channel_desk.pause("letters", actor="key:two")
    assert (shown["paused"], shown["paused_by"]) == (True, "key:one")
    spine.channel_desk.resume("letters", actor="key:two")
    shown = spine.channel_desk.resume("letters", actor="key:two")
    assert (shown["paused"], shown["paused_at"]) == (False, None)
    assert [(entry.actor, entry.action) for entry in spine.audit("letters")] == [
        ("key:one", "channel.pause"),
        ("key:two", "channel.resume"),
    ]


def test_a_pause_does_not_outlive_the_notification(spine: Spine, clock: FakeClock, ids: list[str]):
    spine.channel_desk.pause("letters", actor="key:admin")
    spine.delivery.deliver("letters", ids)
    clock.advance(seconds=8 * 86_400)
    spine.relay.sweep()
    assert spine.states(ids) == [("expired", None)] * 3
