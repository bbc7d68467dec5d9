"""A real HTTP receiver whose answers are scripted and whose ledger tells what reached it.

In a test:      with Receiver() as receiver: receiver.script("/hook", Answer(503, times=2), Answer(200))
As a process:   python -m tests.fakes.receiver --port 8090 --ledger ledger.jsonl
                then `PUT /_script` changes the answers, `GET /_ledger` reads what came, `DELETE /_ledger` forgets it.
"""

import argparse
import asyncio
import hashlib
import json
import signal
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import parse_qs, urlsplit

from tests.fakes.server import FakeServer
from tests.fakes.turns import Turns

Act = Literal["answer", "silence", "reset", "close", "serve"]
ANY_PATH = "*"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver does with a request it has written down.

    `act` "answer" answers, "serve" leaves it to the service there, "silence" never answers; "reset" and "close" end the
    connection without a word. `delay` is the wait in seconds before the first byte, `drip` the wait between the single
    bytes of the whole answer, and `times` how many requests get this answer before the next one in the script takes
    over (None = all that follow).
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = "ok"
    delay: float = 0.0
    drip: float = 0.0
    act: Act = "answer"
    times: int | None = None
    raw: str = ""
    """These bytes instead of an HTTP answer."""

    @property
    def refuses(self) -> bool:
        """Whether the request is turned away without being carried out."""
        return bool(self.raw) or (self.act == "answer" and not 200 <= self.status < 300)

    def in_the_way_of(self, other: "Answer") -> "Answer":
        """This answer, but lost or late where the other one is, or with its words."""
        if other.act == "serve":
            return self
        if other.act != "answer" or other.delay or other.drip:
            return replace(other, status=self.status, headers=self.headers, body=self.body)
        return other

    def to_bytes(self) -> bytes:
        """The answer as it goes over the wire."""
        if self.raw:
            return self.raw.encode("latin-1")
        body = self.body.encode()
        phrase = HTTPStatus(self.status).phrase if self.status in HTTPStatus._value2member_map_ else "Unknown"
        lines = [f"HTTP/1.1 {self.status} {phrase}", *(f"{name}: {value}" for name, value in self.headers.items())]
        if not any(name.lower() in ("content-length", "transfer-encoding") for name in self.headers):
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


_DEFAULT = Answer()


@dataclass(frozen=True, slots=True)
class Request:
    """What came; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, list[str]] = field(default_factory=dict)
    """For a service: what its path, which is that below the mount, does not have any more."""


class Dialect(ABC):
    """A service that a receiver plays, at the paths that are that service's; what is scripted goes before it."""

    channel: str

    @abstractmethod
    def speaks_at(self, path: str) -> bool:
        """Whether this path is one of the service's."""

    @abstractmethod
    def key(self, request: Request) -> str:
        """By what a repeat of this message can be told."""

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """What the service answers."""

    @abstractmethod
    def reading(self, body: str) -> list[str]:
        """A message as people read it there, line by line; raises ValueError or LookupError for what is none."""


@dataclass(frozen=True, slots=True)
class Served:
    """A service's answer, with what it did and about which key, for the ledger."""

    answer: Answer
    did: str
    key: str = ""


class Service(Protocol):
    """A receiver with a memory, mounted at a path of a Receiver."""

    channel: str

    def serve(self, request: Request) -> Served:
        """Carry out a request."""


class Receiver(FakeServer):
    """An HTTP/1.1 server with keep-alive; every request is in its ledger before it is answered."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        channel: str = "webhook",
        dialects: Sequence[Dialect] = (),
        services: Mapping[str, Service] | None = None,
        **options: Any,
    ) -> None:
        """`dialects` and `services` answer what is theirs, unless the script says otherwise."""
        super().__init__(host, port, **options)
        self.channel = channel
        self.services = services or {}
        self.answers: Turns[Answer] = Turns()
        self._dialects = dialects

    def protocol(self) -> asyncio.BaseProtocol:
        """Requests and answers on one connection."""
        return _Connection(self)

    def url(self, path: str = "/") -> str:
        """The URL of a path on this receiver."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}{path}"

    def script(self, path: str, *answers: Answer) -> None:
        """Answer a path (or ANY_PATH) with these from now on."""
        self.answers.set(path, answers)

    def load(self, text: str | bytes) -> None:
        """Replace all answers by a JSON object: path → list of objects with the fields of Answer."""
        self.answers.replace(
            {path: [Answer(**entry) for entry in entries] for path, entries in json.loads(text).items()}
        )

    def take(self, request: Request) -> Answer:
        """Carry out a request, write it down, and tell how it is answered.

        A service also carries out what the script lets it answer late or never, but not what the script refuses.
        """
        scripted = self.answers.take(request.path, ANY_PATH)
        mount = next((path for path in self.services if request.path.startswith(f"{path}/")), None)
        if mount is not None:
            answer, did = self._served(mount, request, scripted)
        elif dialect := next((one for one in self._dialects if one.speaks_at(request.path)), None):
            answer = scripted or dialect.answer(request)
            did = {"channel": dialect.channel, "key": dialect.key(request)}
        else:
            answer, did = scripted or _DEFAULT, {"channel": self.channel}
        self.ledger.add(
            {
                "t": time.time(),
                "key": request.headers.get("webhook-id", ""),
                **did,
                "method": request.method,
                "path": request.path,
                "headers": dict(request.headers),
                "body": request.body.decode("utf-8", "replace"),
                "body_sha256": hashlib.sha256(request.body).hexdigest(),
                "act": answer.act,
                "status": answer.status,
            }
        )
        return answer

    def _served(self, mount: str, request: Request, scripted: Answer | None) -> tuple[Answer, dict[str, str]]:
        service = self.services[mount]
        if scripted is not None and scripted.refuses:
            return scripted, {"channel": service.channel}
        parts = urlsplit(request.path.removeprefix(mount))
        served = service.serve(replace(request, path=parts.path, query=parse_qs(parts.query)))
        answer = served.answer if scripted is None else served.answer.in_the_way_of(scripted)
        return answer, {"channel": service.channel, "key": served.key, "did": served.did}


class _Connection(asyncio.Protocol):
    """Reads requests that carry a Content-Length, one after the other, and does what the script says."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._buffer = bytearray()
        self._busy = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._receiver.opened(transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._receiver.closed(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._next()

    def _next(self) -> None:
        while not self._busy:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            start, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            whole = end + 4 + int(headers.get("content-length", "0"))
            if len(self._buffer) < whole:
                return
            body = bytes(self._buffer[end + 4 : whole])
            del self._buffer[:whole]
            method, path, _ = start.split(" ", 2)
            if path.startswith("/_"):
                self._transport.write(self._admin(method, path, body).to_bytes())
            else:
                self._handle(Request(method, path, headers, body))

    def _handle(self, request: Request) -> None:
        answer = self._receiver.take(request)
        if answer.act == "reset":
            self._transport.abort()
        elif answer.act == "close":
            self._transport.close()
        elif answer.act == "silence":
            self._busy = True
        elif answer.delay or answer.drip:
            self._busy = True
            asyncio.get_running_loop().create_task(self._answer_slowly(answer))
        else:
            self._transport.write(answer.to_bytes())

    async def _answer_slowly(self, answer: Answer) -> None:
        await asyncio.sleep(answer.delay)
        text = answer.to_bytes()
        pieces = [text] if not answer.drip else [text[i : i + 1] for i in range(len(text))]
        for piece in pieces:
            if self._transport.is_closing():
                return
            self._transport.write(piece)
            await asyncio.sleep(answer.drip)
        self._busy = False
        self._next()

    def _admin(self, method: str, path: str, body: bytes) -> Answer:
        as_json = {"Content-Type": "application/json"}
        if (method, path) == ("PUT", "/_script"):
            try:
                self._receiver.load(body)
            except (ValueError, TypeError, AttributeError) as error:
                return Answer(422, body=str(error))
            return Answer(200)
        if (method, path) == ("GET", "/_ledger"):
            return Answer(200, as_json, json.dumps(self._receiver.ledger.entries()))
        if (method, path) == ("DELETE", "/_ledger"):
            self._receiver.ledger.clear()
            return Answer(200)
        return Answer(404, body="unknown")


def main(arguments: list[str] | None = None) -> None:
    """Run one receiver until SIGTERM or Ctrl-C; prints its port first."""
    parser = argparse.ArgumentParser(description="A fake HTTP receiver with scripted answers and a ledger.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path)
    parser.add_argument("--script", type=Path, help="JSON: path → list of answers")
    given: Any = parser.parse_args(arguments)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with Receiver(given.host, given.port, ledger=given.ledger) as receiver:
        if given.script is not None:
            receiver.load(given.script.read_text())
        sys.stdout.write(f"{receiver.port}\n")
        sys.stdout.flush()
        done.wait()


if __name__ == "__main__":
    main()
