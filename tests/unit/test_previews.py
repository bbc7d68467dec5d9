"""What a channel would be sent for an event that never happened."""

import json

import pytest

from app.domain.events import EVENT_TYPES
from app.domain.preferences import lock_of
from channels.registry import CHANNELS
from tests.fakes.doors import everything

SENT = [
    (type_, channel.name)
    for type_, known in EVENT_TYPES.items()
    for channel in CHANNELS
    if lock_of(known, channel.kind) != "off"
]


@pytest.fixture
def product(shared_product):
    return shared_product


def preview(product, **body):
    return product.call("POST", "/templates/preview", json=body)


@pytest.mark.parametrize(("type_", "channel"), SENT)
def test_every_type_is_shown_on_every_channel_it_goes_to(product, type_, channel):
    answer = preview(product, type=type_, channel=channel, locale="de-AT", timezone="Europe/Vienna").json
    assert (answer["type"], answer["channel"], answer["locale"]) == (type_, channel, "de")
    assert answer["subject"]
    assert answer["text"]
    assert (answer["html"] is not None) == (channel == "email")
    assert (answer["document"] is None) == (channel in {"email", "inapp"})
    assert len(SENT) == 7 * 7 - 2


def test_given_data_and_a_given_moment_are_shown_as_the_reader_reads_them(product):
    data = {"resource": "Speicher", "used": 3, "limit": 2, "unit": "TB"}
    given = {"data": data, "occurred_at": "2026-11-22T20:05:00Z", "locale": "de", "timezone": "Europe/Berlin"}
    answer = preview(product, type="quota.exceeded", channel="inapp", **given).json
    assert answer["subject"] == "Kontingent überschritten: Speicher bei 150 %"
    assert answer["text"].startswith("Belegt: 3 TB von 2 TB (150\xa0%)\nÜber dem Limit: 1 TB\n")
    assert "22. November 2026, 21:05 MEZ" in answer["text"]


def test_without_a_language_and_a_zone_those_of_the_service_are_used(product):
    at = "2026-11-22T20:05:00Z"
    answer = preview(product, type="job.failed", channel="inapp", occurred_at=at, locale=None, data=None).json
    assert answer["locale"] == "en"
    assert "November 22, 2026, 8:05 PM UTC" in answer["text"]


def test_what_the_receiver_gets_is_shown_without_keys(product):
    documents = {
        channel: preview(product, type="system.error", channel=channel).json["document"]
        for channel in ("webhook", "slack", "discord", "pagerduty", "opsgenie")
    }
    assert documents["webhook"]["data"]["event"] == EVENT_TYPES["system.error"].sample
    assert documents["slack"]["blocks"][0]["text"]["text"] == "🚨 System error in encoder: no worker answers"
    assert documents["discord"]["embeds"][0]["author"] == {"name": "🚨 Critical"}
    assert documents["pagerduty"]["payload"]["summary"] == "System error in encoder: no worker answers"
    assert documents["pagerduty"]["event_action"] == "trigger"
    assert documents["opsgenie"]["message"] == "System error in encoder: no worker answers"
    assert "routing_key" not in json.dumps(documents)


def test_an_end_is_shown_as_one(product):
    for type_, more in (("job.completed", {}), ("system.error", {"resolved": True})):
        pagerduty = preview(product, type=type_, channel="pagerduty", **more).json["document"]
        assert pagerduty["event_action"] == "resolve"
        assert set(pagerduty) == {"event_action", "dedup_key"}
        assert set(preview(product, type=type_, channel="opsgenie", **more).json["document"]) == {"source", "note"}
    answer = preview(product, type="system.error", channel="email", resolved=True).json
    assert answer["subject"] == "Resolved: System error in encoder: no worker answers"
    assert answer["text"].startswith("Resolved\n\nencoder reports an error\n")


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"type": "job.exploded", "channel": "email"}, {"type"}),
        ({"type": "job.failed"}, {"channel"}),
        ({"type": "job.failed", "channel": ["email"]}, {"channel"}),
        (
            {"type": "job.failed", "channel": "pigeon", "locale": "??", "timezone": "Mars"},
            {"channel", "locale", "timezone"},
        ),
        ({"type": "job.failed", "channel": "email", "data": {"job_id": "j-1"}}, {"data"}),
        ({"type": "job.failed", "channel": "email", "recipients": ["u-1"], "colour": 1}, {"recipients", "colour"}),
        ({"type": "job.progress", "channel": "opsgenie"}, {"channel"}),
    ],
)
def test_what_is_wrong_is_said_by_field(product, body, errors):
    answer = preview(product, **body)
    assert answer.status_code == 422
    assert set(answer.json["errors"]["json"]) == errors


def test_it_names_what_is_allowed(product):
    faults = preview(product, type="job.failed", channel="pigeon").json["errors"]["json"]
    assert faults == {"channel": ["Must be one of inapp, email, webhook, slack, discord, pagerduty, opsgenie."]}
    never = preview(product, type="job.progress", channel="pagerduty").json["errors"]["json"]
    assert never == {"channel": ["job.progress never goes to pagerduty."]}


def test_nothing_is_stored(product):
    before = everything(product)
    assert preview(product, type="job.failed", channel="webhook").status_code == 200
    assert everything(product) == before


def test_a_draft_is_shown_and_saved_nowhere(product):
    before = everything(product)
    pieces = {"subject.txt": "{{ data.job_id }} broke"}
    given = {"type": "job.failed", "channel": "email", "locale": "de-AT", "data": {"job_id": "j-9", "error": "full"}}
    answer = preview(product, **given, pieces=pieces).json
    assert (answer["subject"], answer["locale"]) == ("j-9 broke", "de")
    assert "full" in answer["text"]
    assert preview(product, **given, pieces=None).json["subject"] != "j-9 broke"
    assert everything(product) == before


@pytest.mark.parametrize(
    ("pieces", "named"),
    [
        ({"subject.txt": "one\n{{ data.job_id"}, {"subject.txt"}),
        ({"subject.txt": "{{ nothing }}", "body.txt": "{% for x in range(10 ** 9) %}{% endfor %}"}, None),
        ({"short.txt": "not of mails"}, {"short.txt"}),
        ({"subject.txt": 7}, {"subject.txt"}),
        ({}, {"_schema"}),
        ([], None),
        ("text", None),
    ],
)
def test_a_draft_that_would_not_be_saved_is_not_shown(product, pieces, named):
    answer = preview(product, type="job.failed", channel="email", pieces=pieces)
    assert answer.status_code == 422, answer.text
    said = answer.json["errors"]["json"]
    assert set(said) == {"pieces"}
    assert named is None or set(said["pieces"]) == named


def test_a_draft_for_no_type_or_language_is_refused(product):
    pieces = {"subject.txt": "x"}
    for wrong in ({"type": "job.exploded"}, {"channel": "pigeon"}, {"locale": "tlh"}, {"type": None}):
        answer = preview(product, **{"type": "job.failed", "channel": "email", "pieces": pieces, **wrong})
        assert answer.status_code == 422, wrong
        assert set(answer.json["errors"]["json"]) == set(wrong)
