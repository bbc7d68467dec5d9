"""A RabbitMQ of the drill's own, on an address that its hosts reach."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kombu import Connection

from tests.drills.processes import Process, descendants
from tests.fakes.ports import free_port

_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_START_SECONDS = 90.0
_LOOK_SECONDS = 0.25
_USER = "rabbitmq"


class NoRabbit(Exception):
    """There is no RabbitMQ to run here, and why."""


@contextmanager
def own_rabbit(address: str) -> Iterator[str]:
    """The URL of a fresh server that trusts its guests from anywhere. Raises NoRabbit; it takes root."""
    runuser = shutil.which("runuser")
    if runuser is None or not _PROGRAM.exists():
        raise NoRabbit(f"there is no {_PROGRAM}: apt-get install rabbitmq-server")
    folder = Path(tempfile.mkdtemp(prefix="drill-mq-"))
    port = free_port()
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = {address}:{port}\nloopback_users = none\n")
    (folder / "plugins").write_text("[].\n")
    shutil.chown(folder, _USER, _USER)
    environ = {
        "PATH": os.environ["PATH"],
        # Its own cookie is there, so that no other node of this machine talks to it.
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"drill{port}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
    }
    words = [runuser, "-u", _USER, "--", str(_PROGRAM)]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(words, cwd=folder, env=environ, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        url = f"amqp://guest:guest@{address}:{port}//"
        _until_it_answers(url, server)
        yield url
    finally:
        # A shell stands between that does not pass signals on.
        for process in (*descendants(server.pid), Process(server.pid, ())):
            process.send(signal.SIGKILL)
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while True:
        try:
            with Connection(url, connect_timeout=3) as connection:
                connection.connect()
        except OSError as error:
            if server.poll() is not None or time.monotonic() > give_up:
                raise NoRabbit(f"RabbitMQ did not start: {error}") from None
            time.sleep(_LOOK_SECONDS)
        else:
            return
