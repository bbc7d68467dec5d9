"""Sockets that keep to one deadline from the first look-up to the last byte.

A socket's own timeout starts anew with every call, so a peer that drips bytes can hold a caller for ever. Here the
time that is left is set again before each call.
"""

import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import certifi

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[Address]]

_PIECE = 65_536


class OutOfTime(OSError):
    """The deadline passed."""


class NoSuchName(OSError):
    """The host name could not be resolved."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment, on the monotonic clock, by which everything has to be over."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The moment that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds that are left, more than zero; raises OutOfTime when there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return left


def look_up(host: str, port: int) -> Sequence[Address]:
    """All addresses the system's resolver knows for a name; raises NoSuchName."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoSuchName from error
    return tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


class TimedResolver:
    """Asks another resolver, but waits no longer than the deadline.

    The system's look-up takes no timeout, so it runs on a thread that is left behind when it is late; no more than
    `most` of them are under way at a time.
    """

    def __init__(self, resolver: Resolver = look_up, *, most: int = 32) -> None:
        self._resolver = resolver
        self._slots = threading.BoundedSemaphore(most)

    def __call__(self, host: str, port: int, deadline: Deadline) -> Sequence[Address]:
        """The addresses of a host, at least one; raises NoSuchName or OutOfTime."""
        try:
            return (ip_address(host),)
        except ValueError:
            pass
        if not self._slots.acquire(timeout=deadline.left()):
            raise OutOfTime
        answer: list[Sequence[Address] | OSError] = []

        def work() -> None:
            try:
                answer.append(self._resolver(host, port))
            except OSError as error:
                answer.append(error)
            finally:
                self._slots.release()

        thread = threading.Thread(target=work, name="resolver", daemon=True)
        thread.start()
        thread.join(deadline.left())
        if not answer:
            raise OutOfTime
        if isinstance(answer[0], OSError):
            raise answer[0]
        if not answer[0]:
            raise NoSuchName
        return answer[0]


def dial(addresses: Sequence[Address], port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first of the addresses that takes the connection; raises OSError when none does.

    Each address gets an even share of the time that is left, so that a dead first one does not use it all up. The
    socket is given back only if its other end is the address that was asked for.
    """
    problem: OSError = OutOfTime()
    for tried, address in enumerate(addresses):
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(deadline.left() / (len(addresses) - tried))
            connection.connect((str(address), port))
            if ip_address(connection.getpeername()[0]) == address:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
        except OSError as error:
            problem = error
        connection.close()
    raise problem


class ClientTls:
    """Makes the TLS settings of a client when they are first needed, or gives out those it was made with."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context

    def __call__(self) -> ssl.SSLContext:
        """Settings that check certificates and names, with the system's authorities and the usual public ones."""
        if self._context is None:
            context = ssl.create_default_context()
            context.load_verify_locations(certifi.where())  # a bare machine may have none of its own
            self._context = context
        return self._context


def send_all(connection: socket.socket, data: bytes, deadline: Deadline) -> None:
    """Hand over all of the data; when it raises OSError, the peer surely has not got all of it."""
    view = memoryview(data)
    while view:
        connection.settimeout(deadline.left())
        view = view[connection.send(view[:_PIECE]) :]


class DeadlineReader(io.RawIOBase):
    """A readable file over a socket; every read ends by the moment `deadline` tells at that time."""

    def __init__(self, connection: socket.socket, deadline: Callable[[], Deadline]) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, at least one byte unless the peer has ended; raises OSError."""
        self._connection.settimeout(self._deadline().left())
        return self._connection.recv_into(buffer)
