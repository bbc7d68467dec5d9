"""How often a key, or a user, may ask: counted in the memory of this process."""

import math
import time

from flask import Flask, g
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from app.api.errors import Problem


def register(app: Flask, rate: str | None) -> None:
    """Answer 429 to whoever asks more often than that; without a rate, to nobody. Open routes are not counted."""
    if rate is None:
        return
    limit = parse(rate)
    limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    @app.before_request
    def count() -> None:
        who = g.get("principal")
        if who is None or limiter.hit(limit, who.actor):
            return
        wait = max(math.ceil(limiter.get_window_stats(limit, who.actor).reset_time - time.time()), 1)
        raise Problem(429, f"More than {limit} of requests; wait {wait} s.", headers={"Retry-After": str(wait)})
