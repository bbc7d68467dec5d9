"""Workers that live and do not work: /health says so, and `python main.py` replaces them; nothing is lost by it."""

import signal

import pytest
from celery import Celery

from tests.integration.product import Product, eventually
from tests.integration.servers import rabbitmq_url, redis_url
from tests.integration.story import broker_url

QUICK = {
    "RELAY_TICK_SECONDS": "0.5",
    "RELAY_GRACE_SECONDS": "3",
    "LEASE_SECONDS": "6",
    "WEBHOOK_TIMEOUT_SECONDS": "2",
}
GROUPS = ("urgent", "local", "outbound")


@pytest.fixture(scope="module", params=["embedded"])
def product(request, tmp_path_factory):
    settings = dict(QUICK)
    if request.param == "rabbitmq":
        settings |= {"REDIS_URL": redis_url(), "CELERY_BROKER_URL": rabbitmq_url()}
    with Product(tmp_path_factory.mktemp(request.param), **settings) as product:
        yield product


@pytest.fixture
def said(product):
    """What it says from now on: how often a component was ready, and the lines about silent ones."""
    return Said(product)


class Said:
    """What a product says after this was made; until then all of it is well."""

    def __init__(self, product):
        self._product = product
        eventually(
            lambda: {check["status"] for check in health(product).values()}, lambda found: "failing" not in found
        )
        self._before = len(list(product.lines()))

    def ready(self, component):
        """How often a component was ready since."""
        return sum(
            line.get("component") == component and line.get("message") == "component_ready" for line in self._new()
        )

    def silent(self):
        """The cause for each component that was found to be silent since."""
        return {line["component"]: line["cause"] for line in self._new() if line["message"] == "component_silent"}

    def _new(self):
        return list(self._product.lines())[self._before :]


def health(product):
    answer = product.call("GET", "/health", token=None)
    assert (answer.status_code == 503) == (answer.json()["status"] == "failing")
    return answer.json()["checks"]


def once_each(counts):
    return set(counts.values()) == {1}


def test_what_is_frozen_is_missed_and_replaced(product, said):
    """A worker, and the relay, which tells how much waits: neither is needed to find that out."""
    assert health(product)["workers"]["status"] == "ok"
    frozen = {"worker-local": product.child("worker", "local"), "relay": product.child("relay")}
    for process in frozen.values():
        process.send(signal.SIGSTOP)
    event = product.submit("job.completed", {"job_id": "while-frozen"}, "u-frozen")
    eventually(lambda: health(product)["relay"]["status"], lambda status: status == "failing")
    # Before that, it may be that what was submitted waits too long already.
    unserved = "no live worker serves inapp, email, bulk"
    eventually(lambda: health(product)["workers"], lambda check: check["detail"].startswith(unserved))
    # Stopped, they do not hear what they are told, until it is SIGKILL.
    eventually(lambda: {name: said.ready(name) for name in frozen}, once_each, 90)
    assert set(said.silent()) == set(frozen)
    assert all(cause.startswith("no sign of life for ") for cause in said.silent().values())
    assert product.ended(event)["counts"] == {"delivered": 1}
    eventually(lambda: {check["status"] for check in health(product).values()}, lambda found: "failing" not in found)
    assert product.metrics().sum("notifications_unaccounted") == 0


@pytest.mark.parametrize("product", ["embedded", "rabbitmq"], indirect=True)
def test_a_deaf_worker_is_missed_and_replaced(product, said):
    """It lives, it beats, it answers the broker's pings, and it takes nothing from one of its lanes."""
    product.ended(product.submit("job.completed", {"job_id": "before"}, "u-deaf"))
    deaf = product.child("worker", "local")
    with Celery("operator", broker=broker_url(product)) as operator:
        told = operator.control.cancel_consumer("inapp", reply=True, timeout=5)
    assert any("ok" in answer for one in told for answer in one.values())
    check = eventually(lambda: health(product)["workers"], lambda check: check["status"] == "failing")
    assert check["detail"] == "no live worker serves inapp"
    events = [product.submit("job.completed", {"job_id": f"j-{number}"}, "u-deaf") for number in range(5)]
    # Some stop only when they are killed, 23 s after they were told to.
    eventually(lambda: said.ready("worker-local"), lambda count: count == 1, 90)
    ((component, cause),) = said.silent().items()
    assert component == "worker-local"
    assert cause.startswith("has room and takes nothing from the lane inapp for ")
    assert product.child("worker", "local").pid != deaf.pid
    for event in events:
        assert product.ended(event)["counts"] == {"delivered": 1}
    assert len(product.get("/inbox/u-deaf", state="all")["items"]) == 6
    eventually(lambda: health(product)["workers"]["status"], lambda status: status == "ok")


def test_a_busy_worker_and_a_stop_that_was_asked_for_are_none_of_it(product, said):
    for number in range(50):
        product.submit("job.progress", {"job_id": f"j-{number}", "percent": 1}, "u-busy")
    with Celery("operator", broker=broker_url(product)) as operator:
        operator.control.shutdown()
    # All three end as they were told to, and leave no sign of life behind that nobody gives any more.
    for group in GROUPS:
        eventually(lambda group=group: said.ready(f"worker-{group}") == 1)
    eventually(lambda: health(product)["workers"]["detail"], lambda detail: detail.startswith("3 alive"), 8)
    assert said.silent() == {}
