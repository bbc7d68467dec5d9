"""Opsgenie: what it is told, what comes of what it accepted, and whose base URL is trusted."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from channels.base import FROM_ENVIRONMENT, ContactError, OpsgenieSettings, Permanent, Transient
from channels.guard import Guard
from channels.http import Http
from channels.opsgenie import Opsgenie
from channels.registry import build_channels
from tests.contract.harness_alerts import KEY, OpsgenieHarness
from tests.fakes.opsgenie import OpsgenieService
from tests.fakes.receiver import Answer, Receiver
from tests.fakes.samples import channel_env, message

ABOUT = {"alert_key": "im2-job-1"}
FIRST = "00000001-0000-4000-8000-000000000000"


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[OpsgenieHarness]:
    made = OpsgenieHarness(tmp_path)
    yield made
    made.stop()


def told(harness: OpsgenieHarness, number: int = 0) -> dict[str, Any]:
    """The document of a request that was no question."""
    posts = [entry for entry in harness.server.ledger.entries() if entry["did"] != "asked"]
    return dict(json.loads(posts[number]["body"]))


def test_an_alert_tells_everything(harness: OpsgenieHarness):
    link = "https://im2.example/ui/history?subject_key=j-9"
    why, settings = (
        "Gesendet, weil „Fehlgeschlagene Jobs“ hier eingeschaltet ist.",
        "https://im2.example/ui/preferences",
    )
    about = message(**ABOUT, link=link, why=why, settings_link=settings)
    receipt = harness.channel.send(about, harness.contact())
    assert (receipt.http_status, receipt.detail, receipt.provider_ref) == (202, "Created alert", "A00001")
    post, asked = harness.server.ledger.entries()
    assert post["headers"]["authorization"] == f"GenieKey {KEY}"
    assert (post["path"], asked["path"]) == ("/v2/alerts", f"/v2/alerts/requests/{FIRST}")
    assert told(harness) == {
        "message": "Auftrag j-9 ist gescheitert – „disk full“",
        "alias": "im2-job-1",
        "description": "Der Auftrag ist gescheitert.\n.\nMehr nicht.",
        "tags": ["job.failed"],
        "details": {
            "type": "job.failed",
            "priority": "high",
            "subject_key": "j-9",
            "sequence": "4",
            "user_id": "u-17",
            "notification_id": "ntf_0190",
            "event_id": "evt_0190",
            "link": link,
            "why": why,
            "settings": settings,
            "job_id": "j-9",
            "error": "disk full",
        },
        "entity": "j-9",
        "source": "encoder",
        "priority": "P2",
    }


def test_an_alert_is_opened_once_closed_once_and_opened_anew(harness: OpsgenieHarness):
    contact = harness.contact()
    receipts = [
        harness.channel.send(message(**ABOUT, resolved=resolved), contact)
        for resolved in (False, False, True, True, False)
    ]
    assert [receipt.detail for receipt in receipts] == [
        "Created alert",
        "Created alert",
        "Closed alert",
        "Alert does not exist",
        "Created alert",
    ]
    alerts = [(one.key, one.told, one.closed) for one in harness.service.incidents.everything()]
    assert alerts == [("im2-job-1", 2, 1), ("im2-job-1", 1, 0)]
    note = "Auftrag j-9 ist gescheitert – „disk full“\n\nDer Auftrag ist gescheitert.\n.\nMehr nicht."
    assert told(harness, 2) == {"source": "IM2 Notifications", "note": note}
    paths = [entry["path"] for entry in harness.server.ledger.entries() if entry["did"] == "closed"]
    assert paths == ["/v2/alerts/im2-job-1/close?identifierType=alias"]


@pytest.mark.parametrize(("priority", "shown"), [("critical", "P1"), ("high", "P2"), ("normal", "P3"), ("low", "P4")])
def test_a_priority_becomes_one_of_theirs(harness: OpsgenieHarness, priority: str, shown: str):
    harness.channel.send(message(priority=priority), harness.contact())
    assert told(harness)["priority"] == shown


def test_what_is_too_long_is_cut_and_what_is_left_out_is_counted(harness: OpsgenieHarness):
    data = {"log": "ü" * 3_000, **{f"field {number}": "x" * 900 for number in range(12)}, "nothing": None}
    contact = harness.contact()
    harness.channel.send(
        message(title="t" * 200, text="x" * 30_000, source="s" * 255, subject_key="j" * 600, data=data), contact
    )
    alert = told(harness)
    assert (alert["message"], alert["source"]) == ("t" * 129 + "…", "s" * 99 + "…")
    assert (len(alert["description"]), len(alert["entity"])) == (15_000, 512)
    details = alert["details"]
    assert sum(len(name) + len(value) for name, value in details.items()) <= 8_000
    assert int(details["left_out"]) == 13 - sum(name.startswith("field") for name in details)
    harness.channel.send(message(**ABOUT, text="x" * 30_000), contact)
    harness.channel.send(message(**ABOUT, text="x" * 30_000, resolved=True), contact)
    assert len(told(harness, 2)["note"]) == 25_000


def test_what_has_no_words_and_no_source_is_told_all_the_same(harness: OpsgenieHarness):
    harness.channel.send(message(title="", source=None, subject_key=None, data={}), harness.contact())
    alert = told(harness)
    assert (alert["message"], alert["source"]) == ("job.failed", "IM2 Notifications")
    assert "entity" not in alert


@pytest.mark.parametrize(("vain", "detail"), [(2, "Created alert"), (3, "Accepted, and not yet done")])
def test_it_is_asked_three_times_what_came_of_it(harness: OpsgenieHarness, vain: int, detail: str):
    harness.service.asked_before_done = vain
    harness.channel = _patient(harness)
    receipt = harness.channel.send(message(**ABOUT), harness.contact())
    assert receipt.detail.startswith(detail)
    assert receipt.provider_ref == ("A00001" if vain == 2 else FIRST)
    assert [entry["did"] for entry in harness.server.ledger.entries()] == ["opened", *["asked"] * 3]


def _patient(harness: OpsgenieHarness) -> Opsgenie:
    """The same channel with more time."""
    harness.channel.close()
    http, guard = harness.channel._guarded, harness.channel._guard
    return Opsgenie(OpsgenieSettings(), http, http, guard, _now, 20, pause=lambda _seconds: None)


@pytest.mark.parametrize(
    "how",
    [
        Answer(500),
        Answer(429),
        Answer(401),
        Answer(act="reset"),
        Answer(200, body="?"),
        Answer(200, body='{"data": 1}'),
    ],
)
@pytest.mark.parametrize("resolved", [False, True])
def test_a_result_that_cannot_be_had_takes_nothing_back(harness: OpsgenieHarness, how: Answer, resolved: bool):
    harness.server.script(f"/v2/alerts/requests/{FIRST}", how)
    receipt = harness.channel.send(message(**ABOUT, resolved=resolved), harness.contact())
    assert (receipt.http_status, receipt.provider_ref) == (202, FIRST)


def test_an_answer_without_a_request_is_taken_at_its_word(harness: OpsgenieHarness):
    harness.server.script("*", Answer(202, body="fine"))
    assert harness.channel.send(message(), harness.contact()).provider_ref is None


def test_too_many_requests_are_told_to_wait():
    with Receiver(services={"": OpsgenieService(calls_a_minute=2)}) as receiver:
        channel = _trusting(receiver)
        for number in range(2):
            channel.send(message(notification_id=f"ntf_{number}"), channel.operators_contact())
        with pytest.raises(Transient) as caught:
            channel.send(message(), channel.operators_contact())
        assert not caught.value.unknown
        channel.close()


def test_the_environments_base_is_trusted_and_a_users_is_not(tmp_path: Path):
    with Receiver(services={"/jsm/ops/integration": OpsgenieService()}) as receiver:
        base = receiver.url("/jsm/ops/integration")
        env = channel_env(tmp_path, allowed_networks=[], opsgenie=OpsgenieSettings(api_key=KEY, api_url=base))
        channel = build_channels(env)["opsgenie"]
        operators = channel.operators_contact()
        assert operators.public == FROM_ENVIRONMENT
        shown = channel.show_contact(operators)
        assert shown == {"api_key": {"set": True, "last4": KEY[-4:]}, "url": None}
        assert channel.read_contact(shown, operators) == operators
        with pytest.raises(ContactError):
            channel.read_contact({**shown, "url": "https://api.eu.opsgenie.com"}, operators)
        assert channel.send(message(), operators).http_status == 202
        own_key = channel.read_contact({"api_key": KEY[::-1]}, None)
        assert channel.send(message(), own_key).http_status == 202
        own_url = replace(own_key, public={"url": base})
        with pytest.raises(Permanent, match="not allowed"):
            channel.send(message(), own_url)
        paths = {entry["path"].partition("/requests/")[0] for entry in receiver.ledger.entries()}
        assert paths == {"/jsm/ops/integration/v2/alerts"}
        assert channel.target(operators) != channel.target(own_key) == channel.target(own_url)
        channel.close()


def test_without_a_key_the_operators_have_no_contact(tmp_path: Path):
    assert build_channels(channel_env(tmp_path))["opsgenie"].operators_contact() is None


def test_a_contact_keeps_its_key_and_shows_its_base(harness: OpsgenieHarness):
    contact = harness.channel.read_contact({"api_key": KEY, "url": "https://api.eu.opsgenie.com/"}, None)
    shown = {"api_key": {"set": True, "last4": KEY[-4:]}, "url": "https://api.eu.opsgenie.com"}
    assert harness.channel.show_contact(contact) == shown
    moved = harness.channel.read_contact({**shown, "url": None}, contact)
    assert (moved.secret, moved.public) == (contact.secret, {"url": None})


def _trusting(receiver: Receiver) -> Opsgenie:
    http = Http(5, trusted=True)
    settings = OpsgenieSettings(api_key=KEY, api_url=receiver.url(""))
    return Opsgenie(settings, http, http, Guard([]), _now, 5, pause=lambda _seconds: None)


def _now() -> datetime:
    return datetime.now(UTC)
