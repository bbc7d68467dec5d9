"""The broker of the product under test, and what can happen to it."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.runtime.broker import find_server
from tests.drills.processes import Process
from tests.fakes.ports import free_port

_LOOK_SECONDS = 0.02
_BACK_SECONDS = 60.0


class Broker(Protocol):
    """A broker that can be hurt."""

    @property
    def url(self) -> str:
        """Where it is."""

    def flush(self) -> None:
        """Empty it."""

    def freeze(self) -> None:
        """Let it hang: it takes connections and answers nothing."""

    def thaw(self) -> None:
        """Let it go on."""

    def hold_down(self, seconds: float) -> float:
        """Kill it, lose what it had stored, keep it down that long or longer; returns how long it really was away."""

    def limit(self, size: str) -> None:
        """Let it take no more than that much memory, such as 1mb; 0 is no limit."""

    def published(self) -> int | None:
        """How many messages were put on its lists since it was started; None when it does not say."""


class Embedded:
    """The broker that the product starts and, when it dies, starts again."""

    def __init__(self, data_dir: Path, find: Callable[[], Process | None]) -> None:
        """`find` tells the server's process, if there is one now."""
        self._data_dir = data_dir
        self._find = find

    def flush(self) -> None:
        """Empty it."""
        _client(self.url).flushall()

    def freeze(self) -> None:
        """Let it hang."""
        self._process().send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process().send(signal.SIGCONT)

    def hold_down(self, seconds: float) -> float:
        """Kill it, and again each time it comes back too early. The product's own waits make the outage longer."""
        began = time.monotonic()
        self._kill()
        while time.monotonic() - began < seconds:
            if self._find() is not None:
                self._kill()
            time.sleep(_LOOK_SECONDS)
        _await_answer(self.url)
        return time.monotonic() - began

    def limit(self, size: str) -> None:
        """Let it take no more memory."""
        _client(self.url).config_set("maxmemory", size)

    def published(self) -> int:
        """How many messages it took."""
        return _pushes(self.url)

    def _kill(self) -> None:
        self._process().send(signal.SIGKILL)
        shutil.rmtree(self._data_dir / "redis" / "appendonlydir", ignore_errors=True)

    def _process(self) -> Process:
        give_up = time.monotonic() + _BACK_SECONDS
        while time.monotonic() < give_up:
            if found := self._find():
                return found
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError("the embedded broker is not running")

    @property
    def url(self) -> str:
        """Where it is, by what the product wrote down."""
        return (self._data_dir / "broker.url").read_text().strip()


class Own:
    """A server of the drill's own, without persistence, on a free port: it is away exactly as long as it is told."""

    def __init__(self, directory: Path, address: str = "127.0.0.1") -> None:
        """Starts it; whoever reaches the address may use it."""
        self._directory = directory
        self._address = address
        self._port = free_port()
        self.url = f"redis://{address}:{self._port}/0"
        self._server = self._started()

    def flush(self) -> None:
        """Empty it."""
        _client(self.url).flushall()

    def freeze(self) -> None:
        """Let it hang."""
        self._server.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._server.send_signal(signal.SIGCONT)

    def hold_down(self, seconds: float) -> float:
        """Kill it and start an empty one after that time."""
        began = time.monotonic()
        self.stop()
        time.sleep(seconds)
        self._server = self._started()
        return time.monotonic() - began

    def limit(self, size: str) -> None:
        """Let it take no more memory."""
        _client(self.url).config_set("maxmemory", size)

    def published(self) -> int:
        """How many messages it took."""
        return _pushes(self.url)

    def stop(self) -> None:
        """Kill it."""
        self._server.kill()
        self._server.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        words = [
            str(find_server()),
            "--bind",
            self._address,
            "--protected-mode",
            "no",
            "--port",
            str(self._port),
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        server = subprocess.Popen(
            [*words, "--dir", str(self._directory)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        _await_answer(self.url)
        return server


def _client(url: str) -> "Redis":
    return Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))


def _pushes(url: str) -> int:
    counted = _client(url).info("commandstats")
    return int(counted.get("cmdstat_lpush", {}).get("calls", 0))


def _await_answer(url: str) -> None:
    client = _client(url)
    give_up = time.monotonic() + _BACK_SECONDS
    while True:
        try:
            client.ping()
        except RedisError:
            if time.monotonic() > give_up:
                raise
            time.sleep(_LOOK_SECONDS)
        else:
            client.close()
            return
