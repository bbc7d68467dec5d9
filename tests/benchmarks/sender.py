"""Submits events over HTTP, from a few threads whose connections stay open."""

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import local
from typing import Any
from urllib.parse import urlsplit

_THREADS = 8


class Sender:
    """Everything that it submits has to be accepted; `accepted` is how many events were."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._place = urlsplit(url)
        self._headers = {**headers, "Content-Type": "application/json"}
        self.accepted = 0

    def each(self, events: Sequence[Mapping[str, Any]], rate: float | None = None) -> list[float]:
        """Submit them one by one: as fast as they are taken, or at even distances whatever became of those before.

        Returned is when each was about to be sent, in seconds since 1970.
        """
        began, mine = time.monotonic(), local()

        def one(number: int) -> float:
            if rate is not None:
                time.sleep(max(began + number / rate - time.monotonic(), 0.0))
            sent = time.time()
            self._answer(mine.connection, "/events", events[number])
            return sent

        def begin() -> None:
            mine.connection = self._connection()

        with ThreadPoolExecutor(_THREADS, initializer=begin) as pool:
            sent = list(pool.map(one, range(len(events))))
        self.accepted += len(events)
        return sent

    def one(self, event: Mapping[str, Any]) -> None:
        """Submit one."""
        self._once("/events", event)
        self.accepted += 1

    def batch(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Submit them in one request."""
        if rejected := self._once("/events/batch", {"events": events})["rejected"]:
            raise RuntimeError(f"{len(rejected)} of the events were refused, the first with {rejected[0]}")
        self.accepted += len(events)

    def _once(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        # Between two of these the server may have had enough of an idle connection.
        with closing(self._connection()) as connection:
            return self._answer(connection, path, body)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(str(self._place.hostname), self._place.port, timeout=30)

    def _answer(self, connection: http.client.HTTPConnection, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        connection.request("POST", path, json.dumps(body).encode(), self._headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != http.client.ACCEPTED:
            raise RuntimeError(f"POST {path} answered {answer.status}: {text[:300]!r}")
        told: dict[str, Any] = json.loads(text)
        return told
