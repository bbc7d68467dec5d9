"""A real server for the gates, which can be frozen, killed and started again."""

import signal
import subprocess
import time
from pathlib import Path

from redis import Redis

from app.config import Settings
from app.runtime.broker import EmbeddedBroker, redis_url

_START_SECONDS = 20.0


class GateServer:
    """The product's own embedded broker, in a folder of the test's."""

    def __init__(self, folder: Path) -> None:
        self._settings = Settings.load({"DATA_DIR": str(folder)})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return redis_url(self._settings)

    def start(self) -> None:
        """Start it, and return when it answers."""
        broker = EmbeddedBroker(self._settings)
        self._process = subprocess.Popen(broker.prepare(), stdout=subprocess.DEVNULL)
        give_up = time.monotonic() + _START_SECONDS
        while not broker.ready():
            assert time.monotonic() < give_up
            assert self._process.poll() is None
            time.sleep(0.01)

    def empty(self) -> None:
        """Forget everything."""
        with Redis.from_url(self.url) as client:
            client.flushall()

    def freeze(self) -> None:
        """Keep its connections and answer nothing."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._running().send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process
