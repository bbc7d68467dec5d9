"""The API's server, as a process over a tiny application."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fakes.ports import free_port
from tests.integration.test_supervisor import gone

ROOT = Path(__file__).parents[2]
PROGRAM = """
from gevent import monkey
monkey.patch_all()
import os
from app.config import Settings
from app.observability.logging import configure_logging
from app.runtime.server import Served, serve

def make_app():
    made_in = os.getpid()
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        seen = environ["wsgi.url_scheme"], environ["PATH_INFO"]
        return [" ".join(map(str, (os.getppid(), made_in, os.getpid(), *seen))).encode()]
    return Served(app, lambda: None)

settings = Settings.load()
configure_logging(settings, "api")
serve(settings, make_app)
"""


@pytest.fixture
def server(tmp_path) -> Iterator[tuple[subprocess.Popen[bytes], str, dict[str, Any]]]:
    (tmp_path / "gunicorn.conf.py").write_text("raise SystemExit('this file must not be read')")
    port = free_port()
    environ = os.environ | {"PORT": str(port), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environ.pop("XDG_RUNTIME_DIR", None)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environ, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        ready = json.loads(process.stderr.readline())
        yield process, f"http://127.0.0.1:{port}/", ready
        process.kill()


def test_it_says_when_it_is_ready_and_where(server):
    _, url, ready = server
    assert (ready["message"], ready["component"]) == ("component_ready", "api")
    assert ready["where"] + "/" == url
    assert requests.get(url, timeout=5).status_code == 200


def test_the_app_is_made_in_the_process_that_serves(server):
    process, url, _ = server
    master, made_in, serves, *_ = requests.get(url, timeout=5).text.split()
    assert int(master) == process.pid
    assert made_in == serves != master


def test_a_stop_is_quick_and_orderly(server, tmp_path):
    process, url, _ = server
    requests.get(url, timeout=5)
    process.terminate()
    assert process.wait(5) == 0
    assert not (tmp_path / ".gunicorn").exists()


def test_a_stop_does_not_wait_for_kept_connections(server):
    process, url, _ = server
    with requests.Session() as http:
        assert http.get(url, timeout=5).status_code == 200
        process.terminate()
        assert process.wait(5) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_killed_master_leaves_no_worker(server):
    process, url, _ = server
    worker = int(requests.get(url, timeout=5).text.split()[2])
    process.send_signal(signal.SIGKILL)
    assert gone(worker)


def test_headers_without_end_are_refused(server):
    _, url, _ = server
    assert requests.get(url, headers={"X-Long": "x" * 20_000}, timeout=5).status_code == 431
    many = {f"X-{number}": "x" for number in range(100)}
    assert requests.get(url, headers=many, timeout=5).status_code in {400, 431}


def test_what_anybody_can_write_is_not_taken_for_the_truth(server):
    _, url, _ = server
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on", "SCRIPT_NAME": "/a", "PATH_INFO": "/b"}
    assert requests.get(url + "a/c", headers=forged, timeout=5).text.split()[3:] == ["http", "/a/c"]


MALFORMED = {
    b"GARBAGE-canary": 400,
    b"GET / HTTP/9.9": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\nX canary: 1": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer canary\0": 400,
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: canary": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\nExpect: canary": 417,
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: canary": 501,
    b"GET /" + b"canary" * 2000 + b" HTTP/1.1": 414,
    b"GET / HTTP/1.1\r\nX-Long: " + b"canary" * 5000: 431,
}


@pytest.mark.parametrize("request_", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_no_request_is_answered_like_any_other_error(server, request_):
    _, url, _ = server
    address = url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=5) as connection:
        connection.sendall(request_ + b"\r\n\r\n")
        head, _, body = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:])
    problem = json.loads(body)
    assert int(head.split()[1]) == problem["status"] == MALFORMED[request_]
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert b"canary" not in body
