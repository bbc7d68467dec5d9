"""The bell over a real server."""

import queue
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from app.store.bell import Bell, Listener, Names
from tests.fakes.at_once import at_once
from tests.fakes.gate_server import GateServer
from tests.fakes.ports import free_port

NAMES = Names("a secret key of the test")
PATIENCE_SECONDS = 30.0


class Ear:
    """A listener, and what it heard: sets of names, and None where some may have been missed."""

    def __init__(self, url: str, quiet_seconds: float) -> None:
        self._heard: queue.Queue[Collection[str] | None] = queue.Queue()
        self.listener = Listener(url, self._heard.put, quiet_seconds=quiet_seconds)
        self.listener.start()

    def missed(self) -> None:
        """Wait for the news that it listens, and may have missed something."""
        while self._heard.get(timeout=PATIENCE_SECONDS) is not None:
            pass

    def names(self) -> set[str]:
        """The names that come next."""
        heard = self._heard.get(timeout=PATIENCE_SECONDS)
        assert heard is not None
        return set(heard)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def bell_at(url: str, stack: ExitStack) -> Bell:
    bell = Bell(url, NAMES)
    stack.callback(bell.close)
    return bell


def ear_at(url: str, stack: ExitStack, quiet_seconds: float = 5.0) -> Ear:
    ear = Ear(url, quiet_seconds)
    stack.callback(ear.listener.close)
    return ear


def server_of_our_own(folder: Path, stack: ExitStack) -> GateServer:
    server = GateServer(folder)
    stack.callback(server.stop)
    server.start()
    return server


def test_everybody_who_listens_hears_whose_inbox_changed(gate_server: GateServer, stack: ExitStack):
    bell = bell_at(gate_server.url, stack)
    ears = [ear_at(gate_server.url, stack) for _ in range(2)]
    for ear in ears:
        ear.missed()
    bell.ring(["u-1", "u-2"])
    for ear in ears:
        assert ear.names() == {NAMES.of("u-1"), NAMES.of("u-2")}


def test_what_is_rung_at_the_same_time_is_all_heard(gate_server: GateServer, stack: ExitStack):
    bell, ear = bell_at(gate_server.url, stack), ear_at(gate_server.url, stack)
    ear.missed()
    assert at_once(20, lambda n: bell.ring([f"u-{n}"])) == [None] * 20
    wanted = {NAMES.of(f"u-{n}") for n in range(20)}
    heard: set[str] = set()
    while heard < wanted:
        heard |= ear.names()
    assert heard == wanted


def test_nothing_of_a_user_is_on_the_wire_or_kept(gate_server: GateServer, stack: ExitStack):
    bell, ear = bell_at(gate_server.url, stack), ear_at(gate_server.url, stack)
    ear.missed()
    bell.ring(["ada@example.com"])
    (name,) = ear.names()
    assert "ada" not in name
    assert name != Names("another secret key").of("ada@example.com")
    with Redis.from_url(gate_server.url) as client:
        assert client.keys() == []


def test_what_is_rung_before_the_end_is_heard(gate_server: GateServer, stack: ExitStack):
    ear = ear_at(gate_server.url, stack)
    ear.missed()
    bell = Bell(gate_server.url, NAMES)
    bell.ring(["u-1"])
    bell.close()
    assert ear.names() == {NAMES.of("u-1")}
    bell.ring(["u-2"])


def test_ringing_for_nobody_does_nothing(gate_server: GateServer, stack: ExitStack):
    bell, ear = bell_at(gate_server.url, stack), ear_at(gate_server.url, stack)
    ear.missed()
    bell.ring([])
    bell.ring(["u-1"])
    assert ear.names() == {NAMES.of("u-1")}


def test_after_a_restart_of_the_server_it_is_heard_again(tmp_path: Path, stack: ExitStack):
    server = server_of_our_own(tmp_path, stack)
    bell, ear = bell_at(server.url, stack), ear_at(server.url, stack)
    ear.missed()
    server.stop()
    server.start()
    ear.missed()
    bell.ring(["u-1"])
    assert ear.names() == {NAMES.of("u-1")}


def test_a_server_that_comes_late_is_waited_for(tmp_path: Path, stack: ExitStack):
    server = server_of_our_own(tmp_path, stack)
    url = server.url
    server.stop()
    ear = ear_at(url, stack)
    server.start()
    ear.missed()


def test_a_quiet_connection_is_kept_and_one_without_another_end_is_not(tmp_path: Path, stack: ExitStack):
    server = server_of_our_own(tmp_path, stack)
    bell, ear = bell_at(server.url, stack), ear_at(server.url, stack, quiet_seconds=0.5)
    ear.missed()
    time.sleep(1.5)  # that nothing happens for a while is the point
    bell.ring(["u-1"])
    assert ear.names() == {NAMES.of("u-1")}
    server.freeze()
    # Longer than it waits for an answer: it gives this connection up, and has to make another one.
    time.sleep(2.5)
    server.thaw()
    ear.missed()


@pytest.mark.parametrize("trouble", ["away", "frozen"])
def test_nobody_waits_for_a_server_in_trouble(tmp_path: Path, stack: ExitStack, trouble: str):
    if trouble == "away":
        url = f"redis://127.0.0.1:{free_port()}/0"
    else:
        server = server_of_our_own(tmp_path, stack)
        url = server.url
        server.freeze()
    bell = bell_at(url, stack)
    began = time.monotonic()
    for number in range(1000):
        bell.ring([f"u-{number}"])
    assert time.monotonic() - began < 1
