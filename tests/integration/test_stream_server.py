"""Streams and the server under them: clients that are gone, and clients that do not read."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from app.domain.clock import SystemClock
from app.domain.ids import new_id
from app.services.fallbacks import Fallbacks
from app.services.inbox import Inbox
from app.store import migrate
from app.store.engine import Database
from tests.fakes.ports import free_port
from tests.fakes.samples import message
from tests.integration.event_stream import EventStream, asked
from tests.integration.product import ROOT, clean_environment, eventually
from tests.integration.scrape import Scrape

KEY = "operators-own-key"
# The API as it is, with a bell that nobody hears, quick signs of life, and little patience.
PROGRAM = """
from gevent import monkey
monkey.patch_all()
from dataclasses import replace
from app.bootstrap import build_services
from app.config import Settings
from app.factory import create_app
from app.observability.logging import configure_logging
from app.runtime.greenlets import Worker
from app.runtime.server import Served, serve
from app.services.inbox_streams import InboxStreams, Pace
from app.store.bell import Names
from tests.fakes.publisher import RecordingPublisher

def make_app():
    services = build_services(settings, RecordingPublisher())
    streams = InboxStreams(services.database, settings.redis_url, Names("x"), Pace(beat_seconds=0.2))
    return Served(create_app(replace(services, inbox_streams=streams)), streams.stop)

Worker.untaken_seconds = 1.0
settings = Settings.load()
configure_logging(settings, "api")
serve(settings, make_app)
"""


class Server:
    """The API in a process of its own, over a database that the test writes to."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'notifications.db'}"
        self.database = Database(url)
        migrate.upgrade(self.database)
        self.clock = SystemClock()
        self.inbox = Inbox(
            self.database, self.clock, lambda _users: None, Fallbacks(self.database, self.clock, process="test@here")
        )
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.stream = f"{self.url}/inbox/u-1/stream"
        self.log_file = folder / "log"
        environment = clean_environment(
            DATA_DIR=str(folder),
            PORT=str(port),
            ADMIN_API_KEY=KEY,
            REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
            PYTHONPATH=str(ROOT),
        )
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=folder, env=environment, stderr=log)
        eventually(lambda: "component_ready" in self.log_file.read_text())

    def put(self, count: int = 1, text: str = "x") -> None:
        """Add items to the inbox of u-1."""
        now = self.clock.now()
        self.inbox.put([message(notification_id=new_id("ntf", now), user_id="u-1", text=text) for _ in range(count)])

    def open(self) -> EventStream:
        """A stream that is read."""
        return EventStream(self.stream, token=KEY)

    def count(self) -> float:
        """How many streams are open, as it sees it."""
        return Scrape(requests.get(f"{self.url}/metrics", timeout=10).text).sum("inbox_streams_open")

    def faults(self) -> list[dict[str, object]]:
        """What it logged as an error."""
        lines = [json.loads(line) for line in self.log_file.read_text().splitlines()]
        return [line for line in lines if line["level"] == "ERROR"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.process.kill()
    server.process.wait()
    server.database.close()


def test_without_the_bell_news_come_with_the_next_sign_of_life(server: Server):
    with server.open() as page:
        eventually(lambda: page.comments > 2)
        server.put()
        page.item(read=False)
        eventually(lambda: page.unread == 1)
    assert server.faults() == []


def test_a_client_that_hung_up_is_found_by_the_next_signs_of_life(server: Server):
    connections = [asked(server.stream, KEY) for _ in range(5)]
    eventually(server.count, lambda count: count == 5)
    for raw in connections:
        raw.close()
    eventually(server.count, lambda count: count == 0)
    assert server.faults() == []


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux lets go of a client that reads nothing")
def test_a_client_that_reads_nothing_is_let_go(server: Server):
    server.put(300, text="x" * 50_000)
    with asked(f"{server.stream}?last_event_id=0", KEY, receive_bytes=4096), server.open() as reader:
        eventually(server.count, lambda count: count == 2)
        eventually(server.count, lambda count: count == 1, seconds=60)
        server.put()
        assert reader.item(text="x").data["type"] == "job.failed"
    assert server.faults() == []
