"""The internet and our own network, one address of loopback each.

A server listens on the same port of both, so that only the address tells them apart.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from channels.http import Http
from tests.fakes.certificate import self_signed
from tests.fakes.names import Names
from tests.fakes.receiver import Receiver

OUTER, INNER = "127.0.0.1", "127.0.0.2"
ALLOWED = [ip_network(f"{OUTER}/32")]
NAME = "hooks.example"


@dataclass
class World:
    """A server outside and one inside, and what was said of names when a connection began."""

    outer: Receiver
    inner: Receiver
    tls: ssl.SSLContext | None
    names_shown: list[str | None]

    @property
    def url(self) -> str:
        """A URL with a name, which leads where a name server says."""
        return self.at(NAME)

    def at(self, host: str) -> str:
        """The URL at a host."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.outer.port}/hook"

    def http(self, names: Names) -> Http:
        """A client that may go outside only."""
        return Http(2.0, ALLOWED, resolver=names, tls=self.tls)

    def reached(self) -> tuple[int, int]:
        """How many requests came outside, and how many inside, where nobody may even have knocked."""
        assert self.inner.connections == len(self.inner.ledger.entries())
        return len(self.outer.ledger.entries()), self.inner.connections


@contextmanager
def made(folder: Path, *, secured: bool) -> Iterator[World]:
    """Both servers, with TLS or without."""
    server, client = self_signed(folder, NAME, OUTER, INNER) if secured else (None, None)
    shown: list[str | None] = []
    if server is not None:
        server.sni_callback = lambda _socket, name, _context: shown.append(name)
    with Receiver(OUTER, tls=server) as outer, Receiver(INNER, outer.port, tls=server) as inner:
        yield World(outer, inner, client, shown)
