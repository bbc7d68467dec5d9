"""Test messages cross the lanes of a running product, and /health goes by them."""

import signal
import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from celery import Celery

from tasks.lanes import lanes
from tests.integration.product import Product, eventually
from tests.integration.story import broker_url

CANARY = "notifications.canary"


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """A lane counts as dead 12.5 s after it was last crossed."""
    quick = {"CANARY_SECONDS": "1", "RELAY_TICK_SECONDS": "0.5", "RELAY_GRACE_SECONDS": "3"}
    with Product(tmp_path_factory.mktemp("canary"), **quick) as product:
        yield product


def canary(product):
    answer = product.call("GET", "/health", token=None)
    assert (answer.status_code == 503) == (answer.json()["status"] == "failing")
    check = answer.json()["checks"]["canary"]
    return check["status"], check["detail"]


def is_well(check):
    return check == ("ok", "a test message crosses every lane each 1 s")


def crossed(product):
    """The lanes with the last canary that crossed each."""
    with closing(sqlite3.connect(product.data_dir / "notifications.db", timeout=10)) as conn:
        return conn.execute("SELECT lane, crossed_id FROM canaries WHERE crossed_id IS NOT NULL").fetchall()


def test_every_lane_is_crossed_again_and_again(product):
    seen = set()

    def times():
        seen.update(crossed(product))
        return Counter(lane for lane, _ in seen)

    eventually(times, lambda counts: set(counts) == set(lanes()) and min(counts.values()) >= 3)
    assert is_well(canary(product))
    said = product.metrics()
    for name in ("notifications_canary_seconds", "notifications_canary_age_seconds"):
        assert all(0 < said.sum(name, lane=lane) < 10 for lane in lanes())


def test_nobody_is_told_of_it(product):
    eventually(lambda: canary(product), is_well)
    said = product.metrics()
    names = ("notifications_accepted_total", "notifications_total", "notifications_open", "notifications_unaccounted")
    assert {said.sum(name) for name in names} == {0}
    assert said.sum("notification_messages_refused_total") == 0
    assert product.get("/notifications")["items"] == []
    assert not any("cny_" in str(entry) for entry in product.get("/audit")["items"])


def test_a_worker_that_takes_messages_and_never_does_them_is_missed(product):
    """It lives, beats, listens and takes what comes; nothing but the canary tells."""
    eventually(lambda: canary(product), is_well)
    with Celery("operator", broker=broker_url(product)) as operator:
        limit = {"reply": True, "timeout": 5, "destination": [name for name in _workers(operator) if "local" in name]}
        operator.control.rate_limit(CANARY, "1/h", **limit)
        # The first passes still.
        _, detail = eventually(lambda: canary(product), lambda check: check[0] == "failing", 60)
        assert detail.startswith("no worker does the test message of ")
        named = detail.removeprefix("no worker does the test message of ").partition(", for ")[0]
        assert set(named.split(", ")) <= {"inapp", "email", "bulk"}
        operator.control.rate_limit(CANARY, None, **limit)
    eventually(lambda: canary(product), is_well, 60)


def test_a_frozen_worker_is_missed_and_replaced_and_its_lanes_are_crossed_again(product):
    eventually(lambda: canary(product), is_well)
    started = product.count_said("worker-local", "component_ready")
    product.child("worker", "local").send(signal.SIGSTOP)
    _, detail = eventually(lambda: canary(product), lambda check: check[0] == "failing", 60)
    assert detail.startswith("no worker does the test message of inapp, email, bulk, for ")
    eventually(lambda: product.count_said("worker-local", "component_ready"), lambda count: count > started, 90)
    eventually(lambda: canary(product), is_well, 60)


def _workers(operator):
    return [name for answer in operator.control.ping(timeout=5) for name in answer]
