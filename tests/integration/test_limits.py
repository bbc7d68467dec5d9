"""Too much at once: what waits until the window frees, what is dropped, and what no limit holds."""

import json
from datetime import UTC, datetime

import pytest

from tests.integration.product import Product, eventually
from tests.integration.story import files

LIMIT = 2
WINDOW_SECONDS = 4.0
SETTINGS = {
    "RATE_LIMIT_PER_USER": str(LIMIT),
    "RATE_LIMIT_WINDOW_MINUTES": str(WINDOW_SECONDS / 60),
    "RATE_LIMIT_PER_USER_EMAIL": "0",
    "DEDUPE_WINDOW_SECONDS": "0",
    "RELAY_TICK_SECONDS": "1",
}


@pytest.fixture(scope="module")
def holding(tmp_path_factory):
    """A product that holds what is over the limit, without a mail server."""
    with Product(tmp_path_factory.mktemp("holding"), **SETTINGS) as product:
        yield product


@pytest.fixture(scope="module")
def dropping(tmp_path_factory):
    """A product that drops it, and that sends each step through the broker."""
    settings = SETTINGS | {"RATE_LIMIT_OVERFLOW": "drop", "FUSE_STEPS": "false", "RATE_LIMIT_WINDOW_MINUTES": "5"}
    with Product(tmp_path_factory.mktemp("dropping"), **settings) as product:
        yield product


def user(product, receiver, name):
    product.set_user(name, contacts={"webhook": {"url": receiver.url(f"/{name}")}, "email": f"{name}@limits.example"})
    return name


def burst(product, name, count, **fields):
    """Submit events one after the other, each once the one before has found its way."""
    events = []
    for number in range(count):
        event_id = product.submit("job.failed", {"job_id": f"j-{number}", "error": "e"}, name, **fields)
        eventually(lambda event_id=event_id: "pending" not in product.event(event_id)["counts"])
        events.append(event_id)
    return events


def at(text):
    return datetime.fromisoformat(text)


def test_what_is_over_the_limit_waits_until_the_window_frees(holding, receiver):
    before = holding.metrics()
    name = user(holding, receiver, "limited")
    events = burst(holding, name, 4, channels=["webhook"])
    held = [holding.notification(event_id, "webhook") for event_id in events[LIMIT:]]
    first = [holding.notification(event_id, "webhook") for event_id in events[:LIMIT]]
    for one in held:
        assert (one["status"], one["reason"]) == ("held", "rate_limited")
        assert one["because"].startswith("Held until ")
        assert one["attempts"] == []
        last = one["trace"][-1]
        assert (last["step"], last["decision"], last["reason"]) == ("rate_limit", "held", "rate_limited")
    for one in held:
        wait = (at(one["next_at"]) - at(first[0]["created_at"])).total_seconds()
        assert WINDOW_SECONDS <= wait <= WINDOW_SECONDS + 2
    assert holding.metrics().sum("notifications_open", status="held") >= len(held)
    # What was too much is one message then, which has all of it.
    for one in held:
        assert holding.ended(one["event_id"], 20)["counts"] == {"digested": 1}
    (digest_id,) = {holding.get(f"/notifications/{one['id']}")["digest_id"] for one in held}
    digest = eventually(
        lambda: holding.get(f"/notifications/{digest_id}"), lambda digest: digest["status"] == "delivered"
    )
    assert all(at(digest["delivered_at"]) >= at(one["next_at"]) for one in held)
    got = [json.loads(entry["body"]) for entry in receiver.ledger.entries() if entry["path"] == "/limited"]
    assert [one["type"] for one in got] == ["job.failed", "job.failed", "digest"]
    assert (got[-1]["data"]["event_id"], got[-1]["data"]["notification_id"]) == (None, digest_id)
    assert {item["notification_id"] for item in got[-1]["data"]["items"]} == {one["id"] for one in held}
    assert got[-1]["data"]["title"].startswith("2 notifications, the newest: ")
    after = holding.metrics()
    hits = after.sum("notification_rate_limit_hits_total", channel="webhook")
    assert hits - before.sum("notification_rate_limit_hits_total", channel="webhook") >= len(held)
    assert after.sum("notifications_unaccounted") == 0


def test_critical_and_inbox_and_channels_without_a_limit_pass(holding, receiver):
    name = user(holding, receiver, "urgent")
    ordinary = burst(holding, name, 4)
    critical = burst(holding, name, 3, priority="critical", subject_key="critical")
    for event_id in critical:
        assert holding.ended(event_id)["counts"] == {"delivered": 3}
    statuses = {
        channel: [holding.notification(event_id, channel)["status"] for event_id in ordinary]
        for channel in ("inapp", "email", "webhook")
    }
    assert statuses["inapp"] == statuses["email"] == ["delivered"] * 4
    assert statuses["webhook"][:LIMIT] == ["delivered"] * LIMIT
    ended = [holding.ended(event_id, 20)["counts"] for event_id in ordinary]
    assert ended == [{"delivered": 3}] * LIMIT + [{"delivered": 2, "digested": 1}] * 2


def test_a_limit_is_each_users_own(holding, receiver):
    for name in ("own-1", "own-2"):
        user(holding, receiver, name)
        for event_id in burst(holding, name, LIMIT, channels=["webhook"]):
            assert holding.event(event_id)["counts"].keys() <= {"sending", "delivered"}


def test_without_a_dedupe_window_nothing_is_a_duplicate(holding):
    for _ in range(2):
        event_id = holding.submit("job.completed", {"job_id": "j-1"}, "no-window")
        assert holding.ended(event_id)["counts"] == {"delivered": 1}


def test_what_is_over_the_limit_is_dropped_if_that_is_asked_for(dropping, receiver):
    name = user(dropping, receiver, "dropped")
    events = burst(dropping, name, 4, channels=["webhook"])
    for event_id in events:
        dropping.ended(event_id)
    found = [dropping.notification(event_id, "webhook") for event_id in events]
    assert [(one["status"], one["reason"]) for one in found] == [("delivered", None)] * 2 + [
        ("suppressed", "rate_limited")
    ] * 2
    assert found[-1]["because"] == "Not sent: too many messages in a short time."
    labels = {"type": "job.failed", "channel": "webhook", "status": "suppressed", "reason": "rate_limited"}
    assert dropping.metrics().sum("notifications_total", **labels) == 2
    assert sum(entry["path"] == "/dropped" for entry in receiver.ledger.entries()) == 2
    assert datetime.now(UTC) > at(found[-1]["updated_at"])


def test_without_a_mail_server_mails_are_files_and_health_says_so(holding):
    assert holding.get("/health")["channels"]["email"] == "console"
    holding.set_user("filed", locale="de", contacts={"email": "filed@files.example"})
    event = holding.ended(holding.submit("job.failed", {"job_id": "j-1", "error": "Platte voll"}, "filed"))
    assert event["counts"] == {"delivered": 2}
    [mail] = [mail for mail in files(holding.data_dir / "mail") if mail["To"] == "filed@files.example"]
    assert mail["From"] == "IM2 <notifications@localhost>"
    assert mail["Subject"] == "Job fehlgeschlagen: Platte voll (j-1)"
