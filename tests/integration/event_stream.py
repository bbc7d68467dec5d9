"""A reader of Server-Sent Events, as a browser is one, but one that keeps what it has heard."""

import http.client
import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from tests.integration.product import eventually


@dataclass(frozen=True)
class Heard:
    """One event, and when it came."""

    id: str
    name: str
    data: Any
    at: float


class EventStream:
    """An open stream, read by a thread of its own. A context manager: closed at the end."""

    def __init__(self, url: str, *, token: str | None = None, last_event_id: str | None = None) -> None:
        """Opens it; `status` and `headers` are those of the answer."""
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=120)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        self._connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        self._answer = self._connection.getresponse()
        self.status, self.headers = self._answer.status, self._answer.headers
        self.events: list[Heard] = []
        self.comments = 0
        self.retry: int | None = None
        self.ended = False
        self._socket = self._connection.sock
        self._thread = threading.Thread(target=self._read, name="event-stream", daemon=True)
        if self.status == 200:
            self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        # Closing alone would wait for the thread that reads.
        with suppress(OSError):
            self._socket.shutdown(2)
        if self.status == 200:
            self._thread.join(10)
        self._connection.close()

    @property
    def last_id(self) -> str:
        """What a browser would come back with."""
        return self.events[-1].id

    @property
    def unread(self) -> int | None:
        """The newest count."""
        return next((event.data["unread_count"] for event in reversed(self.events) if event.name == "unread"), None)

    def items(self) -> list[dict[str, Any]]:
        """The items it heard of, as often as it did."""
        return [event.data for event in self.events if event.name == "notification"]

    def item(self, seconds: float = 30.0, **fields: Any) -> Heard:
        """The first event about an item with these fields, waited for."""

        def find() -> Heard | None:
            for event in list(self.events):
                if event.name == "notification" and fields.items() <= event.data.items():
                    return event
            return None

        found = eventually(find, seconds=seconds)
        assert found is not None
        return found

    def _read(self) -> None:
        fields: dict[str, str] = {}
        with suppress(OSError, http.client.HTTPException, ValueError):
            for line in self._answer:
                name, colon, value = line.decode().rstrip("\n").partition(": ")
                if not line.strip():
                    self._dispatch(fields)
                    fields = {}
                elif not name:
                    self.comments += 1
                else:
                    assert colon
                    fields[name] = value
        self.ended = True

    def _dispatch(self, fields: dict[str, str]) -> None:
        if "retry" in fields:
            self.retry = int(fields["retry"])
        if "data" in fields:
            self.events.append(Heard(fields["id"], fields["event"], json.loads(fields["data"]), time.monotonic()))


def asked(url: str, token: str, *, receive_bytes: int | None = None) -> socket.socket:
    """A connection on which a stream was asked for, and nothing is read; with a small buffer it is soon full."""
    parts = urlsplit(url)
    raw = socket.socket()
    if receive_bytes is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    raw.connect((parts.hostname, parts.port))
    lines = (f"GET {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", f"Authorization: Bearer {token}")
    raw.sendall("\r\n".join([*lines, "", ""]).encode())
    return raw


def read_to_the_end(raw: socket.socket) -> bytes:
    """Everything the other side sends before it hangs up."""
    received = b""
    while more := raw.recv(65_536):
        received += more
    raw.close()
    return received
