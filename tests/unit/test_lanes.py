"""Lanes, who serves them, and the settings of Celery that everything else relies on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings, SettingsError
from app.domain.events import PRIORITIES, Priority
from app.domain.notifications import LANE_BULK, LANE_CRITICAL, LANE_INGEST, lane_of
from app.services.delivery import LONGEST_COUNTDOWN_SECONDS
from channels.base import RetryPolicy
from channels.registry import CHANNELS, channel_names
from tasks import worker
from tasks.lanes import groups, lanes, queues

ROOT = Path(__file__).parents[2]
# In a process of its own, since an app that has read its settings keeps them.
PRINT_SETTINGS = """
import json, celeryconfig
from app.services.announcing import Announcement
from tasks.pipeline import DELIVER, chain_for
settings = {name: value for name, value in vars(celeryconfig).items()
    if name[0] != "_" and isinstance(value, (str, int, float, bool, list, tuple, dict, type(None)))}
chains = {name: [chain_for(Announcement("bulk", name, ("ntf_1", "ntf_2"), resume)) for resume in (False, True)]
    for name in DELIVER}
print(json.dumps({"settings": settings, "chains": chains}, default=str))
"""


def as_a_worker_sees_it(broker_url: str) -> dict[str, Any]:
    environ = {"REDIS_URL": "redis://127.0.0.1:1/0", "CELERY_BROKER_URL": broker_url, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", PRINT_SETTINGS]
    said = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=60)
    return dict(json.loads(said.stdout))


@pytest.fixture(scope="module")
def seen_on_redis() -> dict[str, Any]:
    return as_a_worker_sees_it("redis://127.0.0.1:1/0")


@pytest.fixture(scope="module")
def on_redis(seen_on_redis: dict[str, Any]) -> dict[str, Any]:
    return dict(seen_on_redis["settings"])


@pytest.fixture(scope="module")
def on_rabbitmq() -> dict[str, Any]:
    return dict(as_a_worker_sees_it("amqp://127.0.0.1:1//")["settings"])


def test_every_lane_has_a_queue_of_its_name_and_a_worker_that_serves_it():
    assert [queue.name for queue in queues()] == [queue.routing_key for queue in queues()] == list(lanes())
    served = [lane for group in groups().values() for lane in group]
    assert sorted(served) == sorted(lanes())
    assert all(groups().values())
    assert set(worker._THREADS) == set(groups())


@pytest.mark.parametrize("channel", channel_names())
@pytest.mark.parametrize("priority", PRIORITIES)
def test_whatever_there_is_to_send_has_a_lane(channel: str, priority: Priority):
    lane = lane_of(channel, priority)
    assert lane in lanes()
    assert (lane == LANE_CRITICAL) == (priority == "critical")
    assert (lane == LANE_BULK) == (priority == "low")


def test_a_flood_of_unimportant_things_does_not_share_a_worker_with_urgent_ones():
    (urgent,) = [lanes_ for lanes_ in groups().values() if LANE_CRITICAL in lanes_]
    assert set(urgent) == {LANE_CRITICAL, LANE_INGEST}


@pytest.mark.parametrize("channel", channel_names())
def test_every_step_of_a_chain_is_set_to_its_lane(seen_on_redis: dict[str, Any], channel: str):
    whole, resumed = (chain["kwargs"]["tasks"] for chain in seen_on_redis["chains"][channel])
    names = ["render", "dedupe", "rate_limit", f"deliver.{channel}"]
    assert [step["task"] for step in whole] == [f"notifications.{name}" for name in names]
    assert [step["task"] for step in resumed] == [f"notifications.deliver.{channel}"]
    assert {step["options"]["queue"] for step in [*whole, *resumed]} == {"bulk"}
    assert whole[0]["args"] == resumed[0]["args"] == [["ntf_1", "ntf_2"]]


def test_no_countdown_outlives_the_visibility_of_its_message(on_redis: dict[str, Any]):
    options = on_redis["broker_transport_options"]
    assert options["visibility_timeout"] >= 4 * LONGEST_COUNTDOWN_SECONDS
    for channel, waits in Settings.load({}).retry_plans.items():
        ceiling = max(RetryPolicy(waits).delay(number, None, chance=lambda: 1.0) or 0 for number in range(1, 4))
        assert ceiling <= options["visibility_timeout"] / 4 * 1.25, channel


def test_what_a_dead_worker_had_comes_back_soon(on_redis: dict[str, Any]):
    options = on_redis["broker_transport_options"]
    assert on_redis["task_acks_late"] is True
    assert on_redis["task_reject_on_worker_lost"] is True
    assert on_redis["worker_prefetch_multiplier"] == 1
    assert options["unacked_restore_interval"] * options["unacked_restore_throttle"] <= 10


@pytest.mark.parametrize("broker", ["on_redis", "on_rabbitmq"])
def test_nothing_waits_for_results_and_nothing_but_json_is_read(request: pytest.FixtureRequest, broker: str):
    found = request.getfixturevalue(broker)
    assert found["result_backend"] is None
    assert found["task_ignore_result"] is True
    assert (found["task_serializer"], found["accept_content"]) == ("json", ["json"])
    assert found["task_create_missing_queues"] is False
    assert found["task_default_queue"] in lanes()
    assert found["broker_connection_max_retries"] is None


def test_the_transport_is_told_only_what_it_knows(on_redis: dict[str, Any], on_rabbitmq: dict[str, Any]):
    assert "confirm_publish" not in on_redis["broker_transport_options"]
    assert on_rabbitmq["broker_transport_options"] == {"confirm_publish": True}


def test_a_lease_outlives_the_attempts_of_its_holder():
    settings = Settings.load({})
    assert settings.lease_seconds > 2 * max(20, settings.webhook_timeout_seconds)
    with pytest.raises(SettingsError, match="LEASE_SECONDS"):
        Settings.load({"LEASE_SECONDS": "39", "WEBHOOK_TIMEOUT_SECONDS": "20"})


def test_whatever_may_be_seen_twice_is_sent_one_at_a_time():
    """A bulk channel is told of a whole list at once, so it has to fold what it has seen."""
    assert all(channel.folds_repeats for channel in CHANNELS if channel.bulk)
