"""`python -m tests.benchmarks.latency`: how long from a request to its receiver, at a rate that is nobody's burst?

The whole product runs as by `python main.py`, on SQLite and its own broker. Events are submitted over HTTP at even
distances, whether those before have arrived or not, each for one webhook; told is the time from before its request was
sent until the receiver had it, so what an answer waits for is part of it.
"""

import argparse
import http.client
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from statistics import median
from threading import local
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import track

from tests.drills import facts
from tests.drills.rig import Rig

_WARM_UP = 100
_SENDERS = 8
_USERS = tuple(f"u-{number}" for number in range(8))
_DEADLINE_SECONDS = 60.0


def main(words: Sequence[str]) -> int:
    """Measure and print; the exit code is 1 when an event did not arrive exactly once."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.latency", description=__doc__)
    parser.add_argument("--rate", type=float, default=50.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--postgres", metavar="URL", help="a server to make a database on, instead of SQLite")
    wanted = parser.parse_args(words)
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="im2-latency-") as folder,
        Rig(Path(folder) / "rig", postgres=wanted.postgres) as rig,
    ):
        for user in _USERS:
            rig.add_user(user)
        sender = _Sender(rig)
        sender.send("warm-up", _WARM_UP, wanted.rate, console)
        sent = sender.send("timed", round(wanted.rate * wanted.seconds), wanted.rate, console)
        give_up = time.monotonic() + _DEADLINE_SECONDS
        while facts.still_open(rig.database) and time.monotonic() < give_up:
            time.sleep(0.1)
        arrivals = [(json.loads(entry["body"])["data"]["subject_key"], entry["t"]) for entry in rig.ledger()]
    counts = Counter(job for job, _ in arrivals if job in sent)
    times = sorted(at - sent[job] for job, at in arrivals if job in sent)
    lost, doubled = len(sent) - len(counts), sum(counts.values()) - len(counts)
    if times:
        p99 = times[ceil(0.99 * len(times)) - 1]
        told = f"p50 {median(times) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, most {times[-1] * 1000:.0f} ms"
        console.print(f"{wanted.rate:g}/s for {wanted.seconds:g} s: {told}; lost {lost}, doubled {doubled}")
    return int(lost > 0 or doubled > 0)


class _Sender:
    """Submits events at even distances, over connections that stay open."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._place = urlsplit(rig.url)
        self._local = local()

    def send(self, name: str, count: int, rate: float, console: Console) -> dict[str, float]:
        """Submit that many; when each was about to be sent, in seconds since 1970, by the id of its job."""
        began, sent = time.monotonic(), dict[str, float]()

        def one(number: int) -> None:
            time.sleep(max(began + number / rate - time.monotonic(), 0.0))
            job = f"{name}-{number}"
            sent[job] = time.time()
            self._post(_event(_USERS[number % len(_USERS)], job))

        with ThreadPoolExecutor(_SENDERS) as pool:
            list(track(pool.map(one, range(count)), name, total=count, console=console, transient=True))
        return sent

    def _post(self, event: dict[str, Any]) -> None:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(str(self._place.hostname), self._place.port, timeout=30)
        headers = {**self._rig.authorization(), "Content-Type": "application/json"}
        self._local.connection.request("POST", "/events", json.dumps(event).encode(), headers)
        answer = self._local.connection.getresponse()
        if answer.status != http.client.ACCEPTED:
            raise RuntimeError(f"POST /events answered {answer.status}: {answer.read()[:300]!r}")
        answer.read()


def _event(user: str, job: str) -> dict[str, Any]:
    data = {"job_id": job, "name": "nightly encode", "duration_seconds": 1834}
    return {"type": "job.completed", "recipients": [user], "channels": ["webhook"], "subject_key": job, "data": data}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
