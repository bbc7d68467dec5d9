"""The HTTP client against a receiver on loopback; that it goes where it may alone is in test_guarded_urls.py."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from channels.base import Permanent, Transient
from channels.http import Http
from channels.sockets import Address
from channels.wire import MAX_BODY
from tests.fakes.certificate import self_signed
from tests.fakes.receiver import Answer, Receiver
from tests.unit.test_guard import LOOPBACK_SPELLINGS

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def http() -> Iterator[Http]:
    made = Http(1.0, LOOPBACK)
    yield made
    made.close()


def post(http: Http, url: str, body: bytes = b"{}"):
    return http.post(url, body=body, headers={"X-Test": "1"})


class Raw:
    """A server of one's own making: `serve` gets each accepted connection."""

    def __init__(self, serve) -> None:
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self.connections = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.close()
        self._thread.join(5)

    def _run(self) -> None:
        self._socket.settimeout(0.05)
        while self._socket.fileno() >= 0:
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.connections += 1
            connection.settimeout(5)
            with connection:
                self._serve(connection)


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")).split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(answer: bytes):
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    return serve


def test_the_request_is_what_was_given(http: Http, receiver: Receiver):
    http.post(receiver.url("/a%20b?c=ü"), body=b"\x00\xff", headers={"X-Key": "v"})
    (entry,) = receiver.ledger.entries()
    assert entry["path"] == "/a%20b?c=%C3%BC"
    assert entry["headers"] == {
        "host": f"127.0.0.1:{receiver.port}",
        "x-key": "v",
        "user-agent": "im2-notifications",
        "accept-encoding": "identity",
        "content-length": "2",
    }


@pytest.mark.parametrize("spelling", LOOPBACK_SPELLINGS)
def test_a_server_on_loopback_is_not_even_connected_to(spelling: str, receiver: Receiver):
    with pytest.raises(Permanent):
        post(Http(1.0), f"http://{spelling}:{receiver.port}/")
    assert receiver.connections == 0


def test_an_address_that_is_dead_does_not_hide_the_next_one(receiver: Receiver):
    def resolve(_host: str, _port: int) -> Sequence[Address]:
        return [ip_address("127.0.0.3"), ip_address("127.0.0.1")]

    assert post(Http(1.0, LOOPBACK, resolver=resolve), f"http://hooks.example:{receiver.port}/").status == 200


def test_a_resolver_that_hangs_ends_with_the_deadline():
    hang = threading.Event()

    def resolve(_host: str, _port: int) -> Sequence[Address]:
        hang.wait(5)
        return []

    began = time.monotonic()
    with pytest.raises(Transient) as caught:
        post(Http(0.2, LOOPBACK, resolver=resolve), "http://hooks.example/")
    hang.set()
    assert time.monotonic() - began < 1
    assert not caught.value.unknown


@pytest.mark.parametrize("dripped", ["head", "endless head"])
def test_a_server_that_drips_its_head_is_left_at_the_deadline(dripped: str):
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        answer = b"HTTP/1.1 200 OK\r\n" + (
            b"X-A: b\r\n" * 10_000 if dripped == "endless head" else b"X-A: " + b"b" * 100
        )
        try:
            for byte in answer:
                connection.send(bytes([byte]))
                time.sleep(0.02)
        except OSError:
            pass

    with Raw(serve) as server:
        began = time.monotonic()
        with pytest.raises(Transient) as caught:
            post(Http(0.5, LOOPBACK), server.url)
        assert 0.4 < time.monotonic() - began < 1.0
        assert caught.value.unknown


def test_a_body_that_drips_does_not_change_the_answer_that_was_given():
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nyes")
        connection.recv(1)

    with Raw(serve) as server:
        began = time.monotonic()
        reply = post(Http(0.4, LOOPBACK), server.url)
        assert time.monotonic() - began < 1.0
        assert (reply.status, reply.text, reply.whole) == (200, "yes", False)


def test_a_server_that_never_accepts_our_bytes_surely_has_not_got_them():
    def serve(connection: socket.socket) -> None:
        time.sleep(0.8)

    with Raw(serve) as server, pytest.raises(Transient) as caught:
        post(Http(0.3, LOOPBACK), server.url, b"x" * 30_000_000)
    assert not caught.value.unknown


def test_an_early_answer_counts_though_not_all_was_sent():
    def serve(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with Raw(serve) as server:
        assert post(Http(1.0, LOOPBACK), server.url, b"x" * 3_000_000).status == 413


@pytest.mark.parametrize(
    ("answer", "status", "text", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", True),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok", True),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end", True),
        (b"HTTP/1.1 200 OK\n\nbare line ends", 200, "bare line ends", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 204, "", True),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n3\r\nay!\r\n0\r\nX: y\r\n\r\n",
            200,
            "okay!",
            True,
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 200, "ab", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab", 200, "", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", 200, "short", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", 200, "o", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", 200, "ok", True),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", 200, "", True),
        (b"HTTP/1.1 999 No\r\n\r\n", 999, "", True),
        (b"HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", 304, "", True),
        (b"HTTP/1.1 500 No\r\nX-A: 1\r\n folded\r\nContent-Length: 0\r\n\r\n", 500, "", True),
    ],
)
def test_answers_are_read(answer: bytes, status: int, text: str, whole: bool, http: Http):
    with Raw(answering(answer)) as server:
        reply = post(http, server.url)
        assert (reply.status, reply.text, reply.whole) == (status, text, whole)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000,
    ],
)
def test_what_is_no_answer_leaves_it_open_whether_the_message_was_taken(answer: bytes, http: Http):
    with Raw(answering(answer)) as server, pytest.raises(Transient) as caught:
        post(http, server.url)
    assert caught.value.unknown


@pytest.mark.parametrize("chunked", [False, True])
def test_a_huge_body_is_read_up_to_its_limit(chunked: bool, http: Http):
    size = 5 * MAX_BODY
    head = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size) if chunked else b"x" * size

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        with contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)

    with Raw(serve) as server:
        reply = post(http, server.url)
        assert (len(reply.text), reply.whole) == (MAX_BODY, False)
        assert post(http, server.url).status == 200
        assert server.connections == 2


def test_bytes_after_an_answer_are_not_the_next_answer(http: Http):
    answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with Raw(answering(answer)) as server:
        assert [post(http, server.url).status for _ in range(3)] == [500, 500, 500]


def test_connections_are_shared_by_threads_and_kept(http: Http, receiver: Receiver):
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: post(http, receiver.url()).status, range(200)))
    assert statuses == [200] * 200
    assert receiver.connections <= 4


@pytest.mark.parametrize("act", ["reset", "close"])
def test_what_was_handed_over_is_not_sent_again_by_itself(act: str, http: Http, receiver: Receiver):
    receiver.script("/", Answer(200, times=1), Answer(act=act))
    post(http, receiver.url())
    with pytest.raises(Transient) as caught:
        post(http, receiver.url())
    assert caught.value.unknown
    assert len(receiver.ledger.entries()) == 2


def test_a_connection_is_not_used_longer_than_the_server_says(http: Http, receiver: Receiver):
    receiver.script("/", Answer(200, {"Keep-Alive": "timeout=1"}), Answer(200, {"Connection": "close"}))
    for _ in range(3):
        post(http, receiver.url())
    assert receiver.connections == 3


def test_a_server_that_ends_an_idle_connection_costs_nothing_with_tls_too(tmp_path: Path):
    server, client = self_signed(tmp_path, "hooks.example")
    with Receiver(tls=server) as receiver:
        http = Http(2.0, LOOPBACK, tls=client, resolver=lambda _host, _port: [ip_address("127.0.0.1")])
        url = f"https://hooks.example:{receiver.port}/"
        for _ in range(3):
            assert post(http, url).status == 200
        assert receiver.connections == 1
        for _ in range(3):
            receiver.drop_idle()
            assert post(http, url).status == 200
        http.close()


def test_a_trusted_url_may_lead_anywhere(receiver: Receiver):
    assert post(Http(1.0, trusted=True), receiver.url()).status == 200


@pytest.mark.parametrize("header", [("X-A", "a\r\nHost: b"), ("X-A", "a\nb"), ("X A", "b"), ("X:", "b"), ("X-A", "€")])
def test_a_header_that_would_be_more_than_a_header_is_not_sent(header: tuple[str, str], http: Http, receiver: Receiver):
    with pytest.raises(Permanent):
        http.post(receiver.url(), body=b"", headers=dict([header]))
    assert receiver.connections == 0
