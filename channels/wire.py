"""One HTTP/1.1 connection, from a request's bytes to the bounded answer.

The standard library reads the answer; ours is that one deadline holds for every single read, that the answer is
bounded, and that it is known whether the receiver can have acted on a request that got none.
"""

import io
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import cast

from channels.sockets import Deadline, DeadlineReader, send_all

MAX_BODY = 65_536
_MAX_IDLE = 256
_MAX_AGE = 60.0  # seconds; then the name is resolved again
_KEEP_ALIVE = re.compile(r"timeout=([0-9]{1,6})")
_NO_BODY = frozenset({101, 204, 304})


class NotSent(OSError):
    """The request was not handed over whole, so the receiver cannot have acted on it."""


class NoAnswer(OSError):
    """The request was handed over, and no whole answer head came back: the receiver may have acted on it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: header names in lower case, at most 64 KiB of its body; `whole` is false when more was to come."""

    status: int
    headers: dict[str, str]
    text: str
    whole: bool = True


class _Answers(io.BufferedReader):
    """What answers are read from, one after another; an answer closes it when it ends, which means nothing here."""

    def makefile(self, _mode: str) -> "_Answers":
        """Itself: to a response this is the socket."""
        return self

    def close(self) -> None:
        """Do nothing."""


class Wire:
    """A connection that is used for one request after another, by one thread at a time.

    It may wait `idle_seconds` for its next request, or less if the receiver says so.
    """

    def __init__(self, connection: socket.socket, *, idle_seconds: float) -> None:
        self._socket = connection
        self._idle_seconds = idle_seconds
        self._too_old_at = time.monotonic() + _MAX_AGE
        self._stale_at = 0.0
        self._deadline = Deadline.after(0)
        self._answers = _Answers(DeadlineReader(connection, lambda: self._deadline))
        self.reusable = False

    def alive(self) -> bool:
        """Whether the peer has kept the idle connection open, as far as it can be seen from here."""
        if time.monotonic() >= self._stale_at:
            return False
        try:
            self._socket.settimeout(0)
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.recv(1)
            else:
                self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False  # its end, or an answer that nobody asked for

    def exchange(self, request: bytes, deadline: Deadline, method: str = "POST") -> Reply:
        """Send a request and read its answer; raises NotSent or NoAnswer. Look at `reusable` afterwards."""
        self.reusable = False
        self._deadline = deadline
        unsent: OSError | None = None
        try:
            send_all(self._socket, request, deadline)
        except OSError as error:
            unsent = error  # the receiver may have answered early, say with 413, and hung up
        try:
            response = self._head(method)
        except (OSError, HTTPException, ValueError) as error:
            if unsent is not None:
                raise NotSent from unsent
            raise NoAnswer from error
        framed = response.chunked or response.length is not None
        body, whole = self._body(response)
        headers: dict[str, str] = {}
        for given, value in response.getheaders():
            name = given.lower()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self.reusable = (
            not unsent
            and whole
            and framed
            and not response.will_close
            and not self._has_more()
            and self._may_stay(headers)
        )
        return Reply(response.status, headers, body.decode("utf-8", "replace"), whole)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _head(self, method: str) -> HTTPResponse:
        """The head of the final answer."""
        while True:
            # It asks of a socket nothing but `makefile`.
            response = HTTPResponse(cast("socket.socket", self._answers), method=method)
            response.begin()
            if response.status == 101 or response.status >= 200:
                return response

    def _body(self, response: HTTPResponse) -> tuple[bytes, bool]:
        """At most 64 KiB of the body, and whether that is all of it."""
        if response.status in _NO_BODY:
            return b"", True
        promised = None if response.chunked else response.length
        most = MAX_BODY + 1 if promised is None else min(promised, MAX_BODY)
        pieces, size, ended = [], 0, False
        try:
            while size < most and not ended:
                piece = response.read1(most - size)
                pieces.append(piece)
                size += len(piece)
                ended = not piece
        except (OSError, HTTPException, ValueError):
            return b"".join(pieces)[:MAX_BODY], False
        return b"".join(pieces)[:MAX_BODY], ended if promised is None else size == promised

    def _has_more(self) -> bool:
        """Whether bytes were read that belong to no answer."""
        self._deadline = Deadline.after(0)
        try:
            return bool(self._answers.peek(1))
        except OSError:
            return False

    def _may_stay(self, headers: dict[str, str]) -> bool:
        told = _KEEP_ALIVE.search(headers.get("keep-alive", ""))
        idle = min(self._idle_seconds, int(told[1]) - 1) if told else self._idle_seconds
        self._stale_at = min(time.monotonic() + idle, self._too_old_at)
        return True


class KeptWires:
    """Idle connections by origin; the one used last is taken first, and the oldest go when there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[str, list[Wire]] = {}
        self._count = 0

    def take(self, origin: str) -> Wire | None:
        """A connection that is still open, which is now the caller's alone; None when a new one is needed."""
        while True:
            with self._lock:
                if origin not in self._idle:
                    return None
                wire = self._pop(origin, -1)
            if wire.alive():
                return wire
            wire.close()

    def give(self, origin: str, wire: Wire) -> None:
        """Keep a connection for the next request to its origin."""
        excess: Wire | None = None
        with self._lock:
            self._idle.setdefault(origin, []).append(wire)
            self._count += 1
            if self._count > _MAX_IDLE:
                excess = self._pop(next(iter(self._idle)), 0)
        if excess is not None:
            excess.close()

    def close(self) -> None:
        """Close all that are idle."""
        with self._lock:
            wires = [wire for kept in self._idle.values() for wire in kept]
            self._idle.clear()
            self._count = 0
        for wire in wires:
            wire.close()

    def _pop(self, origin: str, index: int) -> Wire:
        wires = self._idle[origin]
        wire = wires.pop(index)
        self._count -= 1
        if not wires:
            del self._idle[origin]
        return wire
