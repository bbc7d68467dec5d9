"""The gates over a real server."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from app.store.breaker import Breakers, Leave
from app.store.gate_link import GateLink
from app.store.gates import GATES, Gates, Limit
from app.store.pace import Paces, Turn
from channels.base import Pace
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.ports import free_port

WINDOW = timedelta(minutes=5)
MILLISECOND = timedelta(milliseconds=1)
# One answer is waited for a second, and asked for once more.
PATIENCE_SECONDS = 4.0


@pytest.fixture
def passed() -> list[str]:
    """The gates that let pass unasked, in order."""
    return []


@pytest.fixture
def gates(gate_server: GateServer, passed: list[str]) -> Iterator[Gates]:
    link = GateLink(gate_server.url, passed.append)
    yield Gates(link)
    link.close()


def limits(most: int, *ids: str, user_id: str = "u-1", channel: str = "email") -> list[Limit]:
    return [Limit(id_, user_id, channel, most) for id_ in ids]


def test_the_first_has_it_and_later_ones_learn_whose_it_is(gates: Gates, clock: FakeClock):
    assert gates.repeats([("p", "a")], WINDOW, clock.now()) == {}
    assert gates.repeats([("p", "b"), ("q", "c")], WINDOW, clock.now()) == {"b": "a"}


def test_asking_again_for_the_same_id_gives_the_same_answer(gates: Gates, clock: FakeClock):
    for _ in range(3):
        assert gates.repeats([("p", "a"), ("p", "b")], WINDOW, clock.now()) == {"b": "a"}
        clock.advance(seconds=20)


def test_the_window_runs_from_the_first_whoever_asks_meanwhile(gates: Gates, clock: FakeClock):
    gates.repeats([("p", "a")], WINDOW, clock.now())
    clock.advance(minutes=4)
    assert gates.repeats([("p", "a"), ("p", "b")], WINDOW, clock.now()) == {"b": "a"}
    clock.advance(seconds=59, milliseconds=999)
    assert gates.repeats([("p", "b")], WINDOW, clock.now()) == {"b": "a"}
    clock.advance(milliseconds=1)
    assert gates.repeats([("p", "b"), ("p", "c")], WINDOW, clock.now()) == {"c": "b"}


def test_a_dead_owner_is_taken_over_by_one(gates: Gates, clock: FakeClock):
    now = clock.now()
    gates.repeats([("p", "dead")], WINDOW, now)
    assert gates.take_over([("p", "b", "dead")], WINDOW, now) == {}
    assert gates.take_over([("p", "c", "dead")], WINDOW, now) == {"c": "b"}
    assert gates.take_over([("p", "b", "dead")], WINDOW, now) == {}
    assert gates.repeats([("p", "d")], WINDOW, now) == {"d": "b"}


def test_what_is_taken_over_twice_in_one_list_goes_to_the_first(gates: Gates, clock: FakeClock):
    gates.repeats([("p", "dead")], WINDOW, clock.now())
    assert gates.take_over([("p", "b", "dead"), ("p", "c", "dead")], WINDOW, clock.now()) == {"c": "b"}


def test_of_twenty_at_once_one_is_the_first(gates: Gates, clock: FakeClock):
    answers = at_once(20, lambda n: gates.repeats([("p", f"n-{n}")], WINDOW, clock.now()))
    assert sum(answer == {} for answer in answers) == 1
    owners = {owner for answer in answers if isinstance(answer, dict) for owner in answer.values()}
    assert len(owners) == 1


def test_of_twenty_at_once_as_many_pass_as_may(gates: Gates, clock: FakeClock):
    answers = at_once(20, lambda n: gates.over_limit(limits(7, f"n-{n}"), WINDOW, clock.now()))
    assert sum(answer == {} for answer in answers) == 7


def test_the_limit_is_exact_within_a_list_and_by_user_and_channel(gates: Gates, clock: FakeClock):
    now = clock.now()
    assert gates.over_limit(limits(2, "a", "b", "c"), WINDOW, now) == {"c": now + WINDOW}
    assert gates.over_limit(limits(2, "d", user_id="u-2") + limits(2, "e", channel="webhook"), WINDOW, now) == {}


def test_what_has_passed_passes_again_and_counts_once(gates: Gates, clock: FakeClock):
    for _ in range(3):
        assert gates.over_limit(limits(2, "a"), WINDOW, clock.now()) == {}
        clock.advance(seconds=1)
    assert gates.over_limit(limits(2, "b"), WINDOW, clock.now()) == {}


def test_the_window_slides_and_says_when_it_frees(gates: Gates, clock: FakeClock):
    first = clock.now()
    gates.over_limit(limits(2, "a"), WINDOW, first)
    second = clock.advance(minutes=2)
    gates.over_limit(limits(2, "b"), WINDOW, second)
    now = clock.advance(minutes=2)
    assert gates.over_limit(limits(2, "c"), WINDOW, now) == {"c": first + WINDOW}
    assert gates.over_limit(limits(2, "c"), WINDOW, first + WINDOW - MILLISECOND) == {"c": first + WINDOW}
    assert gates.over_limit(limits(2, "c"), WINDOW, first + WINDOW) == {}
    assert gates.over_limit(limits(2, "d"), WINDOW, first + WINDOW) == {"d": second + WINDOW}


def test_what_is_over_the_limit_takes_no_place(gates: Gates, clock: FakeClock):
    start = clock.now()
    gates.over_limit(limits(1, "a"), WINDOW, start)
    for _ in range(4):
        gates.over_limit(limits(1, "b"), WINDOW, clock.advance(minutes=1))
    assert gates.over_limit(limits(1, "b"), WINDOW, start + WINDOW) == {}


def test_a_lowered_limit_frees_when_enough_have_left(gates: Gates, clock: FakeClock):
    start = clock.now()
    for minute, id_ in enumerate("abc"):
        gates.over_limit(limits(3, id_), WINDOW, start + timedelta(minutes=minute))
    assert gates.over_limit(limits(1, "d"), WINDOW, start + timedelta(minutes=3)) == {
        "d": start + timedelta(minutes=2) + WINDOW
    }


def test_who_is_forgotten_begins_anew_and_nobody_else(gates: Gates, clock: FakeClock):
    gates.over_limit([*limits(1, "a"), *limits(1, "b", channel="webhook")], WINDOW, clock.now())
    gates.over_limit(limits(1, "c", user_id="u-2"), WINDOW, clock.now())
    gates.forget("u-1", ["email", "webhook"])
    fresh = [*limits(1, "d"), *limits(1, "e", channel="webhook"), *limits(1, "f", user_id="u-2")]
    assert set(gates.over_limit(fresh, WINDOW, clock.now())) == {"f"}


def test_no_key_tells_whose_it_is(gates: Gates, gate_server: GateServer, clock: FakeClock):
    gates.over_limit(limits(5, "a", user_id="ada@home.example"), WINDOW, clock.now())
    link = GateLink(gate_server.url, lambda _gate: None)
    Gates(link, secret="another").over_limit(limits(5, "a", user_id="ada@home.example"), WINDOW, clock.now())
    link.close()
    with Redis.from_url(gate_server.url, decode_responses=True) as client:
        keys = client.keys("*")
    assert len(keys) == 2
    assert not [key for key in keys if "ada" in key]


def test_a_target_is_parked_until_its_time_and_only_it(gates: Gates, clock: FakeClock):
    until = clock.now() + timedelta(seconds=30)
    gates.park("email", "place-1", until, clock.now())
    assert gates.parked_until("email", "place-1", clock.now()) == until
    assert gates.parked_until("email", "place-2", clock.now()) is None
    assert gates.parked_until("email", "place-1", until) is None


def test_a_parked_host_parks_all_that_is_there(gates: Gates, clock: FakeClock):
    now = clock.now()
    host, place = now + timedelta(seconds=30), now + timedelta(seconds=50)
    gates.park("discord", "host-1", host, now)
    gates.park("discord", "host-1#a", place, now)
    parked = {one: gates.parked_until("discord", one, now) for one in ("host-1#a", "host-1#b", "host-2#a")}
    assert parked == {"host-1#a": place, "host-1#b": host, "host-2#a": None}


def test_a_short_rest_does_not_end_a_long_one(gates: Gates, clock: FakeClock):
    now = clock.now()
    for seconds in (30, 2, 40):
        gates.park("slack", "place-1", now + timedelta(seconds=seconds), now)
        assert gates.parked_until("slack", "place-1", now) == now + timedelta(seconds=max(seconds, 30))


def test_the_keys_clean_up_after_themselves(gates: Gates, gate_server: GateServer, clock: FakeClock):
    now = clock.now()
    gates.repeats([("p", "a")], WINDOW, now)
    gates.over_limit(limits(1, "a"), WINDOW, now)
    gates.park("email", "place-1", now + WINDOW, now)
    with Redis.from_url(gate_server.url) as client:
        lifetimes = [client.pttl(key) for key in client.scan_iter()]
    assert len(lifetimes) == 3
    assert all(0 < lifetime <= WINDOW / MILLISECOND for lifetime in lifetimes)


def ask_all(link: GateLink, clock: FakeClock) -> list[object]:
    """One question to each gate."""
    now, gates, breakers, paces = clock.now(), Gates(link), Breakers(link), Paces(link)
    gates.park("email", "place-1", now + WINDOW, now)
    return [
        gates.repeats([("p", "b")], WINDOW, now),
        gates.take_over([("p", "b", "a")], WINDOW, now),
        gates.over_limit(limits(0, "b"), WINDOW, now),
        gates.parked_until("email", "place-1", now),
        breakers.ask("email", "place-1", now),
        breakers.failed("email", "place-1", now),
        breakers.answered("email", "place-1"),
        breakers.give_back("email", "place-1", 1),
        breakers.counts(now),
        paces.take("email", "place-1", Pace(60), now),
        paces.book("email", "place-1", Turn(now, WINDOW), 3, now),
        paces.slow_down("email", "place-1", None, now),
    ]


def nothing_in_the_way(clock: FakeClock) -> list[object]:
    """What they answer when they are not there."""
    return [{}, {}, {}, None, Leave(), None, False, False, {}, Turn(), clock.now(), None]


def test_without_a_server_everything_passes_at_once_and_is_counted(clock: FakeClock, passed: list[str]):
    link = GateLink(f"redis://127.0.0.1:{free_port()}/0", passed.append)
    began = time.monotonic()
    assert ask_all(link, clock) == nothing_in_the_way(clock)
    assert time.monotonic() - began < 1
    assert passed == ["park", "dedupe", "dedupe", "rate_limit", "park", *["breaker"] * 5, *["pace"] * 3]
    assert set(passed) == set(GATES)


def test_a_frozen_server_costs_one_wait_and_then_nothing(clock: FakeClock, passed: list[str], tmp_path: Path):
    server = GateServer(tmp_path)
    server.start()
    link = GateLink(server.url, passed.append)
    gates = Gates(link)
    try:
        gates.repeats([("p", "a")], WINDOW, clock.now())
        server.freeze()
        began = time.monotonic()
        assert gates.repeats([("p", "b")], WINDOW, clock.now()) == {}
        assert time.monotonic() - began < PATIENCE_SECONDS
        began = time.monotonic()
        assert ask_all(link, clock) == nothing_in_the_way(clock)
        assert time.monotonic() - began < 0.2
        assert len(passed) == 14
    finally:
        link.close()
        server.stop()


def test_a_server_that_came_back_is_asked_again(clock: FakeClock, passed: list[str], tmp_path: Path):
    server = GateServer(tmp_path)
    server.start()
    link = GateLink(server.url, passed.append)
    gates = Gates(link)
    try:
        gates.repeats([("p", "a")], WINDOW, clock.now())
        server.stop()
        server.start()
        # A connection that a restart has cut is no failure. Scripts are loaded again, and what was claimed may be lost.
        gates.repeats([("q", "a")], WINDOW, clock.now())
        assert gates.repeats([("q", "b")], WINDOW, clock.now()) == {"b": "a"}
        assert passed == []
    finally:
        link.close()
        server.stop()
