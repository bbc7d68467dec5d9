"""Whatever a receiver writes, reading it ends as an answer or as none."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.sockets import Deadline
from channels.wire import MAX_BODY, NoAnswer, NotSent, Reply, Wire

PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.0 500\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Keep-Alive: timeout=9\r\n",
        b"\r\n",
        b"\n",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"ffffffff\r\n",
        b": \r\n",
        b"\x00\xff",
        b"abc",
    ]
)


def exchange(answer: bytes) -> Reply:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        return Wire(ours, idle_seconds=1).exchange(b"POST", Deadline.after(5))


@given(st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=12).map(b"".join))
def test_any_bytes_are_an_answer_or_none(answer: bytes):
    try:
        reply = exchange(answer)
    except NoAnswer:
        return
    assert 100 <= reply.status < 600
    assert len(reply.text) <= MAX_BODY


def test_a_request_that_cannot_be_handed_over_was_surely_not_taken():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(NotSent):
        Wire(ours, idle_seconds=1).exchange(b"POST", Deadline.after(5))


def test_a_deadline_that_has_passed_sends_nothing():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(NotSent):
            Wire(ours, idle_seconds=1).exchange(b"POST", Deadline.after(-1))
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
