"""Deliveries to a target that fails and fails: they are held, one tries it out, and then all go on."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from channels.base import Message, Permanent, Transient
from tests.fakes.clock import FakeClock
from tests.fakes.scripted import Scripted
from tests.fakes.spine import Spine

USERS = [f"u-{number}" for number in range(8)]
DEAD = Transient("no route")


@pytest.fixture(params=["letters", "hooks"])
def channel(request: pytest.FixtureRequest, spine: Spine) -> Scripted:
    """A channel whose receiver folds repeats, and one whose receiver does not; everybody is reached on it."""
    spine.meet(*USERS, channel=request.param)
    return spine.channels[request.param]


@pytest.fixture
def ids(spine: Spine, channel: Scripted) -> list[str]:
    return spine.submit(*USERS, channel=channel.name)


def break_it(spine: Spine, channel: Scripted, ids: Sequence[str], trouble: Exception = DEAD) -> None:
    """Let five of these fail, one after the other."""
    for one in ids[:5]:
        channel.answer(one, trouble)
        spine.delivery.deliver(channel.name, [one])
        spine.clock.advance(seconds=5)
    channel.sent.clear()


def desk(spine: Spine, channel: Scripted) -> tuple[str, int, int]:
    shown = spine.channel_desk.one(channel.name)
    return shown["breaker"], shown["open_targets"], shown["half_open_targets"]


def test_while_it_is_open_everything_is_held_until_the_probe(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    assert desk(spine, channel) == ("closed", 0, 0)
    break_it(spine, channel, ids)
    assert desk(spine, channel) == ("open", 1, 0)
    opened = clock.now() - timedelta(seconds=5)
    assert spine.delivery.deliver(channel.name, ids) == []
    assert channel.sent == []
    # The first two retries are due by now, and wait as well; they have had their attempt.
    assert spine.states(ids) == [("held", "breaker_open")] * 4 + [("retrying", None)] + [("held", "breaker_open")] * 3
    assert [spine.row(id_).attempts for id_ in ids] == [1] * 5 + [0] * 3
    assert {spine.row(id_).next_at for id_ in ids[5:]} == {opened + timedelta(seconds=30)}
    assert spine.trace(ids[7])[-1] == ("deliver", "held", "breaker_open")
    spine.relay.feed()
    assert spine.states(ids[5:]) == [("held", "breaker_open")] * 3


def test_one_that_is_answered_closes_it_and_the_list_goes_on(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    break_it(spine, channel, ids)
    spine.delivery.deliver(channel.name, ids)
    clock.advance(seconds=30)
    assert desk(spine, channel) == ("half_open", 0, 1)
    spine.relay.feed()
    spine.delivery.deliver(channel.name, ids)
    assert sorted(channel.sent) == sorted(ids)
    assert spine.states(ids) == [("delivered", None)] * 8
    assert desk(spine, channel) == ("closed", 0, 0)


def test_one_that_fails_opens_it_for_longer_and_takes_nobody_elses_attempt(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    break_it(spine, channel, ids)
    left = ids[5:]
    clock.advance(seconds=30)
    channel.answer(left[0], DEAD)
    spine.delivery.deliver(channel.name, left)
    assert channel.sent == left[:1]
    assert spine.states(left) == [("retrying", None), ("held", "breaker_open"), ("held", "breaker_open")]
    assert [spine.row(id_).attempts for id_ in left] == [1, 0, 0]
    assert [spine.attempts(id_) for id_ in left] == [["transient"], [], []]
    assert {spine.row(id_).next_at for id_ in left[1:]} == {clock.now() + timedelta(seconds=60)}


def test_while_one_is_the_probe_the_others_wait_and_hear_what_came_of_it(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    break_it(spine, channel, ids)
    clock.advance(seconds=30)
    probe, other, late = ids[5:]
    seen: list[tuple[str, str | None]] = []

    def meanwhile(_message: Message) -> None:
        channel.during = lambda _message: None
        spine.delivery.deliver(channel.name, [other])
        seen.extend(spine.states([other]))

    channel.during = meanwhile
    channel.answer(probe, DEAD)
    spine.delivery.deliver(channel.name, [probe])
    assert (channel.sent, seen) == ([probe], [("held", "breaker_open")])
    assert spine.row(other).next_at == clock.now() + timedelta(seconds=60)
    clock.advance(seconds=60)
    channel.during = meanwhile
    spine.relay.feed()
    spine.delivery.deliver(channel.name, [late])
    assert spine.row(other).next_at == clock.now()
    spine.relay.feed()
    spine.delivery.deliver(channel.name, [other])
    assert spine.states([late, other]) == [("delivered", None)] * 2


def test_a_probe_that_finds_nothing_to_send_leaves_it_to_the_next(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    break_it(spine, channel, ids)
    clock.advance(seconds=30)
    event_id = spine.row(ids[5]).event_id
    assert event_id
    (fresh,) = spine.submit("u-1", channel=channel.name, data={"job_id": "j-10", "error": "e"})
    spine.events.cancel(event_id, actor="key:key_1")
    spine.delivery.deliver(channel.name, ids[5:])
    assert channel.sent == []
    spine.delivery.deliver(channel.name, [fresh])
    assert channel.sent == [fresh]


@pytest.mark.parametrize(
    "answer", [Transient("mailbox busy", scope="recipient"), Permanent("no such user"), KeyError("a fault of ours")]
)
def test_only_trouble_of_the_target_counts(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str], answer: Exception
):
    break_it(spine, channel, ids, answer)
    assert desk(spine, channel) == ("closed", 0, 0)


def test_whatever_is_answered_in_between_starts_the_count_anew(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    for one in ids[:4]:
        channel.answer(one, DEAD)
    channel.answer(ids[4], Permanent("no such user"))
    channel.answer(ids[5], DEAD)
    for one in ids[:6]:
        spine.delivery.deliver(channel.name, [one])
        clock.advance(seconds=5)
    assert desk(spine, channel) == ("closed", 0, 0)


def test_what_is_held_expires_in_its_time(spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]):
    break_it(spine, channel, ids)
    spine.delivery.deliver(channel.name, ids[5:])
    clock.advance(days=8)
    spine.relay.sweep()
    assert spine.states(ids[5:]) == [("expired", None)] * 3


def test_a_longer_rest_that_was_asked_for_is_kept(spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]):
    break_it(spine, channel, ids[:4])
    channel.answer(ids[4], Transient("slow down", retry_after=300))
    spine.delivery.deliver(channel.name, ids[4:])
    assert {spine.row(id_).next_at for id_ in ids[5:]} == {clock.now() + timedelta(seconds=300)}
    assert spine.states(ids[5:]) == [("held", "breaker_open")] * 3
    spine.delivery.deliver(channel.name, ids[5:])
    assert spine.channel_desk.one(channel.name)["parked_targets"] == 1


def test_the_inbox_has_none(spine: Spine):
    for number in range(7):
        (one,) = spine.submit("u-1", channel="shelf", data={"job_id": f"j-{number}", "error": "e"})
        spine.shelf.answer(one, Transient("locked"))
        spine.delivery.deliver("shelf", [one])
    assert spine.channel_desk.one("shelf")["breaker"] == "closed"
    assert len(spine.shelf.sent) == 7
