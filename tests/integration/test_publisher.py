"""The publisher on a broker that is there, away, frozen and back: it never waits long, and says when it failed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis

from tests.fakes.freezing import FreezingWay
from tests.fakes.gate_server import GateServer
from tests.fakes.ports import free_port
from tests.integration.product import ROOT, clean_environment
from tests.integration.servers import rabbitmq_url

# In a process of its own, since an app that has read its settings keeps them. Each line of input is one more publish.
PROGRAM = """
import json, sys, time
from app.config import Settings
from app.services.announcing import Announcement, PublishFailed
from tasks.publisher import Publisher
publisher = Publisher(Settings.load())
for line in sys.stdin:
    began = time.monotonic()
    try:
        publisher.publish(Announcement("webhook", "webhook", ("ntf_1", "ntf_2")))
        failed = None
    except PublishFailed as error:
        failed = str(error)
    took = time.monotonic() - began
    print(json.dumps({"failed": failed, "took": took, "waiting": publisher.waiting("webhook"),
        "elsewhere": publisher.waiting("email")}), flush=True)
"""
AS_THE_API = f"from gevent import monkey; monkey.patch_all(){PROGRAM}"
PATIENCE_SECONDS = 3.0


class Ringer:
    """A process that publishes when it is told to."""

    def __init__(self, folder: Path, url: str, *, program: str = PROGRAM, **settings: str) -> None:
        environ = clean_environment(REDIS_URL=url, DATA_DIR=str(folder), PYTHONPATH=str(ROOT), **settings)
        words = [sys.executable, "-c", program]
        self._process = subprocess.Popen(
            words, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ring(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("again\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GateServer]:
    server = GateServer(tmp_path)
    server.start()
    yield server
    server.stop()


def test_a_message_is_on_its_lane_with_nothing_but_ids(server: GateServer, tmp_path: Path):
    ringer = Ringer(tmp_path, server.url)
    first, second = ringer.ring(), ringer.ring()
    ringer.close()
    assert (first["failed"], first["waiting"], first["elsewhere"]) == (None, 1, 0)
    assert second["waiting"] == 2
    with Redis.from_url(server.url) as client:
        (message, _) = (json.loads(text) for text in client.lrange("webhook", 0, -1))
    assert message["headers"]["task"] == "notifications.render"
    assert message["properties"]["delivery_mode"] == 2


def test_frozen_and_back(server: GateServer, tmp_path: Path):
    ringer = Ringer(tmp_path, server.url)
    assert ringer.ring()["failed"] is None
    server.freeze()
    for _ in range(2):
        said = ringer.ring()
        assert said["failed"]
        assert said["took"] < PATIENCE_SECONDS
        assert said["waiting"] is None
    server.thaw()
    said = ringer.ring()
    assert said["failed"] is None
    # What was sent while it was frozen may be there as well: a bell may ring twice.
    assert said["waiting"] >= 2
    ringer.close()


def test_killed_and_back(server: GateServer, tmp_path: Path):
    ringer = Ringer(tmp_path, server.url)
    ringer.ring()
    server.stop()
    said = ringer.ring()
    assert said["failed"]
    assert said["took"] < PATIENCE_SECONDS
    server.start()
    assert ringer.ring()["failed"] is None
    ringer.close()


@pytest.mark.parametrize("program", [PROGRAM, AS_THE_API], ids=["in a worker", "in the API"])
def test_a_rabbitmq_that_is_frozen_and_back(program: str, tmp_path: Path):
    """Neither the connection that stands nor a new one is waited for."""
    server = urlsplit(rabbitmq_url())
    with FreezingWay(server.hostname or "", server.port or 5672) as way:
        url = server._replace(netloc=server.netloc.replace(f":{server.port}", f":{way.port}")).geturl()
        ringer = Ringer(tmp_path, f"redis://127.0.0.1:{free_port()}/0", program=program, CELERY_BROKER_URL=url)
        assert ringer.ring()["failed"] is None
        way.freeze()
        said = ringer.ring()
        assert said["failed"]
        assert said["took"] < PATIENCE_SECONDS
        assert said["waiting"] is None
        way.thaw()
        assert ringer.ring()["failed"] is None
        ringer.close()


def test_never_there(tmp_path: Path):
    ringer = Ringer(tmp_path, f"redis://127.0.0.1:{free_port()}/0")
    said = ringer.ring()
    assert (said["waiting"], bool(said["failed"])) == (None, True)
    assert said["took"] < PATIENCE_SECONDS
    ringer.close()


def test_on_rabbitmq_a_lane_that_is_not_there_yet_is_empty_and_spoils_nothing(tmp_path: Path):
    """RabbitMQ closes the channel of whoever asks for it."""
    ringer = Ringer(tmp_path, f"redis://127.0.0.1:{free_port()}/0", CELERY_BROKER_URL=rabbitmq_url())
    said = [ringer.ring() for _ in range(3)]
    assert [(one["failed"], one["elsewhere"]) for one in said] == [(None, 0)] * 3
    # What was published a moment ago may not be in the count yet.
    assert said[2]["waiting"] >= 2
    ringer.close()
