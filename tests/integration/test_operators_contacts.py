"""Operators out of the box: a hook or a key in the environment is all it takes for errors to reach them."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.alerts import alert_key
from tests.fakes import discord, slack
from tests.fakes.pagerduty import PagerDutyService
from tests.fakes.receiver import Answer, Receiver
from tests.integration.product import Product, eventually

ERROR = {"component": "encoder", "message": "no worker answers"}
API_KEY, SERVICE = "canary-pagerduty-api-key", "PSERVICE"


@pytest.fixture(scope="module")
def chats() -> tuple[slack.Slack, discord.Discord]:
    return slack.Slack(), discord.Discord()


@pytest.fixture(scope="module")
def rooms(chats: tuple[slack.Slack, discord.Discord]) -> Iterator[Receiver]:
    """Slack and Discord at an address that nobody else may use."""
    with Receiver(dialects=list(chats)) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def pagerduty() -> PagerDutyService:
    return PagerDutyService(keys=(API_KEY,), services=(SERVICE,))


@pytest.fixture(scope="module")
def paging(pagerduty: PagerDutyService) -> Iterator[Receiver]:
    with Receiver(services={"": pagerduty}) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory, rooms: Receiver, paging: Receiver) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("operators")
    places = {
        "SLACK_WEBHOOK_URL": rooms.url(slack.HOOK),
        "DISCORD_WEBHOOK_URL": rooms.url(discord.HOOK),
        "PAGERDUTY_API_URL": paging.url(""),
        "PAGERDUTY_API_KEY": API_KEY,
        "PAGERDUTY_SERVICE_ID": SERVICE,
        "PAGERDUTY_FROM_EMAIL": "ops@im2.example",
    }
    with Product(folder, WEBHOOK_ALLOWED_NETWORKS="", RELAY_TICK_SECONDS="1", **places) as product:
        yield product


def notices(ours: Product, type_: str) -> list[dict[str, Any]]:
    """What the operators' inbox has of a type."""
    return [one for one in ours.get("/inbox/operators")["items"] if one["type"] == type_]


def test_an_error_without_recipients_is_told_on_all(ours: Product, rooms: Receiver):
    ended = ours.ended(ours.submit("system.error", ERROR))
    told = {one["channel"]: one["status"] for one in ended["notifications"]}
    assert told == dict.fromkeys(("inapp", "slack", "discord", "pagerduty"), "delivered")
    assert sorted(entry["channel"] for entry in rooms.ledger.entries()) == ["discord", "slack"]


def test_their_preferences_show_it_and_a_test_arrives(ours: Product, rooms: Receiver):
    before = ours.get("/preferences/operators")
    assert before["contacts"]["slack"] == {"url": {"set": True, "last4": slack.HOOK[-4:]}, "from": "environment"}
    assert ours.call("PUT", "/preferences/operators", json=before).json() == before
    count = len(rooms.ledger.entries())
    assert ours.call("POST", "/preferences/operators/test/discord").status_code == 202
    eventually(lambda: len(rooms.ledger.entries()) == count + 1)


def test_a_hook_that_is_gone_is_asked_once(ours: Product, rooms: Receiver, chats: tuple[slack.Slack, discord.Discord]):
    count = len(rooms.ledger.entries())
    chats[0].end(slack.HOOK, 410, "channel_is_archived")
    for number in range(2):
        data = {**ERROR, "component": f"encoder-{number}"}
        counts = ours.ended(ours.submit("system.error", data, channels=["slack"]))["counts"]
        assert counts == ({"suppressed": 1} if number else {"failed": 1})
    assert len(rooms.ledger.entries()) == count + 1
    shown = ours.get("/preferences/operators")
    assert "archived" in shown["contacts"]["slack"]["disabled"]
    assert shown["effective"]["system.error"]["slack"]["source"] == "no_contact"
    audited = ours.get("/audit", action="contact.disable")["items"]
    assert [entry["object"] for entry in audited] == ["user:operators"]
    (notice,) = eventually(lambda: notices(ours, "contact.disabled"))
    assert notice["title"] == f"Slack …{slack.HOOK[-4:]} has been turned off"
    assert "archived" in notice["text"]
    assert slack.HOOK not in notice["text"]


def test_a_failed_job_is_one_incident_until_it_is_done(ours: Product, paging: Receiver, pagerduty: PagerDutyService):
    assert ours.get("/preferences/operators")["contacts"]["pagerduty"]["from"] == "environment"
    on = {"events": {"job.failed": {"pagerduty": True}}}
    assert ours.call("PATCH", "/preferences/operators", json=on).status_code == 200
    asked = len(paging.ledger.entries())

    def told(type_: str, **data: str) -> tuple[str, int | None, str | None]:
        """What came of an event about the job."""
        event = ours.submit(type_, {"job_id": "j-1", **data}, "operators", channels=["pagerduty"])
        (row,) = ours.ended(event)["notifications"]
        (attempt,) = ours.notification(event, "pagerduty")["attempts"]
        return row["status"], attempt["http_status"], attempt["detail"]

    assert told("job.failed", error="disk full") == ("delivered", 201, None)
    assert told("job.failed", error="no memory") == ("delivered", 400, "An incident with this key is open already.")
    assert told("job.completed") == ("delivered", 200, None)
    ended = ours.ended(ours.submit("job.completed", {"job_id": "j-1"}, "operators", channels=["pagerduty"]))
    assert ended["notifications"] == []
    (incident,) = pagerduty.incidents.everything(alert_key("operators", "job.failed", "j-1"))
    assert (incident.owner, incident.closed) == (SERVICE, 1)
    entries = paging.ledger.entries()[asked:]
    assert [entry["did"] for entry in entries] == ["opened", "repeated", "asked", "asked", "closed"]
    assert {entry["headers"]["from"] for entry in entries} == {"ops@im2.example"}


def test_a_key_that_is_refused_is_tried_all_the_same_and_operators_see_it(ours: Product, paging: Receiver):
    def of_the_desk() -> tuple[str, str | None]:
        (found,) = [one for one in ours.get("/channels")["items"] if one["name"] == "pagerduty"]
        return found["operators"], found["operators_detail"]

    said = "The key is refused. Answered 401: ***"
    assert of_the_desk() == ("used", None)
    paging.script("/incidents", Answer(401, body=API_KEY, times=2), Answer(act="serve"))
    counts = []
    for number, state in enumerate((("refused", said), ("refused", said), ("used", None))):
        data = {**ERROR, "component": f"paged-{number}"}
        counts.append(ours.ended(ours.submit("system.error", data, channels=["pagerduty"]))["counts"])
        assert of_the_desk() == state
    assert counts == [{"failed": 1}, {"failed": 1}, {"delivered": 1}]
    told = eventually(
        lambda: [one for one in ours.get("/inbox/operators")["items"] if one["type"] == "contact.failing"]
    )
    assert [one["title"] for one in told] == [f"PagerDuty …{API_KEY[-4:]} isn't accepting notifications"]
    assert ours.metrics().sum("notifications_unaccounted") == 0
