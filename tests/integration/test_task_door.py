"""Events that services send as Celery tasks, the bad ones among them."""

from datetime import UTC, datetime, timedelta

from celery import Celery

from tests.integration.product import eventually
from tests.integration.story import broker_url


def test_a_bad_task_is_on_record_and_stops_nobody(product):
    began = product.metrics().sum("notifications_accepted_total")
    with Celery("client", broker=broker_url(product)) as client:
        client.send_task("notifications.submit", kwargs={"type": "job.nonsense", "data": {}}, queue="ingest")
        client.send_task("notifications.submit", args=["what"], queue="ingest")
        client.send_task("notifications.unknown", queue="ingest")
        client.send_task(
            "notifications.submit",
            kwargs={"type": "job.completed", "data": {"job_id": "after-the-bad"}, "recipients": ["after-bad"]},
            queue="ingest",
        )
    assert _one(product, "after-bad")["subject_key"] == "after-the-bad"
    assert product.metrics().sum("notifications_accepted_total") == began + 1
    assert product.count_said("worker-urgent", "component_died") == 0
    found = product.get("/audit", action="reject")["items"]
    assert sorted(next(iter(one["detail"]["errors"]["json"])) for one in found)[:2] == ["_schema", "type"]


def test_celerys_own_way_of_saying_when_is_understood(product):
    """Times as such, and a countdown: what waits is on record, and not in the memory of a worker."""
    later = datetime.now(UTC) + timedelta(hours=2)
    event = {"type": "job.completed", "data": {"job_id": "when"}, "recipients": ["task-when"]}
    with Celery("client", broker=broker_url(product)) as client:
        client.send_task("notifications.submit", kwargs=event | {"deliver_at": later}, queue="ingest")
        event["data"] = {"job_id": "countdown"}
        client.send_task("notifications.submit", kwargs=event, queue="ingest", countdown=7200)
    held = eventually(lambda: product.history("task-when"), lambda items: len(items) == 2)
    assert {(one["status"], one["reason"]) for one in held} == {("held", "scheduled")}
    for one in held:
        assert abs((datetime.fromisoformat(one["next_at"]) - later).total_seconds()) < 60


def test_a_task_twice_is_one_event(product):
    event = {"type": "job.completed", "data": {"job_id": "twice"}, "recipients": ["task-twice"]}
    with Celery("client", broker=broker_url(product)) as client:
        for _ in range(2):
            client.send_task("notifications.submit", kwargs=event, queue="ingest", task_id="the-same-task")
        for _ in range(2):
            keyed = event | {"data": {"job_id": "keyed"}, "idempotency_key": "one-key"}
            client.send_task("notifications.submit", kwargs=keyed, queue="ingest")
        client.send_task("notifications.submit", kwargs=event | {"recipients": ["task-last"]}, queue="ingest")
    _one(product, "task-last")
    eventually(lambda: len(product.history("task-twice")), lambda count: count == 2)


def _one(product, user_id):
    [one] = eventually(lambda: product.history(user_id))
    return one
