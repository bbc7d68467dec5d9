"""A burst of 500 in one request: when the first of it arrives."""

import time

from tests.benchmarks.aims import Figure
from tests.benchmarks.over_http import events_for_all
from tests.benchmarks.sample import Load, Sample
from tests.benchmarks.whole import Whole


def first(whole: Whole, count: int) -> Sample:
    """Submit the burst; timed is from before its request."""
    burst = events_for_all(whole, f"burst-{time.monotonic()}", count)
    began = time.time()
    whole.sender.batch(burst)
    answered = time.time()
    whole.until_quiet(f"a burst of {count}")
    came = whole.arrivals("burst-")
    first = min(came[str(one["subject_key"])] for one in burst)
    return Sample(count, {Figure.FIRST: first - began, Figure.ACCEPTED: answered - began})


LOAD: Load[Whole] = Load("first", "burst of 500 in one request", first, 500, 1.5, fixed=True)
