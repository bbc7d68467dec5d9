"""Gunicorn's gevent worker, which lets go of connections that nobody is using: at a stop, and of lost clients.

What never reaches the application it answers in the form of the API's errors.
"""

import contextlib
import errno
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from typing import Any

import gevent
from gunicorn import util
from gunicorn.workers.ggevent import GeventWorker

from app.runtime import malformed


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves requests in greenlets; once it stops, kept connections end when they are between two requests."""

    untaken_seconds = 60.0
    """How long a client may leave what was sent to it untaken."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._idle: dict[gevent.Greenlet, gevent.Timeout] = {}

    def timeout_ctx(self) -> AbstractContextManager[None]:
        """Around the wait for a connection's next request."""
        return self._waiting()

    def notify(self) -> None:
        """Called about once a second, while it serves and while it stops."""
        super().notify()
        if not self.alive:
            for greenlet, timeout in self._idle.items():
                # As if it had waited for the next request long enough.
                greenlet.kill(timeout, block=False)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Called at SIGTERM, inside a signal handler, where nothing may wait for a lock."""
        super().handle_exit(sig, frame)
        gevent.spawn(self.app.stop_streams)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection."""
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Of a client that vanished without a word, or does not read, nothing else would tell for a quarter of an
            # hour: what was written to it is in the kernel's hands.
            milliseconds = int(self.untaken_seconds * 1000)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        super().handle(listener, client, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Serve one request of a connection."""
        try:
            super().handle_request(listener_name, req, sock, addr)
        except TimeoutError as error:
            # To gunicorn, which would log it as a fault, the same as a client that hung up.
            raise ConnectionResetError(errno.ECONNRESET, "the client takes nothing any more") from error

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what never reached the application."""
        del req, addr
        status = malformed.status_of(exc)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("request_crashed", exc_info=exc)
        else:
            # Only what kind of fault it was: its text repeats what was sent.
            self.log.warning("request_malformed", extra={"fault": type(exc).__name__})
        with contextlib.suppress(OSError):
            util.write_nonblock(client, malformed.answer(status))

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        with gevent.Timeout(self.cfg.keepalive, False) as timeout:
            me = gevent.getcurrent()
            self._idle[me] = timeout
            try:
                yield
            finally:
                del self._idle[me]
