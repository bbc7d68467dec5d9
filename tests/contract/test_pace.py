"""The pace of a target: what is too fast for it comes later, without an attempt and without pushing."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from redis import Redis

from app.store.gate_link import GateLink
from app.store.pace import Paces, Turn
from channels.base import Channel, Pace, Receipt, Transient
from channels.pagerduty import PagerDuty
from channels.slack import Slack
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.scripted import Scripted
from tests.fakes.spine import Spine

PLACE = ("slack", "place-1")
SLACK = Pace(1.0, burst=3)
SECOND = timedelta(seconds=1)


@pytest.fixture
def link(gate_server: GateServer) -> Iterator[GateLink]:
    failed: list[str] = []
    link = GateLink(gate_server.url, failed.append)
    yield link
    link.close()
    assert failed == []


@pytest.fixture
def paces(link: GateLink) -> Paces:
    return Paces(link)


def test_a_few_go_at_once_and_then_one_in_each_interval(paces: Paces, clock: FakeClock):
    start = clock.now()
    assert [paces.take(*PLACE, SLACK, start) for _ in range(3)] == [Turn(None, SECOND)] * 3
    for number in range(1, 5):
        assert paces.take(*PLACE, SLACK, clock.now()) == Turn(start + number * SECOND, SECOND)
        clock.advance(seconds=1)
        assert paces.take(*PLACE, SLACK, clock.now()).at is None
    clock.advance(seconds=60)
    assert [paces.take(*PLACE, SLACK, clock.now()).at is None for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(("channel", "least", "most"), [(Slack, 60, 63), (PagerDuty, 109, 120)])
def test_no_minute_sees_more_than_the_receiver_takes(
    paces: Paces, clock: FakeClock, channel: type[Channel], least: int, most: int
):
    gone: list[datetime] = []
    end = clock.now() + timedelta(minutes=3)
    while clock.now() < end:
        turn = paces.take(channel.name, "place-1", channel.pace, clock.now())
        if turn.at is None:
            gone.append(clock.now())
        else:
            clock.advance(seconds=(turn.at - clock.now()).total_seconds())
    minutes = [sum(since <= moment < since + timedelta(minutes=1) for moment in gone) for since in gone]
    assert max(minutes) <= most
    assert minutes[0] >= least


def test_each_target_has_its_own_and_most_have_none(paces: Paces, clock: FakeClock, gate_server: GateServer):
    for _ in range(5):
        assert paces.take("webhook", "place-1", None, clock.now()) == Turn()
    with Redis.from_url(gate_server.url) as client:
        assert client.dbsize() == 0
    for _ in range(3):
        paces.take(*PLACE, SLACK, clock.now())
    assert paces.take("slack", "place-2", SLACK, clock.now()).at is None


def test_of_many_at_once_as_many_go_as_may(paces: Paces, clock: FakeClock):
    turns = at_once(20, lambda _: paces.take(*PLACE, SLACK, clock.now()))
    assert sum(isinstance(turn, Turn) and turn.at is None for turn in turns) == 3


def test_what_comes_later_is_spread_over_everybody(paces: Paces, clock: FakeClock):
    turn = Turn(clock.now() + SECOND, SECOND)
    firsts = [paces.book(*PLACE, turn, count, clock.now()) - clock.now() for count in (3, 2, 1)]
    assert firsts == [1 * SECOND, 4 * SECOND, 6 * SECOND]
    clock.advance(seconds=60)
    assert paces.book(*PLACE, Turn(clock.now(), SECOND), 1, clock.now()) == clock.now()


@pytest.mark.parametrize(("declared", "first"), [(SLACK, 2.0), (None, 0.25)])
def test_one_that_wants_it_slower_gets_it_slower_and_is_trusted_again(
    paces: Paces, clock: FakeClock, declared: Pace | None, first: float
):
    def interval() -> float:
        return paces.take(*PLACE, declared, clock.advance(minutes=2)).interval.total_seconds()

    for _ in range(3):
        # Those that were on their way together teach one lesson.
        paces.slow_down(*PLACE, declared, clock.now())
    assert interval() == first
    intervals = [interval() for _ in range(60)]
    assert intervals == sorted(intervals, reverse=True)
    assert intervals[-1] == (declared.seconds if declared else 0)


def test_it_gets_no_slower_than_a_minute(paces: Paces, clock: FakeClock):
    for _ in range(12):
        paces.slow_down(*PLACE, SLACK, clock.advance(seconds=1))
    assert paces.take(*PLACE, SLACK, clock.advance(minutes=5)).interval == timedelta(minutes=1)


def test_the_keys_clean_up_after_themselves(paces: Paces, clock: FakeClock, gate_server: GateServer):
    turn = paces.take(*PLACE, SLACK, clock.now())
    paces.book("slack", "place-2", turn, 50, clock.now())
    paces.slow_down("slack", "place-3", SLACK, clock.now())
    with Redis.from_url(gate_server.url) as client:
        lifetimes = [client.ttl(key) for key in client.scan_iter()]
    assert len(lifetimes) == 3
    assert all(0 < lifetime <= 660 for lifetime in lifetimes)


@pytest.fixture(params=["letters", "hooks"])
def channel(request: pytest.FixtureRequest, spine: Spine, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """A channel with a pace; u-1 is reached on it."""
    spine.meet("u-1", channel=request.param)
    channel = spine.channels[request.param]
    monkeypatch.setattr(channel, "pace", SLACK)
    return channel


def some(spine: Spine, channel: Scripted, count: int) -> list[str]:
    data = [{"job_id": f"j-{number}", "error": "e"} for number in range(count)]
    return [spine.submit("u-1", channel=channel.name, data=one)[0] for one in data]


def test_a_list_is_sent_at_its_targets_pace_and_none_of_it_costs_an_attempt(
    spine: Spine, clock: FakeClock, channel: Scripted
):
    ids, start = some(spine, channel, 8), clock.now()
    assert spine.delivery.deliver(channel.name, ids) == []
    assert channel.sent == ids[:3]
    left = [spine.row(id_) for id_ in ids[3:]]
    assert {(row.status, row.attempts, row.announced_at) for row in left} == {("pending", 0, None)}
    assert [row.next_at - start for row in left] == [number * SECOND for number in range(1, 6)]
    assert spine.attempts(ids[3]) == []
    other = some(spine, channel, 2)
    spine.delivery.deliver(channel.name, other)
    assert [spine.row(id_).next_at - start for id_ in other] == [6 * SECOND, 7 * SECOND]


def test_everything_arrives_one_each_second_and_comes_about_once(spine: Spine, clock: FakeClock, channel: Scripted):
    ids = [id_ for _ in range(4) for id_ in some(spine, channel, 6)]
    for start in range(0, len(ids), 6):
        spine.delivery.deliver(channel.name, ids[start : start + 6])
    spine.announcer.stop()
    spine.publisher.published.clear()
    deliveries, counts = 4, [len(channel.sent)]
    while len(channel.sent) < len(ids):
        clock.advance(seconds=1)
        spine.relay.feed()
        for said in spine.publisher.published:
            spine.delivery.deliver(channel.name, said.ids)
            deliveries += 1
        spine.publisher.published.clear()
        counts.append(len(channel.sent))
    assert counts == list(range(3, len(ids) + 1))
    assert sorted(channel.sent) == sorted(ids)
    assert deliveries <= 4 + len(ids)


def test_workers_keep_to_it_together(spine: Spine, channel: Scripted):
    ids = some(spine, channel, 4)
    at_once(4, lambda number: spine.delivery.deliver(channel.name, [ids[number]]))
    assert len(channel.sent) == 3


def test_one_that_says_too_many_is_sent_less_from_then_on(spine: Spine, clock: FakeClock, channel: Scripted):
    ids = some(spine, channel, 5)
    channel.answer(ids[0], Transient("slow down", retry_after=5, http_status=429))
    spine.delivery.deliver(channel.name, ids)
    clock.advance(seconds=5)
    spine.delivery.deliver(channel.name, ids[1:])
    assert channel.sent == ids[:2]
    assert spine.row(ids[2]).next_at == clock.now() + 2 * SECOND


def test_a_rest_and_a_breaker_come_first(spine: Spine, clock: FakeClock, channel: Scripted):
    ids = some(spine, channel, 3)
    channel.answer(ids[0], Receipt(http_status=200, rest_seconds=40))
    spine.delivery.deliver(channel.name, ids)
    assert {spine.row(id_).next_at for id_ in ids[1:]} == {clock.now() + timedelta(seconds=40)}
    clock.advance(seconds=1)
    spine.delivery.deliver(channel.name, ids[1:])
    assert channel.sent == ids[:1]
