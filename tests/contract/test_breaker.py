"""Breakers over a real server: when they open, for how long, and who is the probe."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from app.store.breaker import FAILURES, FIRST_WAIT, LONGEST_WAIT, PROBE_TIME, Breakers, Leave
from app.store.gate_link import GateLink
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer

PLACE = ("letters", "place-1")
SECOND = timedelta(seconds=1)


@pytest.fixture
def link(gate_server: GateServer) -> Iterator[GateLink]:
    failed: list[str] = []
    link = GateLink(gate_server.url, failed.append)
    yield link
    link.close()
    assert failed == []


@pytest.fixture
def breakers(link: GateLink) -> Breakers:
    return Breakers(link)


def open_it(breakers: Breakers, clock: FakeClock) -> datetime:
    """Let the target fail until its breaker opens; until when."""
    answers = [breakers.failed(*PLACE, clock.now()) for _ in range(FAILURES)]
    assert answers[:-1] == [None] * (FAILURES - 1)
    assert answers[-1] is not None
    return answers[-1]


def test_it_opens_at_the_fifth_failure_in_a_row(breakers: Breakers, clock: FakeClock):
    for _ in range(FAILURES - 1):
        assert breakers.failed(*PLACE, clock.now()) is None
    assert not breakers.answered(*PLACE)
    assert open_it(breakers, clock) == clock.now() + timedelta(seconds=30)
    assert breakers.ask(*PLACE, clock.now()) == Leave(clock.now() + timedelta(seconds=30))
    assert breakers.ask("letters", "place-2", clock.now()) == breakers.ask("hooks", "place-1", clock.now()) == Leave()
    assert breakers.counts(clock.now()) == {"letters": {"open": 1}}


def test_it_waits_twice_as_long_each_time_up_to_ten_minutes(breakers: Breakers, clock: FakeClock):
    until, waits = open_it(breakers, clock), []
    for _ in range(7):
        waits.append((until - clock.now()).total_seconds())
        clock.advance(seconds=waits[-1])
        assert breakers.counts(clock.now()) == {"letters": {"half_open": 1}}
        probe = breakers.ask(*PLACE, clock.now()).probe
        assert probe is not None
        ends = breakers.failed(*PLACE, clock.now(), probe)
        assert ends is not None
        until = ends
    assert waits == [30, 60, 120, 240, 480, 600, 600]


def test_an_answer_closes_it_and_forgets_everything(breakers: Breakers, clock: FakeClock):
    clock.advance(seconds=(open_it(breakers, clock) - clock.now()).total_seconds())
    assert breakers.ask(*PLACE, clock.now()).probe is not None
    assert breakers.answered(*PLACE)
    assert not breakers.answered(*PLACE)
    assert breakers.ask(*PLACE, clock.now()) == Leave()
    assert open_it(breakers, clock) == clock.now() + FIRST_WAIT


def test_of_many_at_once_one_is_the_probe(breakers: Breakers, clock: FakeClock):
    clock.advance(seconds=(open_it(breakers, clock) - clock.now()).total_seconds())
    leaves = at_once(20, lambda _: breakers.ask(*PLACE, clock.now()))
    (probe,) = [leave.probe for leave in leaves if isinstance(leave, Leave) and leave.probe is not None]
    others = {leave.not_before for leave in leaves if isinstance(leave, Leave) and leave.probe is None}
    assert others == {clock.now() + PROBE_TIME}
    assert breakers.give_back(*PLACE, probe)
    assert not breakers.give_back(*PLACE, probe)
    assert breakers.ask(*PLACE, clock.now()).probe is not None


def test_a_probe_that_never_comes_back_is_followed_by_another(breakers: Breakers, clock: FakeClock):
    clock.advance(seconds=(open_it(breakers, clock) - clock.now()).total_seconds())
    lost = breakers.ask(*PLACE, clock.now()).probe
    clock.advance(seconds=PROBE_TIME.total_seconds())
    next_one = breakers.ask(*PLACE, clock.now()).probe
    assert None not in {lost, next_one}
    # What the lost one has to say is old by now.
    assert breakers.failed(*PLACE, clock.now(), lost) is None
    assert breakers.failed(*PLACE, clock.now(), next_one) == clock.now() + 2 * FIRST_WAIT


def test_what_was_sent_before_it_opened_does_not_lengthen_the_wait(breakers: Breakers, clock: FakeClock):
    until = open_it(breakers, clock)
    clock.advance(seconds=3)
    assert breakers.failed(*PLACE, clock.now()) == until


def test_its_keys_clean_up_after_themselves(breakers: Breakers, gate_server: GateServer, clock: FakeClock):
    open_it(breakers, clock)
    breakers.failed("hooks", "place-1", clock.now())
    clock.advance(seconds=30)
    breakers.ask(*PLACE, clock.now())
    with Redis.from_url(gate_server.url) as client:
        lifetimes = [client.ttl(key) for key in client.scan_iter()]
    assert len(lifetimes) == 2
    assert all(0 < lifetime <= 86_400 for lifetime in lifetimes)


@dataclass
class Model:
    """The same rules in Python, without any server."""

    failures: int = 0
    opened: int = 0
    ends: datetime | None = None
    probe_ends: datetime | None = None

    def ask(self, now: datetime) -> Leave | None:
        """What it says; None for a probe."""
        if self.ends is None:
            return Leave()
        if self.ends > now:
            return Leave(self.ends)
        if self.probe_ends is not None and self.probe_ends > now:
            return Leave(self.probe_ends)
        self.probe_ends = now + PROBE_TIME
        return None

    def failed(self, now: datetime, *, is_probe: bool) -> datetime | None:
        if self.ends is not None and not is_probe:
            return self.ends if self.ends > now else None
        self.failures += 1
        if self.ends is None and self.failures < FAILURES:
            return None
        self.ends, self.probe_ends = now + min(FIRST_WAIT * 2**self.opened, LONGEST_WAIT), None
        self.opened += 1
        return self.ends

    def answered(self) -> bool:
        was_open = self.ends is not None
        self.__init__()  # type: ignore[misc]  # it forgets everything
        return was_open


steps = st.lists(
    st.one_of(
        st.sampled_from(["fails", "fails", "answers", "gives back"]),
        st.sampled_from([0.0, 1.0, 29.999, 30.0, 31.0, 60.0, 600.0]),
    ),
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_it_does_what_the_rules_say_whatever_happens(
    breakers: Breakers, gate_server: GateServer, steps: list[str | float]
):
    gate_server.empty()
    clock, model, probe = FakeClock(), Model(), None
    for step in steps:
        now = clock.now()
        leave, wanted = breakers.ask(*PLACE, now), model.ask(now)
        if wanted is None:
            assert leave.probe is not None
            probe = leave.probe
        else:
            assert leave == wanted
        if isinstance(step, float):
            clock.advance(seconds=step)
        elif step == "answers":
            assert breakers.answered(*PLACE) == model.answered()
            probe = None
        elif step == "fails":
            mine = probe is not None and model.probe_ends is not None
            assert breakers.failed(*PLACE, now, probe) == model.failed(now, is_probe=mine)
            probe = None
        elif probe is not None:
            assert breakers.give_back(*PLACE, probe)
            model.probe_ends = probe = None
