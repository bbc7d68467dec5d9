"""Workers on a real Redis that runs full and dies: kombu and Celery would end there, and say that all is well."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from kombu import Connection, Consumer, Queue
from kombu.transport import TRANSPORT_ALIASES

from tests.drills.broker import Own
from tests.integration.product import run

ALIAS = "redis-of-ours"


@pytest.fixture
def server(tmp_path) -> Iterator[Own]:
    own = Own(tmp_path)
    yield own
    own.stop()


@pytest.fixture
def connection(server, monkeypatch) -> Iterator[Connection]:
    monkeypatch.setitem(TRANSPORT_ALIASES, ALIAS, "tasks.redis_transport:Transport")
    with Connection(server.url, transport=ALIAS) as connection:
        yield connection


def consuming(channel, lane):
    """The messages that come from a lane, as a list that grows."""
    taken = []
    Consumer(channel, [Queue(lane)], on_message=taken.append).consume()
    return taken


def drain(connection):
    with suppress(socket.timeout):
        while True:
            connection.drain_events(timeout=0.3)


def test_what_a_full_broker_still_gives_is_taken_and_acknowledged(server, connection):
    taken, producer = consuming(connection.default_channel, "lane"), connection.Producer(routing_key="lane")
    producer.publish({"number": 1})
    server.limit("1kb")
    drain(connection)
    assert [message.payload for message in taken] == [{"number": 1}]
    taken[0].ack()
    server.limit("0")
    producer.publish({"number": 2})
    drain(connection)
    assert [message.payload for message in taken] == [{"number": 1}, {"number": 2}]
    taken[1].ack()


def test_a_broker_that_dies_while_work_is_in_hand_is_a_lost_connection_and_nothing_else(server, connection):
    """As Celery's consumer does it: what it lost is collected, then closed; the work ends later."""
    taken, producer = consuming(connection.default_channel, "lane"), connection.Producer(routing_key="lane")
    consuming(connection.channel(), "control")
    producer.publish({"number": 1})
    drain(connection)
    assert len(taken) == 1
    lost = connection.connection_errors
    server.stop()
    connection.collect(socket_timeout=1)
    with suppress(*lost):
        connection.close()
    with pytest.raises(lost):
        taken[0].ack()


def test_a_worker_that_cannot_go_on_says_so_by_its_exit_code(server, tmp_path):
    """It has to name its lanes at the broker, and may not."""
    settings = {"DATA_DIR": str(tmp_path / "data"), "REDIS_URL": server.url, "SECRET_KEY": "long enough for a test"}
    assert run("prepare", **settings).returncode == 0
    server.limit("1kb")
    ended = run("worker", "local", **settings)
    assert ended.returncode == 1
    assert "OutOfMemoryError" in ended.stderr
