"""The parts one by one, as a fleet runs them, and Celery's own commands in the places of ours."""

import subprocess
import sys
import time
from contextlib import ExitStack, closing
from itertools import islice

import pytest
import requests
from celery import Celery
from redis import Redis

from tasks.lanes import lanes
from tests.drills.broker import Own
from tests.fakes.ports import free_port
from tests.integration.product import ROOT, Product, clean_environment, eventually

CELERY = (sys.executable, "-m", "celery", "-A", "tasks")
PARTS = {
    "api": (sys.executable, "main.py", "api"),
    "relay": (sys.executable, "main.py", "relay"),
    "worker": (*CELERY, "worker", "--pool=threads", "--concurrency=4", "--without-gossip", "--without-mingle"),
    "flower": (*CELERY, "flower"),
}
FLOWER = ("watcher", "canary-flower-77d2")


class Fleet(Product):
    """Parts that nobody started together; it answers as a product does."""

    def __init__(self, folder, stack, **settings):
        super().__init__(folder, **settings)
        self._folder, self._stack = folder, stack
        self.flower_port = free_port()
        self.environment = clean_environment(
            **self.settings | {"FLOWER_PORT": str(self.flower_port), "FLOWER_BASIC_AUTH": ":".join(FLOWER)}
        )
        self.http.headers["Authorization"] = f"Bearer {self.admin_key}"

    def start_part(self, name):
        output = self._stack.enter_context((self._folder / f"{name}.log").open("ab"))
        process = subprocess.Popen(PARTS[name], cwd=ROOT, env=self.environment, stdout=output, stderr=subprocess.STDOUT)
        self._stack.callback(process.wait, 60)
        self._stack.callback(process.terminate)
        return process

    def count_ready(self, name):
        return (self._folder / f"{name}.log").read_text().count('"component_ready"')

    def checks(self):
        return self.call("GET", "/health", token=None).json()["checks"]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """Four processes and a Redis, nothing of it started by `python main.py`."""
    folder = tmp_path_factory.mktemp("fleet")
    redis = Own(folder)
    with ExitStack() as stack:
        stack.callback(redis.stop)
        quick = {"RELAY_TICK_SECONDS": "0.5", "RELAY_GRACE_SECONDS": "3", "CANARY_SECONDS": "1"}
        fleet = Fleet(folder, stack, REDIS_URL=redis.url, ADMIN_API_KEY="the-fleets-own-key", **quick)
        done = subprocess.run(
            [sys.executable, "main.py", "migrate"],
            cwd=ROOT,
            env=fleet.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "revision" in done.stdout
        fleet.parts = {name: fleet.start_part(name) for name in PARTS}
        eventually(lambda: _status(f"{fleet.url}/health") == 200, seconds=90)
        yield fleet


def test_a_fleet_delivers(fleet):
    event = fleet.ended(fleet.submit("job.completed", {"job_id": "j-1"}, "u-1"))
    assert event["counts"] == {"delivered": 1}
    assert fleet.get("/health")["status"] == "ok"
    assert fleet.metrics().sum("notifications_unaccounted") == 0


def test_the_key_of_the_environment_is_an_admins(fleet):
    assert fleet.call("POST", "/keys", json={"name": "k", "scopes": ["admin"]}).status_code == 201
    assert not (fleet.data_dir / "admin.key").exists()


def test_celerys_own_flower_works_and_asks_who_is_there(fleet):
    url = f"http://127.0.0.1:{fleet.flower_port}"
    eventually(lambda: _status(f"{url}/workers") is not None, seconds=60)
    assert _status(f"{url}/workers") == 401
    assert _status(f"{url}/workers", auth=FLOWER) == 200


def test_celerys_own_worker_serves_every_lane(fleet):
    for priority in ("low", "normal", "critical"):
        data = {"job_id": f"lane-{priority}"}
        assert fleet.ended(fleet.submit("job.completed", data, "u-2", priority=priority))["counts"] == {"delivered": 1}


def test_health_names_the_lane_of_a_worker_that_listens_and_takes_nothing(fleet):
    """A rate limit of Celery's lets its consumer fill up with what it does not run, and nothing else shows it."""
    with Celery("operator", broker=fleet.settings["REDIS_URL"]) as operator:
        operator.control.rate_limit("notifications.render", "1/h", reply=True, timeout=5)
        for number in range(30):
            fleet.submit("job.completed", {"job_id": f"stuck-{number}"}, "u-3")
        check = eventually(lambda: fleet.checks()["workers"], lambda check: check["status"] == "failing", 60)
        # Canaries wait on the other lanes too.
        named = check["detail"].partition(";")[0].removeprefix("no live worker serves ")
        assert set(named.split(", ")) <= set(lanes())
        operator.control.shutdown()
    assert fleet.parts["worker"].wait(60) == 0
    fleet.start_part("worker")
    eventually(lambda: fleet.checks()["workers"]["status"], lambda status: status == "ok", 60)
    eventually(lambda: {one["status"] for one in fleet.history("u-3")}, lambda found: found == {"delivered"}, 60)
    assert len(fleet.history("u-3")) == 30
    assert fleet.metrics().sum("notifications_unaccounted") == 0


def test_without_a_relay_no_lane_is_proven_until_there_is_one_again(fleet):
    eventually(lambda: _status(f"{fleet.url}/health"), lambda status: status == 200, 60)
    relay = fleet.parts["relay"]
    relay.terminate()
    assert relay.wait(60) == 0
    check = eventually(lambda: fleet.checks()["canary"], lambda check: check["status"] == "failing", 60)
    assert check["detail"].startswith(f"the relay sends no test message to {', '.join(lanes())}, for ")
    fleet.parts["relay"] = fleet.start_part("relay")
    eventually(lambda: _status(f"{fleet.url}/health"), lambda status: status == 200, 60)


def test_two_relays_send_as_many_as_one(fleet):
    eventually(lambda: _status(f"{fleet.url}/health"), lambda status: status == 200, 60)
    relays = fleet.count_ready("relay")
    second = fleet.start_part("relay")
    eventually(lambda: fleet.count_ready("relay"), lambda count: count > relays, 60)
    with closing(Redis.from_url(fleet.settings["REDIS_URL"], socket_timeout=20)) as client, client.monitor() as monitor:
        pushed = (said["command"] for said in monitor.listen() if said["command"].startswith("LPUSH email "))
        began = time.monotonic()
        list(islice((one for one in pushed if "notifications.canary" in one), 5))
        took = time.monotonic() - began
    second.terminate()
    assert second.wait(60) == 0
    assert took > 3.5, "five in four seconds, not in two"


def _status(url, **request):
    try:
        return requests.get(url, timeout=5, **request).status_code
    except requests.RequestException:
        return None
