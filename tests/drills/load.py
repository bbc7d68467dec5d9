"""A client that submits events at a steady pace and remembers what it was promised."""

import http.client
import json
import math
import random
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Cell = tuple[str, str]
"""A user id and a channel."""
Promise = tuple[dict[str, Any], frozenset[Cell]]
"""An event, and the cells that it has to reach."""
EVERYWHERE = ("inapp", "email", "webhook")
# Where an event goes by the published defaults: told here again, so that a plan that forgets a channel is found out.
_KINDS: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("job.failed", {"job_id": "{}", "error": "disk full"}, EVERYWHERE),
    ("job.completed", {"job_id": "{}"}, EVERYWHERE),
    ("system.warning", {"component": "{}", "message": "queue is long"}, ("inapp", "webhook")),
    ("quota.exceeded", {"resource": "{}", "used": 11, "limit": 10}, EVERYWHERE),
    ("job.progress", {"job_id": "{}", "percent": 40}, ("inapp", "webhook")),
)
_REPEATS = 0.03
_SENDERS = 4
_PATIENCE_SECONDS = 30.0
_AGAIN_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request got: `status` 0 is a connection that was refused or broken off; times in seconds."""

    at: float
    seconds: float
    status: int


class Load:
    """Submits events of all kinds to a few users; every request has its Idempotency-Key and is repeated until it is in.

    `accepted` holds what was answered with a 202: by event id, the cells that the event has to reach.
    """

    def __init__(self, url: str, headers: Mapping[str, str], users: Sequence[str], seed: int) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._headers = {**headers, "Content-Type": "application/json"}
        self._users = users
        self._random = random.Random(seed)  # noqa: S311 - a drill is to be repeatable, not secret
        self._numbers = 0
        self._turn = threading.Lock()
        self._local = threading.local()
        self.accepted: dict[str, frozenset[Cell]] = {}
        self.replayed = 0
        """How many of the 202 said that an earlier request had brought the event in."""
        self.answers: list[Answer] = []

    @property
    def expected(self) -> int:
        """How many notifications were promised so far."""
        return sum(len(cells) for cells in self.accepted.values())

    def submit(
        self,
        count: int,
        seconds: float = 0.0,
        channels: Sequence[str] = EVERYWHERE,
        users: Sequence[str] | None = None,
    ) -> None:
        """Submit events for at least `count` notifications, spread evenly over that time.

        They go to these channels alone, and to these users if not to all.
        """
        self.begin(count, seconds, channels, users).result()

    def batch(self, events: Sequence[Promise]) -> None:
        """Submit these events in one request; all have to be accepted."""
        body = json.dumps({"events": [event for event, _ in events]}).encode()
        status, answer, _ = self._post(body, f"batch-{time.monotonic():.6f}", "/events/batch")
        if status != http.client.ACCEPTED:
            raise RuntimeError(f"POST /events/batch answered {status}: {answer[:500]!r}")
        told = json.loads(answer)
        if told["rejected"]:
            raise RuntimeError(f"refused: {told['rejected'][:3]}")
        self.accepted |= {one["id"]: events[one["index"]][1] for one in told["accepted"]}

    def begin(
        self,
        count: int,
        seconds: float = 0.0,
        channels: Sequence[str] = EVERYWHERE,
        users: Sequence[str] | None = None,
    ) -> "Future[None]":
        """The same in the background; the result comes when all are accepted."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="load")
        done = pool.submit(self._run, self._events(count, channels, users or self._users), seconds)
        pool.shutdown(wait=False)
        return done

    def p95(self, since: float, until: float) -> float:
        """The 95th percentile in seconds of the requests that began in this span of time.monotonic(); NaN for none."""
        times = sorted(answer.seconds for answer in self.answers if since <= answer.at < until)
        return times[math.ceil(0.95 * len(times)) - 1] if times else math.nan

    def refused(self, since: float = 0.0, until: float = math.inf) -> list[int]:
        """The statuses other than 202 of the requests that began in this span of time.monotonic()."""
        asked = [answer.status for answer in self.answers if since <= answer.at < until]
        return [status for status in asked if status != http.client.ACCEPTED]

    def _events(self, count: int, channels: Sequence[str], users: Sequence[str]) -> list[Promise]:
        events: list[Promise] = []
        planned = 0
        while planned < count:
            if events and self._random.random() < _REPEATS:
                events.append(self._random.choice(events))
            else:
                events.append(self._event(channels, users))
            planned += len(events[-1][1])
        return events

    def _event(self, channels: Sequence[str], users: Sequence[str]) -> Promise:
        self._numbers += 1
        type_, data, usual = self._random.choice(_KINDS)
        user = self._random.choice(users)
        filled = {name: f"s-{self._numbers}" if value == "{}" else value for name, value in data.items()}
        event = {"type": type_, "recipients": [user], "data": filled, "source": "drill"}
        if channels is not EVERYWHERE:
            event["channels"] = list(channels)
        return event, frozenset((user, channel) for channel in usual if channel in channels)

    def _run(self, events: Sequence[Promise], seconds: float) -> None:
        began = time.monotonic()
        run = f"{began:.6f}"

        def send(number: int) -> None:
            wait = began + seconds * number / len(events) - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            event, cells = events[number]
            id_ = self._until_accepted(event, f"{run}-{number}")
            with self._turn:
                self.accepted[id_] = cells

        with ThreadPoolExecutor(_SENDERS, thread_name_prefix="sender") as pool:
            for done in [pool.submit(send, number) for number in range(len(events))]:
                done.result()

    def _until_accepted(self, event: Mapping[str, Any], key: str) -> str:
        give_up = time.monotonic() + 4 * _PATIENCE_SECONDS
        body = json.dumps(event).encode()
        while True:
            began = time.monotonic()
            status, answer, replayed = self._post(body, key)
            with self._turn:
                self.answers.append(Answer(began, time.monotonic() - began, status))
                self.replayed += replayed
            if status == http.client.ACCEPTED:
                return str(json.loads(answer)["id"])
            if 400 <= status < 500 or time.monotonic() > give_up:
                raise RuntimeError(f"POST /events answered {status}: {answer[:500]!r}")
            time.sleep(_AGAIN_SECONDS)

    def _post(self, body: bytes, key: str, path: str = "/events") -> tuple[int, bytes, bool]:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(*self._address, timeout=_PATIENCE_SECONDS)
            self._local.connection = connection
        try:
            connection.request("POST", path, body, {**self._headers, "Idempotency-Key": key})
            response = connection.getresponse()
            return response.status, response.read(), response.getheader("Idempotency-Replayed") == "true"
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._local.connection = None
            return 0, repr(error).encode(), False
