"""`python -m tests.benchmarks.dead_target`: does a receiver that never answers slow down its neighbours?

The same load for a healthy receiver is measured twice on one channel: alone, and while 200 notifications wait for a
dead one. Printed are the median and the 95th percentile of the times from accepted to delivered, and their ratio.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from math import ceil
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen

from rich.console import Console
from sqlalchemy import select

from app.store.tables import notifications
from tests.benchmarks.stage import Stage, set_stage, wait_until

_DEAD = 200
_HEALTHY, _PAUSE_SECONDS = 300, 0.1
_THREADS = 64  # as the worker for outbound lanes has
_MOST_TIMES = 2.0


def main() -> int:
    """Measure and print; the exit code is 1 when the healthy receiver's 95th percentile more than doubled."""
    with (
        tempfile.TemporaryDirectory(prefix="im2-bench-") as folder,
        set_stage(Path(folder), postgres=None, processes=1, threads=_THREADS, fused=True) as stage,
    ):
        script = json.dumps({"/dead": [{"act": "silence"}], "*": [{"status": 200}]}).encode()
        urlopen(Request(f"http://127.0.0.1:{stage.port}/_script", script, method="PUT"), timeout=10).close()
        for user, host in (("healthy", "127.0.0.2"), ("dead", "127.0.0.3")):
            place = f"http://{host}:{stage.port}/{user}"
            contacts = {"contacts": {"webhook": {"url": place}}}
            stage.services.preferences.replace(user, contacts, actor="system:bench")
        _healthy(stage, "warm-up")
        alone = _healthy(stage, "alone")
        events = [_event("dead", f"dead-{number}") for number in range(_DEAD)]
        stage.services.intake.submit_batch(events, owner="bench", actor="system:bench")
        beside = _healthy(stage, "beside")
        with stage.services.database.read() as conn:
            rows = conn.execute(
                select(notifications.c.status, notifications.c.reason).where(notifications.c.user_id == "dead")
            )
            left = Counter(f"{row.status}({row.reason})" if row.reason else row.status for row in rows)
    ratio = _p95(beside) / _p95(alone)
    console = Console()
    for name, times in (("alone", alone), (f"beside {_DEAD} for a dead one", beside)):
        console.print(f"{name}: median {median(times) * 1000:.0f} ms, p95 {_p95(times) * 1000:.0f} ms")
    console.print(f"p95 {ratio:.2f} times as long; of those for the dead one: {dict(left)}")
    return int(ratio > _MOST_TIMES)


def _healthy(stage: Stage, name: str) -> list[float]:
    """Submit one after the other, and wait until all are delivered; how many seconds each took."""
    ids = []
    for number in range(_HEALTHY):
        event = _event("healthy", f"{name}-{number}")
        ids.append(stage.services.intake.submit(event, owner="bench", actor="system:bench").id)
        time.sleep(_PAUSE_SECONDS)
    columns = notifications.c.created_at, notifications.c.delivered_at
    delivered = select(*columns).where(notifications.c.event_id.in_(ids), notifications.c.delivered_at.is_not(None))

    def times() -> list[float]:
        with stage.services.database.read() as conn:
            return [(row.delivered_at - row.created_at).total_seconds() for row in conn.execute(delivered)]

    wait_until(lambda: len(times()) == _HEALTHY, f"{_HEALTHY} for the healthy receiver")
    return times()


def _p95(times: list[float]) -> float:
    return sorted(times)[ceil(0.95 * len(times)) - 1]


def _event(user: str, job: str) -> dict[str, object]:
    return {
        "type": "job.completed",
        "recipients": [user],
        "channels": ["webhook"],
        "data": {"job_id": job, "name": "nightly encode", "duration_seconds": 1834},
    }


if __name__ == "__main__":
    sys.exit(main())
