"""Submits events over HTTP, from a few threads whose connections stay open."""

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any
from urllib.parse import urlsplit

_THREADS = 8


class Sender:
    """Everything that it submits has to be accepted; `accepted` is how many events were."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._place = urlsplit(url)
        self._headers = {**headers, "Content-Type": "application/json"}
        self._local = local()
        self.accepted = 0

    def each(self, events: Sequence[Mapping[str, Any]], rate: float | None = None) -> list[float]:
        """Submit them one by one: as fast as they are taken, or at even distances whatever became of those before.

        Returned is when each was about to be sent, in seconds since 1970.
        """
        began = time.monotonic()

        def one(number: int) -> float:
            if rate is not None:
                time.sleep(max(began + number / rate - time.monotonic(), 0.0))
            sent = time.time()
            self._post("/events", events[number])
            return sent

        with ThreadPoolExecutor(_THREADS) as pool:
            sent = list(pool.map(one, range(len(events))))
        self.accepted += len(events)
        return sent

    def one(self, event: Mapping[str, Any]) -> None:
        """Submit one."""
        self._post("/events", event)
        self.accepted += 1

    def batch(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Submit them in one request."""
        if rejected := self._post("/events/batch", {"events": events})["rejected"]:
            raise RuntimeError(f"{len(rejected)} of the events were refused, the first with {rejected[0]}")
        self.accepted += len(events)

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(str(self._place.hostname), self._place.port, timeout=30)
        self._local.connection.request("POST", path, json.dumps(body).encode(), self._headers)
        answer = self._local.connection.getresponse()
        text = answer.read()
        if answer.status != http.client.ACCEPTED:
            raise RuntimeError(f"POST {path} answered {answer.status}: {text[:300]!r}")
        told: dict[str, Any] = json.loads(text)
        return told
