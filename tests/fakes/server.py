"""A fake server's thread: listening, refusing, hanging up, on one port all the time."""

import asyncio
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.fakes.ledger import Entry, Ledger


class FakeServer(ABC):
    """A server on its own thread, on a free port of the loopback interface by default, with a ledger."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        ledger: Path | Ledger | None = None,
        tls: ssl.SSLContext | None = None,
        on_entry: Callable[[Entry], None] | None = None,
    ) -> None:
        """`ledger` may be another server's, which has its own `on_entry`."""
        self.host = host
        self.port = port
        self.ledger = ledger if isinstance(ledger, Ledger) else Ledger(ledger, on_entry)
        self.connections = 0
        """How many were opened so far."""
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=type(self).__name__, daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.BaseTransport] = set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def protocol(self) -> asyncio.BaseProtocol:
        """The conversation on a new connection."""

    def start(self) -> None:
        """Listen; returns when connections are taken."""
        self._thread.start()
        self.up()

    def up(self) -> None:
        """Take connections (again), on the same port."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def down(self) -> None:
        """Refuse connections from now on, and drop those that are open."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()

    def drop_idle(self) -> None:
        """Close the open connections, as a server does with idle ones, and go on listening."""
        asyncio.run_coroutine_threadsafe(self._close_open(), self._loop).result()

    def stop(self) -> None:
        """Stop listening and end the thread."""
        self.down()
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.ledger.close()

    def opened(self, transport: asyncio.BaseTransport) -> None:
        """Count and keep a connection."""
        self.connections += 1
        self._open.add(transport)

    def closed(self, transport: asyncio.BaseTransport) -> None:
        """Forget a connection."""
        self._open.discard(transport)

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(
            self.protocol, self.host, self.port, ssl=self._tls, backlog=512, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in list(self._open):
            abort = getattr(transport, "abort", transport.close)
            abort()
        await asyncio.sleep(0)

    async def _close_open(self) -> None:
        for transport in list(self._open):
            transport.close()
        await asyncio.sleep(0)

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
