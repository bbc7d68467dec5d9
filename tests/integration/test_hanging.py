"""Servers that hang, which is worse than being away: /health answers all the same, and soon."""

import time
from contextlib import ExitStack

import pytest
from sqlalchemy.engine import make_url

from tests.drills.broker import Own
from tests.fakes.freezing import FreezingWay
from tests.integration.product import Product, eventually
from tests.integration.servers import postgres_url

SOON_SECONDS = 2.0
"""About a second is meant; the rest is for whatever else this machine does."""


@pytest.fixture
def hung(tmp_path):
    """A product whose database and broker hang."""
    with ExitStack() as stack:
        database = make_url(stack.enter_context(postgres_url()))
        way = stack.enter_context(FreezingWay(database.host or "127.0.0.1", database.port or 5432))
        redis = Own(tmp_path)
        stack.callback(redis.stop)
        url = database.set(host="127.0.0.1", port=way.port).render_as_string(hide_password=False)
        product = stack.enter_context(
            Product(tmp_path, DATABASE_URL=url, REDIS_URL=redis.url, RELAY_TICK_SECONDS="0.5")
        )
        eventually(lambda: product.call("GET", "/health", token=None).status_code, lambda status: status == 200)
        stack.callback(way.thaw)
        stack.callback(redis.thaw)
        way.freeze()
        redis.freeze()
        yield product, way, redis


def test_health_answers_when_everything_hangs_and_recovers_with_it(hung):
    product, way, redis = hung
    took = []

    def ask():
        began = time.monotonic()
        answer = product.call("GET", "/health", token=None)
        took.append(time.monotonic() - began)
        return answer

    # What was found out a moment before it hung is remembered for a second.
    answer = eventually(ask, lambda answer: answer.status_code == 503)
    assert max(took) < SOON_SECONDS
    checks = {name: check["status"] for name, check in answer.json()["checks"].items()}
    assert checks == {
        "database": "failing",
        "broker": "failing",
        "relay": "failing",
        "workers": "failing",
        "canary": "failing",
    }
    began = time.monotonic()
    assert product.call("GET", "/health/live", token=None).status_code == 200
    assert time.monotonic() - began < SOON_SECONDS
    way.thaw()
    redis.thaw()
    eventually(lambda: product.call("GET", "/health", token=None).status_code, lambda status: status == 200, 60)
    event = product.submit("job.completed", {"job_id": "after-the-hang"}, "u-1")
    assert product.ended(event, 60)["counts"] == {"delivered": 1}
    assert product.count_said("worker-local", "component_silent") == 0
