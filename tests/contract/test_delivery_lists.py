"""Several notifications delivered together: who claims them, what stops a list, what is given back."""

import threading
from datetime import timedelta

import pytest

from app.services.delivery import Again
from app.store.engine import Database
from channels.base import Message, Permanent, Receipt, Transient
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.scripted import Scripted
from tests.fakes.spine import LEASE, Spine

USERS = [f"u-{number}" for number in range(4)]


@pytest.fixture(params=["letters", "hooks"])
def channel(request: pytest.FixtureRequest, spine: Spine) -> Scripted:
    """A channel whose receiver folds repeats, and one whose receiver does not; everybody is reached on it."""
    spine.meet(*USERS, channel=request.param)
    return spine.channels[request.param]


@pytest.fixture
def ids(spine: Spine, channel: Scripted) -> list[str]:
    """One for each user, of one event and one target."""
    return spine.submit(*USERS, channel=channel.name)


def test_a_list_is_sent_in_its_order_and_recorded_one_by_one(spine: Spine, channel: Scripted, ids: list[str]):
    wanted = [ids[2], ids[0], ids[3], ids[1]]
    assert spine.delivery.deliver(channel.name, wanted) == []
    assert channel.sent == wanted
    assert spine.states(ids) == [("delivered", None)] * 4
    assert [spine.attempts(id_) for id_ in ids] == [["delivered"]] * 4
    assert spine.count("notification_attempts_total", channel=channel.name, outcome="delivered") == 4


def test_claims_are_exclusive(spine: Spine, channel: Scripted):
    lists = [spine.submit(*USERS, channel=channel.name) for _ in range(12)]
    outcomes = at_once(6, lambda n: [spine.delivery.deliver(channel.name, one) for one in lists[n:] + lists[:n]])
    assert [outcome for outcome in outcomes if isinstance(outcome, type)] == []
    # Whoever found no place at the target in time left its list to the relay.
    spine.clock.advance(seconds=2)
    for one in lists:
        spine.delivery.deliver(channel.name, one)
    everything = [id_ for one in lists for id_ in one]
    assert sorted(channel.sent) == sorted(everything)
    assert {spine.row(id_).status for id_ in everything} == {"delivered"}
    assert {tuple(spine.attempts(id_)) for id_ in everything} == {("delivered",)}
    assert spine.count("notifications_total", status="delivered") == len(everything)


def test_attempts_open_all_at_once_only_where_repeats_are_folded(spine: Spine, channel: Scripted, ids: list[str]):
    seen: list[list[list[str | None]]] = []
    channel.during = lambda _message: seen.append([spine.attempts(id_) for id_ in ids])
    spine.delivery.deliver(channel.name, ids)
    if channel.folds_repeats:
        assert seen == [[[None]] * 4] * 4
    else:
        done: list[str | None] = ["delivered"]
        assert seen == [[done] * number + [[None]] + [[]] * (3 - number) for number in range(4)]


def test_a_target_in_trouble_stops_the_list_and_gets_the_rest_back(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    channel.answer(ids[1], Transient("no route"))
    assert spine.delivery.deliver(channel.name, ids) == [Again(ids[1], 10)]
    assert channel.sent == ids[:2]
    assert [status for status, _ in spine.states(ids)] == ["delivered", "retrying", "pending", "pending"]
    assert [spine.row(id_).attempts for id_ in ids] == [1, 1, 0, 0]
    assert [spine.attempts(id_) for id_ in ids] == [["delivered"], ["transient"], [], []]
    until = spine.gates.parked_until(channel.name, "place-1", clock.now())
    assert until == clock.now() + timedelta(seconds=5)
    for id_ in ids[2:]:
        row = spine.row(id_)
        assert (row.next_at, row.announced_at, row.lease_until) == (until, None, None)


def test_a_parked_target_is_left_alone_until_its_time(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    until = clock.now() + timedelta(seconds=40)
    channel.answer(ids[0], Transient("slow down", retry_after=40))
    assert spine.delivery.deliver(channel.name, ids[:1]) == [Again(ids[0], 40)]
    clock.advance(seconds=39)
    assert spine.delivery.deliver(channel.name, ids) == []
    assert channel.sent == ids[:1]
    assert [spine.row(id_).next_at for id_ in ids] == [until] * 4
    assert [spine.row(id_).attempts for id_ in ids] == [1, 0, 0, 0]
    clock.advance(seconds=1)
    spine.delivery.deliver(channel.name, ids)
    assert channel.sent == [ids[0], *ids]


def test_a_receiver_that_wants_a_rest_after_a_message_gets_it(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    channel.answer(ids[1], Receipt(http_status=200, rest_seconds=1.5))
    assert spine.delivery.deliver(channel.name, ids) == []
    assert channel.sent == ids[:2]
    assert spine.states(ids) == [("delivered", None)] * 2 + [("pending", None)] * 2
    assert [spine.attempts(id_) for id_ in ids] == [["delivered"]] * 2 + [[]] * 2
    until = clock.now() + timedelta(seconds=1.5)
    assert spine.gates.parked_until(channel.name, "place-1", clock.now()) == until
    assert [spine.row(id_).next_at for id_ in ids[2:]] == [until] * 2
    clock.advance(seconds=1.5)
    assert spine.delivery.deliver(channel.name, ids[2:]) == []
    assert channel.sent == ids


def test_trouble_of_a_host_lets_all_its_places_rest_and_no_other(spine: Spine, clock: FakeClock, channel: Scripted):
    places = ["host-1#a", "host-1#b", "host-2#c"]
    for user_id, place in zip(USERS, places, strict=False):
        spine.meet(user_id, channel=channel.name, target=place)
    first, second, elsewhere = spine.submit(*USERS[:3], channel=channel.name)
    channel.answer(first, Transient("all of us are busy", scope="host", retry_after=40))
    assert spine.delivery.deliver(channel.name, [first]) == [Again(first, 40)]
    for one in (second, elsewhere):
        spine.delivery.deliver(channel.name, [one])
    assert channel.sent == [first, elsewhere]
    assert spine.row(second).next_at == clock.now() + timedelta(seconds=40)
    assert spine.attempts(second) == []


def test_a_short_park_shortens_no_wait_that_was_agreed(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    channel.answer(ids[0], Transient("no mailbox", retry_after=300, scope="recipient"))
    channel.answer(ids[1], Transient("no route"))
    spine.delivery.deliver(channel.name, ids)
    agreed = [spine.row(id_) for id_ in ids[:2]]
    assert agreed[0].next_at == clock.now() + timedelta(seconds=300)
    spine.delivery.deliver(channel.name, ids)
    assert [spine.row(id_) for id_ in ids[:2]] == agreed


def test_a_recipient_in_trouble_stops_nobody_else(spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]):
    channel.answer(ids[0], Transient("mailbox busy", scope="recipient"))
    channel.answer(ids[1], Permanent("no such user", reason="bad_address"))
    channel.answer(ids[2], ValueError("a fault of ours"))
    assert spine.delivery.deliver(channel.name, ids) == [Again(ids[0], 10), Again(ids[2], 10)]
    assert channel.sent == ids
    assert [status for status, _ in spine.states(ids)] == ["retrying", "failed", "retrying", "delivered"]
    assert [spine.row(id_).possible_duplicate for id_ in ids] == [False, False, True, False]
    assert spine.gates.parked_until(channel.name, "place-1", clock.now()) is None


def test_no_send_starts_after_fifteen_seconds(spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]):
    def take_eight_seconds(_message: Message) -> None:
        spine.seconds += 8

    channel.during = take_eight_seconds
    assert spine.delivery.deliver(channel.name, ids) == []
    assert channel.sent == ids[:2]
    assert spine.states(ids) == [("delivered", None)] * 2 + [("pending", None)] * 2
    assert [spine.row(id_).attempts for id_ in ids] == [1, 1, 0, 0]
    assert [spine.attempts(id_) for id_ in ids[2:]] == [[], []]
    assert [spine.row(id_).next_at for id_ in ids[2:]] == [clock.now()] * 2
    assert spine.relay.feed() == 2


def test_with_a_short_lease_the_time_is_a_third_of_it(database: Database, clock: FakeClock, gate_server: GateServer):
    spine = Spine(database, clock, gate_server.url, lease=timedelta(seconds=9))
    spine.meet(*USERS)
    ids = spine.submit(*USERS)

    def take_two_seconds(_message: Message) -> None:
        spine.seconds += 2

    spine.letters.during = take_two_seconds
    spine.delivery.deliver("letters", ids)
    assert spine.letters.sent == ids[:2]
    spine.close()


def test_what_is_cancelled_meanwhile_is_sent_or_cancelled_and_never_both(spine: Spine, channel: Scripted):
    lists = [spine.submit(*USERS, channel=channel.name) for _ in range(10)]

    def work(number: int) -> None:
        for one in lists if number % 2 else reversed(lists):
            event_id = spine.row(one[0]).event_id
            if number % 2:
                spine.delivery.deliver(channel.name, one)
            elif event_id:
                spine.events.cancel(event_id, actor="key:key_1")

    assert at_once(4, work) == [None] * 4
    rows = [spine.row(id_) for one in lists for id_ in one]
    assert {(row.status, row.reason) for row in rows} <= {("delivered", None), ("cancelled", "requested")}
    assert sorted(channel.sent) == sorted(row.id for row in rows if row.status == "delivered")
    assert spine.count("notifications_total") == len(rows)


def test_a_crash_leaves_one_doubt_where_repeats_are_seen(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    class Killed(BaseException):
        pass

    def kill(message: Message) -> None:
        if message.notification_id == ids[1]:
            raise Killed

    channel.during = kill
    with pytest.raises(Killed):
        spine.delivery.deliver(channel.name, ids)
    channel.during = lambda _message: None
    clock.advance(seconds=LEASE.total_seconds() + 1)
    spine.delivery.deliver(channel.name, ids)
    assert spine.states(ids) == [("delivered", None)] * 4
    doubts = [spine.row(id_).possible_duplicate for id_ in ids]
    assert doubts == ([True] * 4 if channel.folds_repeats else [False, True, False, False])


def test_a_list_whose_lease_was_lost_in_the_middle_leaves_the_rest_alone(
    spine: Spine, clock: FakeClock, channel: Scripted, ids: list[str]
):
    def outlive_the_lease(message: Message) -> None:
        if message.notification_id == ids[1]:
            channel.during = lambda _message: None
            clock.advance(seconds=LEASE.total_seconds() + 1)
            spine.delivery.deliver(channel.name, ids)

    channel.during = outlive_the_lease
    spine.delivery.deliver(channel.name, ids)
    assert spine.states(ids) == [("delivered", None)] * 4
    assert spine.count("notifications_total", status="delivered") == 4
    # Whoever folds repeats has each outcome recorded at the end, so the first was sent twice as well.
    if not channel.folds_repeats:
        assert channel.sent == [ids[0], ids[1], ids[1], ids[2], ids[3]]


def test_at_most_four_are_at_a_target_and_the_surplus_waits(
    spine: Spine, clock: FakeClock, channel: Scripted, database: Database
):
    lists = [spine.submit("u-1", channel=channel.name) for _ in range(6)]
    go, busy = threading.Event(), threading.Semaphore(0)

    def hold_on(_message: Message) -> None:
        busy.release()
        assert go.wait(20)

    channel.during = hold_on
    holders = [threading.Thread(target=spine.delivery.deliver, args=(channel.name, one)) for one in lists[:4]]
    for thread in holders:
        thread.start()
    for _ in holders:
        assert busy.acquire(timeout=20)
    surplus = lists[4]
    assert spine.delivery.deliver(channel.name, surplus) == []
    row = spine.row(surplus[0])
    assert (row.status, row.announced_at, row.attempts) == ("pending", None, 0)
    assert row.next_at == clock.now() + timedelta(seconds=1)
    go.set()
    for thread in holders:
        thread.join()
    assert spine.delivery.deliver(channel.name, lists[5]) == []
    assert [spine.row(one[0]).status for one in lists] == ["delivered"] * 4 + ["pending", "delivered"]


def test_no_contact_ends_alone(spine: Spine, channel: Scripted, ids: list[str]):
    spine.meet(USERS[1], channel=channel.name, disabled="gone")
    spine.delivery.deliver(channel.name, ids)
    assert spine.states(ids) == [("delivered", None), ("suppressed", "no_contact"), *[("delivered", None)] * 2]
    assert spine.attempts(ids[1]) == []
    assert channel.sent == [ids[0], ids[2], ids[3]]


def test_a_bulk_channel_takes_all_or_nothing(spine: Spine, clock: FakeClock):
    ids = spine.submit(*USERS, channel="shelf")
    spine.shelf.answer(ids[2], Transient("locked"))
    assert spine.delivery.deliver("shelf", ids) == [Again(id_, 10) for id_ in ids]
    assert [spine.attempts(id_) for id_ in ids] == [["transient"]] * 4
    clock.advance(seconds=10)
    assert spine.delivery.deliver("shelf", ids) == []
    assert spine.states(ids) == [("delivered", None)] * 4
    assert not any(spine.row(id_).possible_duplicate for id_ in ids)


def test_what_is_unknown_is_left_out(spine: Spine, channel: Scripted, ids: list[str]):
    assert spine.delivery.deliver(channel.name, ["ntf_unknown"]) == []
    assert spine.delivery.deliver(channel.name, []) == []
    spine.delivery.deliver(channel.name, ["ntf_unknown", ids[0], ids[0]])
    assert channel.sent == ids[:1]
