"""PagerDuty: what it is told, by events and by incidents, and what comes of it."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from channels.base import FROM_ENVIRONMENT, ContactError, PagerDutySettings, Permanent, Transient
from channels.http import Http
from channels.pagerduty import PagerDuty
from channels.registry import build_channels
from tests.contract.harness_alerts import KEY, SECONDS, SERVICE, PagerDutyHarness, PagerDutyIncidentsHarness
from tests.fakes.pagerduty import PagerDutyService
from tests.fakes.receiver import Answer, Receiver
from tests.fakes.samples import channel_env, message

ABOUT = {"alert_key": "im2-job-1"}


@pytest.fixture
def events(tmp_path: Path) -> Iterator[PagerDutyHarness]:
    made = PagerDutyHarness(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def rest(tmp_path: Path) -> Iterator[PagerDutyIncidentsHarness]:
    made = PagerDutyIncidentsHarness(tmp_path)
    yield made
    made.stop()


def said(harness: PagerDutyHarness, number: int = -1) -> dict[str, Any]:
    """The document of a request."""
    return dict(json.loads(harness.server.ledger.entries()[number]["body"]))


def state(harness: PagerDutyHarness) -> list[tuple[str, int, int]]:
    return [(one.key, one.told, one.closed) for one in harness.service.incidents.everything()]


def test_an_event_tells_everything(events: PagerDutyHarness):
    receipt = events.channel.send(
        message(
            **ABOUT,
            link="https://im2.example/ui/history?subject_key=j-9",
            why="Gesendet, weil „Fehlgeschlagene Jobs“ hier eingeschaltet ist.",
            settings_link="https://im2.example/ui/preferences",
            settings_label="Einstellen, was wohin gesendet wird",
        ),
        events.contact(),
    )
    assert (receipt.http_status, receipt.provider_ref) == (202, "im2-job-1")
    event = said(events)
    details = event["payload"].pop("custom_details")
    assert event == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "im2-job-1",
        "client": "IM2 Notifications",
        "client_url": "https://im2.example/ui/history?subject_key=j-9",
        "links": [{"href": "https://im2.example/ui/preferences", "text": "Einstellen, was wohin gesendet wird"}],
        "payload": {
            "summary": "Auftrag j-9 ist gescheitert – „disk full“",
            "source": "encoder",
            "severity": "error",
            "timestamp": "2026-11-22T09:30:00Z",
            "component": "j-9",
            "group": "job",
            "class": "job.failed",
        },
    }
    assert details == {
        "type": "job.failed",
        "priority": "high",
        "subject_key": "j-9",
        "sequence": 4,
        "user_id": "u-17",
        "notification_id": "ntf_0190",
        "event_id": "evt_0190",
        "text": "Der Auftrag ist gescheitert.\n.\nMehr nicht.",
        "why": "Gesendet, weil „Fehlgeschlagene Jobs“ hier eingeschaltet ist.",
        "event": {"job_id": "j-9", "error": "disk full"},
    }


def test_an_alert_is_opened_once_closed_once_and_opened_anew(events: PagerDutyHarness):
    contact = events.contact()
    for resolved in (False, False, True, True, False):
        events.channel.send(message(**ABOUT, resolved=resolved), contact)
    assert state(events) == [("im2-job-1", 2, 1), ("im2-job-1", 1, 0)]
    assert events.service.incidents.in_vain == 1
    assert said(events, 2) == {"routing_key": KEY, "event_action": "resolve", "dedup_key": "im2-job-1"}


@pytest.mark.parametrize(
    ("priority", "severity", "urgency"),
    [
        ("critical", "critical", "high"),
        ("high", "error", "high"),
        ("normal", "warning", "low"),
        ("low", "info", "low"),
    ],
)
def test_a_priority_becomes_a_severity_and_an_urgency(
    events: PagerDutyHarness, rest: PagerDutyIncidentsHarness, priority: str, severity: str, urgency: str
):
    for harness in (events, rest):
        harness.channel.send(message(priority=priority), harness.contact())
    assert said(events)["payload"]["severity"] == severity
    assert said(rest)["incident"]["urgency"] == urgency


def test_what_is_too_long_is_cut_and_says_so(events: PagerDutyHarness, rest: PagerDutyIncidentsHarness):
    long = {"title": "t" * 2_000, "text": "x" * 30_000, "source": "s" * 300}
    for harness in (events, rest):
        harness.channel.send(message(**long, data={"log": "ü" * 300_000}), harness.contact())
    payload = said(events)["payload"]
    assert payload["summary"] == "t" * 1_023 + "…"
    assert payload["custom_details"]["event"] == "left out, since the whole would be larger than PagerDuty takes"
    assert payload["custom_details"]["text"].endswith("x…")
    assert len(events.server.ledger.entries()[-1]["body"].encode()) < 512_000
    assert said(rest)["incident"]["body"]["details"] == "x" * 19_999 + "…"


def test_what_has_no_words_and_no_source_still_has_a_summary(events: PagerDutyHarness):
    events.channel.send(
        message(title="", source=None, subject_key=None, sequence=None, event_id=None, data={}, items=[{"a": 1}]),
        events.contact(),
    )
    payload = said(events)["payload"]
    assert (payload["summary"], payload["source"]) == ("job.failed", "IM2 Notifications")
    assert payload["custom_details"]["items"] == [{"a": 1}]
    assert "component" not in payload


def test_too_many_events_are_told_to_wait(tmp_path: Path):
    service = PagerDutyService(events_a_minute=3)
    with Receiver(services={"": service}) as receiver:
        channel = PagerDuty(PagerDutySettings(events_url=receiver.url("")), Http(5, trusted=True), _now, 5)
        contact = channel.read_contact({"routing_key": KEY}, None)
        for number in range(3):
            channel.send(message(notification_id=f"ntf_{number}"), contact)
        with pytest.raises(Transient) as caught:
            channel.send(message(), contact)
        assert (caught.value.retry_after, caught.value.scope, caught.value.unknown) == (30.0, "target", False)
        channel.close()


def test_an_incident_is_opened_and_resolved(rest: PagerDutyIncidentsHarness):
    contact = rest.contact()
    receipt = rest.channel.send(message(**ABOUT), contact)
    assert (receipt.http_status, receipt.provider_ref) == (201, "A00001")
    entry = rest.server.ledger.entries()[0]
    headers = ("authorization", "accept", "content-type", "from")
    assert [entry["headers"][name] for name in headers] == [
        f"Token token={KEY}",
        "application/vnd.pagerduty+json;version=2",
        "application/json",
        "ops@im2.example",
    ]
    assert said(rest) == {
        "incident": {
            "type": "incident",
            "title": "Auftrag j-9 ist gescheitert – „disk full“",
            "service": {"id": SERVICE, "type": "service_reference"},
            "urgency": "high",
            "incident_key": "im2-job-1",
            "body": {"type": "incident_body", "details": "Der Auftrag ist gescheitert.\n.\nMehr nicht."},
        }
    }
    repeated = rest.channel.send(message(**ABOUT), contact)
    assert (repeated.provider_ref, repeated.detail) == ("A00001", "An incident with this key is open already.")
    resolved = rest.channel.send(message(**ABOUT, resolved=True), contact)
    assert (resolved.http_status, resolved.provider_ref) == (200, "A00001")
    assert said(rest) == {"incident": {"type": "incident_reference", "status": "resolved"}}
    again = rest.channel.send(message(**ABOUT, resolved=True), contact)
    assert again.detail == "No incident with this key is open any more."
    rest.channel.send(message(**ABOUT), contact)
    assert state(rest) == [("im2-job-1", 2, 1), ("im2-job-1", 1, 0)]
    assert rest.service.incidents.in_vain == 0


def test_an_incident_of_another_service_or_key_is_not_ours(rest: PagerDutyIncidentsHarness):
    rest.service.incidents.open("PELSEWHERE", "im2-job-1")
    rest.service.incidents.open(SERVICE, "im2-job-2")
    rest.channel.send(message(**ABOUT, resolved=True), rest.contact())
    assert {closed for _, _, closed in state(rest)} == {0}
    rest.server.script("/incidents", Answer(409))
    with pytest.raises(Permanent):
        rest.channel.send(message(**ABOUT), rest.contact())


def listing() -> str:
    """The question for what is open."""
    wanted = [("incident_key", "im2-job-1"), ("service_ids[]", SERVICE)]
    return "/incidents?" + urlencode([*wanted, ("statuses[]", "triggered"), ("statuses[]", "acknowledged")])


@pytest.mark.parametrize(
    "how", [Answer(500), Answer(429), Answer(act="reset"), Answer(200, body="not JSON"), Answer(200, body="{}")]
)
@pytest.mark.parametrize("resolved", [False, True])
def test_a_question_that_fails_leaves_nothing_in_doubt(rest: PagerDutyIncidentsHarness, how: Answer, resolved: bool):
    rest.service.incidents.open(SERVICE, "im2-job-1")
    rest.server.script(listing(), how)
    with pytest.raises(Transient) as caught:
        rest.channel.send(message(**ABOUT, resolved=resolved), rest.contact())
    assert not caught.value.unknown
    assert state(rest)[0][2] == 0


def test_somebody_else_may_resolve_it_in_between(rest: PagerDutyIncidentsHarness):
    rest.service.incidents.open(SERVICE, "im2-job-1")
    found = json.dumps({"incidents": [_open_incident()]})
    rest.server.script(listing(), Answer(200, body=found, times=1), Answer(act="serve"))
    rest.service.incidents.close(SERVICE, "im2-job-1")
    receipt = rest.channel.send(message(**ABOUT, resolved=True), rest.contact())
    assert receipt.detail == "Somebody else resolved the incident just now."


def _open_incident() -> dict[str, Any]:
    service = {"id": SERVICE, "type": "service_reference"}
    return {"id": "A00001", "status": "triggered", "incident_key": "im2-job-1", "service": service}


def test_what_cannot_be_resolved_fails(rest: PagerDutyIncidentsHarness):
    rest.service.incidents.open(SERVICE, "im2-job-1")
    rest.server.script("/incidents/A00001", Answer(403))
    with pytest.raises(Permanent):
        rest.channel.send(message(**ABOUT, resolved=True), rest.contact())


def test_without_an_address_there_is_no_from(tmp_path: Path):
    with Receiver(services={"": PagerDutyService(keys=(KEY,), services=(SERVICE,))}) as receiver:
        settings = PagerDutySettings(api_key=KEY, service_id=SERVICE, api_url=receiver.url("/base"))
        channel = PagerDuty(settings, Http(SECONDS, trusted=True), _now, SECONDS)
        with pytest.raises(Permanent):
            channel.send(message(), channel.operators_contact())
        (entry,) = receiver.ledger.entries()
        assert "from" not in entry["headers"]
        assert entry["path"] == "/base/incidents"
        channel.close()


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        (PagerDutySettings(routing_key=KEY), "/v2/enqueue"),
        (PagerDutySettings(routing_key=KEY, api_key=KEY, service_id=SERVICE), "/v2/enqueue"),
        (PagerDutySettings(api_key=KEY, service_id=SERVICE), "/incidents"),
    ],
)
def test_the_operators_are_reached_by_events_or_else_by_incidents(settings: PagerDutySettings, path: str):
    with Receiver(services={"": PagerDutyService(keys=(KEY,), services=(SERVICE,))}) as receiver:
        url = receiver.url("")
        channel = PagerDuty(replace(settings, events_url=url, api_url=url), Http(SECONDS, trusted=True), _now, SECONDS)
        contact = channel.operators_contact()
        assert contact.public == FROM_ENVIRONMENT
        shown = channel.show_contact(contact)
        assert list(shown.values()) == [{"set": True, "last4": KEY[-4:]}]
        assert channel.read_contact(shown, contact) == contact
        channel.send(message(), contact)
        assert [entry["path"] for entry in receiver.ledger.entries()] == [path]
        assert KEY not in channel.target(contact)
        channel.close()


def test_without_a_key_the_operators_have_no_contact(tmp_path: Path):
    assert build_channels(channel_env(tmp_path))["pagerduty"].operators_contact() is None


def test_an_attempt_is_over_in_its_time(tmp_path: Path):
    with Receiver() as receiver:
        receiver.script("*", Answer(act="silence"))
        settings = PagerDutySettings(routing_key=KEY, events_url=receiver.url(""))
        channel = PagerDuty.build(channel_env(tmp_path, pagerduty=settings, attempt_seconds=0.2))
        began = time.monotonic()
        with pytest.raises(Transient):
            channel.send(message(), channel.operators_contact())
        assert time.monotonic() - began < 3
        channel.close()


def test_a_target_is_the_key_or_the_service(tmp_path: Path):
    channel = build_channels(channel_env(tmp_path, pagerduty=PagerDutySettings(routing_key=KEY)))["pagerduty"]
    other = channel.read_contact({"routing_key": KEY[::-1]}, None)
    own = channel.read_contact({"routing_key": KEY}, None)
    assert channel.target(own) == channel.target(channel.operators_contact()) != channel.target(other)


def test_the_environments_key_is_lent_to_no_other_contact(tmp_path: Path):
    env = channel_env(tmp_path, pagerduty=PagerDutySettings(api_key=KEY, service_id=SERVICE))
    channel = build_channels(env)["pagerduty"]
    masked = {"set": True, "last4": KEY[-4:]}
    with pytest.raises(ContactError):
        channel.read_contact({"routing_key": masked}, channel.operators_contact())


def _now() -> datetime:
    return datetime.now(UTC)
