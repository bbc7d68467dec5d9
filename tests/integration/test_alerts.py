"""Alerts through the whole product: opened, closed once, and never overtaken."""

import signal
from collections.abc import Iterator
from itertools import count, cycle

import pytest

from app.domain.alerts import alert_key
from tests.fakes.at_once import at_once
from tests.fakes.opsgenie import OpsgenieService
from tests.fakes.pagerduty import PagerDutyService
from tests.fakes.receiver import Answer, Receiver
from tests.integration.product import Product

CHANNELS = ("pagerduty", "opsgenie")
ON = dict.fromkeys(CHANNELS, True)
numbers = count(1)


class Responder:
    """Somebody whom both services alert."""

    def __init__(self, product, services) -> None:
        self.product, self.services = product, services
        self.name = f"responder-{next(numbers)}"
        contacts = {"pagerduty": {"routing_key": f"{next(numbers):032}"}, "opsgenie": {"api_key": f"key-{self.name}"}}
        events = dict.fromkeys(("job.failed", "system.warning", "quota.exceeded", "quota.approaching"), ON)
        product.set_user(self.name, contacts=contacts, events=events)

    def tell(self, type_: str, data: dict, **fields) -> str:
        """Submit an event about the responder's affairs to the alerting channels; its id."""
        return self.product.submit(type_, data, self.name, channels=list(CHANNELS), **fields)

    def ended(self, event_id: str) -> list[tuple[str, str, str | None]]:
        """Channel, status and reason of each notification of an event, once all have ended."""
        rows = self.product.ended(event_id)["notifications"]
        return sorted((row["channel"], row["status"], row["reason"]) for row in rows)

    def alerts(self, type_: str, subject: str) -> list[list[tuple[int, int]]]:
        """For each service, how often each alert about a subject was opened and closed."""
        key = alert_key(self.name, type_, subject)
        return [[(one.told, one.closed) for one in service.incidents.everything(key)] for service in self.services]


BOTH_DELIVERED = [("opsgenie", "delivered", None), ("pagerduty", "delivered", None)]


@pytest.fixture
def responder(product, pagerduty, opsgenie) -> Iterator[Responder]:
    in_vain = [service.incidents.in_vain for service in (pagerduty, opsgenie)]
    yield Responder(product, (pagerduty, opsgenie))
    assert [service.incidents.in_vain for service in (pagerduty, opsgenie)] == in_vain
    assert product.metrics().sum("notifications_unaccounted") == 0


def test_a_failed_job_is_an_alert_until_it_is_done(responder):
    job = {"job_id": "j-1"}
    assert responder.ended(responder.tell("job.failed", {**job, "error": "disk full"})) == BOTH_DELIVERED
    assert responder.alerts("job.failed", "j-1") == [[(1, 0)]] * 2
    assert responder.ended(responder.tell("job.progress", {**job, "percent": 3}, resolved=True)) == []
    done = responder.tell("job.completed", job)
    assert responder.ended(done) == BOTH_DELIVERED
    assert responder.alerts("job.failed", "j-1") == [[(1, 1)]] * 2
    assert responder.ended(responder.tell("job.completed", job)) == []
    closing = responder.product.notification(done, "opsgenie")
    assert [one["detail"] for one in closing["attempts"]] == ["Closed alert"]


@pytest.mark.parametrize(
    ("opens", "closes", "data"),
    [
        ("system.error", "system.warning", {"component": "encoder", "message": "m"}),
        ("quota.exceeded", "quota.approaching", {"resource": "encoder", "used": 2, "limit": 1}),
        ("job.failed", "job.failed", {"job_id": "encoder", "error": "e"}),
    ],
)
def test_what_is_resolved_is_closed(responder, opens, closes, data):
    assert responder.ended(responder.tell(closes, data, resolved=True)) == []
    assert responder.ended(responder.tell(opens, data)) == BOTH_DELIVERED
    assert responder.ended(responder.tell(closes, data, resolved=True)) == BOTH_DELIVERED
    assert responder.alerts(opens, "encoder") == [[(1, 1)]] * 2


def test_of_many_who_say_that_it_is_over_one_is_heard(responder):
    responder.ended(responder.tell("job.failed", {"job_id": "j-2", "error": "e"}))
    key = responder.product.admin_key
    event = {"type": "job.completed", "data": {"job_id": "j-2"}, "recipients": [responder.name]}
    answers = at_once(12, lambda _: responder.product.call("POST", "/events", json=event, token=key))
    rows = [row for answer in answers for row in responder.ended(answer.json()["id"]) if row[0] in CHANNELS]
    assert sorted(rows) == BOTH_DELIVERED
    assert responder.alerts("job.failed", "j-2") == [[(1, 1)]] * 2


def test_the_end_waits_for_a_beginning_that_is_retried(responder, alerting):
    alerting.script("/pagerduty/v2/enqueue", Answer(503, times=2), Answer(act="serve"))
    alerting.script("/opsgenie/v2/alerts", Answer(503, times=2), Answer(act="serve"))
    opening = responder.tell("job.failed", {"job_id": "j-3", "error": "e"})
    closing = responder.tell("job.completed", {"job_id": "j-3"})
    assert responder.ended(closing) == BOTH_DELIVERED
    assert responder.ended(opening) == BOTH_DELIVERED
    assert responder.alerts("job.failed", "j-3") == [[(1, 1)]] * 2
    for channel in CHANNELS:
        assert len(responder.product.notification(opening, channel)["attempts"]) == 3
        assert len(responder.product.notification(closing, channel)["attempts"]) == 1


def test_what_could_not_be_opened_is_not_closed(responder, alerting):
    for path in ("/pagerduty/v2/enqueue", "/opsgenie/v2/alerts"):
        alerting.script(path, Answer(400, times=1), Answer(act="serve"))
    opening = responder.tell("job.failed", {"job_id": "j-4", "error": "e"})
    closing = responder.tell("job.completed", {"job_id": "j-4"})
    assert {row[1:] for row in responder.ended(opening)} == {("failed", "rejected")}
    assert {row[1:] for row in responder.ended(closing)} <= {("suppressed", "superseded")}
    assert responder.alerts("job.failed", "j-4") == [[], []]


def test_explain_says_that_it_would_be_closed(responder):
    event = {
        "type": "job.completed",
        "data": {"job_id": "j-5"},
        "recipients": [responder.name],
        "channels": [*CHANNELS],
    }

    def decisions() -> set[tuple[str, str]]:
        answer = responder.product.call("POST", "/events/explain", json=event).json()["decisions"]
        return {(one["decision"], one["because"]) for one in answer}

    assert decisions() == {("suppress", "Not sent: this channel is off by default for this type of event.")}
    responder.ended(responder.tell("job.failed", {"job_id": "j-5", "error": "e"}))
    assert decisions() == {("send", "Sent immediately: it closes the open alert about this subject.")}


def test_workers_that_are_killed_leave_nothing_open(tmp_path):
    pagerduty, opsgenie = PagerDutyService(events_a_minute=9_999), OpsgenieService(calls_a_minute=9_999)
    jobs = [f"j-{number}" for number in range(40)]
    over = jobs[:30]
    with Receiver(services={"/pagerduty": pagerduty, "/opsgenie": opsgenie}) as alerting:
        settings = {
            "PAGERDUTY_EVENTS_URL": alerting.url("/pagerduty"),
            "OPSGENIE_API_URL": alerting.url("/opsgenie"),
            "LEASE_SECONDS": "6",
            "WEBHOOK_TIMEOUT_SECONDS": "3",
            "RELAY_TICK_SECONDS": "1",
            "RELAY_GRACE_SECONDS": "3",
        }
        with Product(tmp_path, **settings) as product:
            # Several, since PagerDuty gets only so much in a time for each key.
            responders = [Responder(product, (pagerduty, opsgenie)) for _ in range(4)]
            whose = dict(zip(jobs, cycle(responders), strict=False))
            to = {job: {"recipients": [whose[job].name], "channels": list(CHANNELS)} for job in jobs}
            told = [{"type": "job.failed", "data": {"job_id": job, "error": "e"}, **to[job]} for job in jobs]
            told += [{"type": "job.completed", "data": {"job_id": job}, **to[job]} for job in over]
            assert product.call("POST", "/events/batch", json={"events": told}).json()["rejected"] == []
            for arrived in (15, 60):
                alerting.ledger.wait_for(arrived, 60)
                product.child("worker", "outbound").send(signal.SIGKILL)
            product.settled(90)
            for job in jobs:
                for alerts in whose[job].alerts("job.failed", job):
                    assert [closed for _, closed in alerts] == [int(job in over)], job
            assert product.metrics().sum("notifications_total", status="delivered") == 2 * len(told)
            assert product.metrics().sum("notifications_unaccounted") == 0
