"""One event for the inboxes of many."""

import time

from sqlalchemy import func, select

from app.store.tables import inbox
from tests.benchmarks.aims import Figure
from tests.benchmarks.sample import Load, Sample
from tests.benchmarks.stage import wait_until
from tests.benchmarks.whole import Whole, event


def fan_out(whole: Whole, count: int) -> Sample:
    """Submit it over HTTP; timed is from before its request until the last item is there."""
    job = f"fan-out-{time.monotonic()}"
    before = _items(whole)
    told = {**event("", job, "inapp"), "recipients": [f"reader-{number}" for number in range(count)]}
    began = time.perf_counter()
    whole.sender.one(told)
    answered = time.perf_counter() - began
    wait_until(lambda: _items(whole) >= before + count, f"an event for {count}")
    figures = {Figure.FAN_OUT: time.perf_counter() - began, Figure.FAN_OUT_ACCEPTED: answered}
    whole.until_quiet(f"an event for {count}")
    return Sample(count, figures)


def _items(whole: Whole) -> int:
    with whole.rig.database.read() as conn:
        return int(conn.execute(select(func.count()).select_from(inbox)).scalar_one())


LOAD: Load[Whole] = Load("fanout", "one event for 1,000 inboxes", fan_out, 1000, 1.5, fixed=True)
