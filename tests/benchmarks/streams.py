"""What 500 open inbox streams cost: `python -m tests.benchmarks.streams [--users 25]`.

It starts the product with its own broker and SQLite, opens the streams from another process, and prints how fast
`/health` answers before and with them, what a stream costs in memory, how long a delivered item is on its way to the
pages, and after how long the places of readers that were killed are free again.
"""

import argparse
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.drills.processes import children
from tests.integration.product import Product, eventually

_PER_USER = 20
_QUESTIONS = 300
_EVENTS = 40


class Readers:
    """The process that has the streams."""

    def __init__(self, product: Product, paths: list[str]) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.stream_clients", "127.0.0.1", str(product.port)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin is not None
        self.process.stdin.write("\n".join(paths))
        self.process.stdin.close()
        self._said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self, count: int) -> list[dict[str, Any]]:
        """The next things they say."""
        return [self._said.get(timeout=60) for _ in range(count)]

    def kill(self) -> None:
        """End them without a word to anybody."""
        self.process.kill()
        self.process.wait()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(json.loads(line))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--users", type=int, default=25, help="each has 20 streams, which is the most that one may have"
    )
    users = [f"u-{number}" for number in range(parser.parse_args().users)]
    with tempfile.TemporaryDirectory() as folder, Product(Path(folder)) as product:
        measure(product, users)


def measure(product: Product, users: list[str]) -> None:
    """Open as many streams for each user as there may be, and look at what that does."""
    paths = [path for path in [stream_path(product, user) for user in users] for _ in range(_PER_USER)]
    health(product)
    say(f"/health without streams: {spread(health(product))}")
    before = memory(product)
    readers = Readers(product, paths)
    try:
        answers = {said["opened"] for said in readers.next(len(paths))}
        assert answers == {200}, answers
        say(f"open: {open_streams(product):g}")
        say(f"/health with them: {spread(health(product))}")
        say(f"memory of the API: {before / 1024:.1f} MiB before, {memory(product) / 1024:.1f} MiB with them")
        say(f"a stream: {(memory(product) - before) / len(paths):.0f} KiB")
        say(f"from delivery to the page: {spread(arrivals(product, readers, users))}")
        say(f"/health afterwards: {spread(health(product))}")
    finally:
        readers.kill()
    killed = time.monotonic()
    eventually(lambda: open_streams(product) == 0, seconds=60)
    say(f"free again {time.monotonic() - killed:.1f} s after the readers were killed")


def stream_path(product: Product, user: str) -> str:
    """Where a user's stream is, with a ticket."""
    ticket = product.call("POST", f"/inbox/{user}/ticket").json()["ticket"]
    return f"/inbox/{user}/stream?ticket={ticket}"


def arrivals(product: Product, readers: Readers, users: list[str]) -> list[float]:
    """How long each item was on its way to each of its reader's pages, in milliseconds."""
    waits = []
    for number in range(_EVENTS):
        product.submit("job.completed", {"job_id": f"j-{number}"}, users[number % len(users)], channels=["inapp"])
        told = readers.next(_PER_USER)
        waits += [(one["arrived"] - datetime.fromisoformat(one["delivered"]).timestamp()) * 1000 for one in told]
    return waits


def health(product: Product) -> list[float]:
    """How long answers to /health took, one after the other, in milliseconds."""
    waits = []
    for _ in range(_QUESTIONS):
        began = time.perf_counter()
        assert product.http.get(f"{product.url}/health", timeout=20).status_code == 200
        waits.append((time.perf_counter() - began) * 1000)
    return waits


def memory(product: Product) -> int:
    """What the process that serves has in memory, in KiB."""
    (worker,) = children(product.child("api").pid)
    lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def open_streams(product: Product) -> float:
    """How many streams the API says are open."""
    return float(product.metrics().sum("inbox_streams_open"))


def spread(waits: list[float]) -> str:
    """The middle and the slow end."""
    ordered = sorted(waits)
    slow = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return f"p50 {ordered[len(ordered) // 2]:.1f} ms, p99 {slow:.1f} ms ({len(ordered)})"


def say(line: str) -> None:
    """Print it at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
