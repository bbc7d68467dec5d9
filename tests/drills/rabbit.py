"""A RabbitMQ of the drill's own, and what can happen to it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from kombu import Connection

from tasks.lanes import lanes
from tests.drills.processes import Process, descendants
from tests.fakes.ports import free_port

_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_START_SECONDS = 90.0
_LOOK_SECONDS = 0.25
_USER = "rabbitmq"
_USUAL_WATERMARK = "0.4"


class NoRabbit(Exception):
    """There is no RabbitMQ to run here, and why."""


class Rabbit:
    """A fresh server that trusts its guests from anywhere. A context manager; a broker as in tests.drills.broker."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        """Its hosts reach it at that address."""
        self._address = address
        self._port = free_port()
        self.url = f"amqp://guest:guest@{address}:{self._port}//"

    def __enter__(self) -> Self:
        """Start it. Raises NoRabbit; it takes root."""
        runuser = shutil.which("runuser")
        if runuser is None or not _PROGRAM.exists():
            raise NoRabbit(f"there is no {_PROGRAM}: apt-get install rabbitmq-server")
        self._as_its_user = (runuser, "-u", _USER, "--")
        self._folder = folder = Path(tempfile.mkdtemp(prefix="drill-mq-"))
        listeners = f"listeners.tcp.1 = {self._address}:{self._port}\nloopback_users = none\n"
        (folder / "rabbitmq.conf").write_text(listeners)
        (folder / "plugins").write_text("[].\n")
        shutil.chown(folder, _USER, _USER)
        self._environ = {
            "PATH": os.environ["PATH"],
            # Its own cookie is there, so that no other node of this machine talks to it.
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"drill{self._port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        }
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def flush(self) -> None:
        """Take every message from the lanes that waits there."""
        with Connection(self.url, connect_timeout=3) as connection:
            for lane in lanes():
                # There is no such lane before somebody listens on it.
                with suppress(*connection.channel_errors):
                    connection.channel().queue_purge(lane)

    def freeze(self) -> None:
        """Let it hang."""
        self._machine().send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._machine().send(signal.SIGCONT)

    def hold_down(self, seconds: float) -> float:
        """Kill it, and start an empty one after that time; its start takes some seconds more."""
        began = time.monotonic()
        self._kill()
        shutil.rmtree(self._folder / "mnesia", ignore_errors=True)
        time.sleep(seconds)
        self._start()
        return time.monotonic() - began

    def limit(self, size: str) -> None:
        """Let it take nothing from anybody, as when its memory is used up, or with 0 whatever comes."""
        watermark = _USUAL_WATERMARK if size == "0" else "0"
        words = (str(_PROGRAM.with_name("rabbitmqctl")), "set_vm_memory_high_watermark", watermark)
        subprocess.run(
            (*self._as_its_user, *words), cwd=self._folder, env=self._environ, check=True, stdout=subprocess.DEVNULL
        )

    def published(self) -> None:
        """It does not say how much it took."""

    def _start(self) -> None:
        quiet = subprocess.DEVNULL
        words = (*self._as_its_user, str(_PROGRAM))
        self._server = subprocess.Popen(
            words, cwd=self._folder, env=self._environ, stdin=quiet, stdout=quiet, stderr=quiet
        )
        give_up = time.monotonic() + _START_SECONDS
        while True:
            try:
                with Connection(self.url, connect_timeout=3) as connection:
                    connection.connect()
            except OSError as error:
                if self._server.poll() is not None or time.monotonic() > give_up:
                    raise NoRabbit(f"RabbitMQ did not start: {error}") from None
                time.sleep(_LOOK_SECONDS)
            else:
                return

    def _machine(self) -> Process:
        """The process that does its work; shells stand before it that do not pass signals on."""
        return next(one for one in descendants(self._server.pid) if Path(one.words[0]).name.startswith("beam"))

    def _kill(self) -> None:
        for process in (*descendants(self._server.pid), Process(self._server.pid, ())):
            process.send(signal.SIGKILL)
        self._server.wait()
