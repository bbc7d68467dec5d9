"""Which events open an alert, which close one, and that nothing closes what is not open."""

from datetime import timedelta
from itertools import product

import pytest

from app.domain.alerts import alert_key, closes_alert
from app.domain.events import EVENT_TYPES
from app.domain.planning import Decision
from app.domain.preferences import Choices
from tests.unit.test_planning import ALERT, ALL, NIGHT, NOW, QUIET, event, plan, user

EVERYTHING_ON = {type_: {"pagerduty": "instant"} for type_ in EVENT_TYPES}


def decide(happened, recipient, *, is_open: bool, now=NOW) -> Decision:
    key = alert_key("u-1", happened.type, happened.subject_key)
    (decision,) = plan(happened, recipient, [ALERT], now, {("pagerduty", key)} if is_open else frozenset())
    return decision


def test_what_is_about_one_job_component_or_resource_is_one_alert():
    keys = {type_: alert_key("u-1", type_, "x") for type_ in EVENT_TYPES}
    assert keys["job.failed"] == keys["job.completed"]
    assert keys["system.error"] == keys["system.warning"]
    assert keys["quota.exceeded"] == keys["quota.approaching"]
    assert len(set(keys.values())) == 3


def test_alerts_of_other_people_and_subjects_are_others():
    named = product(("u-1", "u-1\nsystem", "u-2"), ("job.failed", "system.error"), ("j-9", "j-8", "", None))
    keys = [alert_key(*one) for one in named]
    # No subject and an empty one are the same.
    assert len(set(keys)) == len(keys) * 3 / 4


def test_a_key_is_stable_and_fits_everywhere():
    assert alert_key("u-17", "job.failed", "j-9") == "im2-job-0c15e17ebd4bdb6dd66ec10853779a91ab8d23cc"
    assert all(len(alert_key("u" * 128, type_, "ü" * 255)) <= 64 for type_ in EVENT_TYPES)


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_only_the_end_of_a_job_closes_by_itself(type_: str):
    assert closes_alert(event(type_)) is (type_ == "job.completed")
    assert closes_alert(event(type_, resolved=True))


@pytest.mark.parametrize("type_", EVENT_TYPES)
@pytest.mark.parametrize("resolved", [False, True])
def test_without_an_open_alert_only_trouble_is_sent(type_: str, resolved: bool):
    decision = decide(event(type_, resolved=resolved), user(events=EVERYTHING_ON), is_open=False)
    if type_ == "job.progress":
        expected = ("suppress", "opted_out", False)
    elif resolved or type_ == "job.completed":
        expected = ("suppress", "nothing_open", False)
    else:
        expected = ("send", "user", True)
    assert (decision.verdict, decision.reason, decision.stored) == expected


@pytest.mark.parametrize("type_", [type_ for type_ in EVENT_TYPES if type_ != "job.progress"])
def test_an_open_alert_is_closed_though_the_cell_is_off(type_: str):
    for recipient in (user(), user(events={type_: {"pagerduty": "off"}}), user(events={type_: {"pagerduty": "daily"}})):
        decision = decide(event(type_, resolved=True), recipient, is_open=True)
        assert (decision.verdict, decision.reason, decision.closes_alert) == ("send", "closes_alert", True)
    assert decide(event(type_), user(events=EVERYTHING_ON), is_open=True).closes_alert is (type_ == "job.completed")


def test_the_end_of_a_job_is_off_by_default_and_on_record_when_it_was_turned_off():
    by_default = decide(event("job.completed"), user(), is_open=False)
    by_the_user = decide(event("job.completed"), user(events={"job.completed": {"pagerduty": "off"}}), is_open=False)
    assert [(one.reason, one.stored) for one in (by_default, by_the_user)] == [
        ("opted_out", False),
        ("opted_out", True),
    ]


def test_progress_closes_nothing_either():
    decision = decide(event("job.progress", resolved=True), user(events=EVERYTHING_ON), is_open=True)
    assert (decision.verdict, decision.stored) == ("suppress", False)


def test_the_end_of_an_alert_makes_no_noise_and_waits_for_nothing_but_its_time():
    asleep = user(quiet_hours=QUIET, muted_until=NIGHT + timedelta(hours=1), muted_subjects=frozenset({"j-9"}))
    assert decide(event("job.completed"), asleep, is_open=True, now=NIGHT).verdict == "send"
    later = NOW + timedelta(hours=2)
    decision = decide(event("job.completed", deliver_at=later), user(), is_open=True)
    assert (decision.verdict, decision.reason, decision.until) == ("hold", "scheduled", later)


def test_whoever_turned_the_channel_off_gets_nothing_at_all():
    decision = decide(event("job.completed"), user(channels={"pagerduty": False}), is_open=True)
    assert (decision.verdict, decision.reason) == ("suppress", "opted_out")
    for_everybody = user(beneath=Choices(channels={"pagerduty": False}))
    assert decide(event("job.completed"), for_everybody, is_open=True).verdict == "send"


def test_without_a_contact_there_is_nothing_to_close():
    assert decide(event("job.completed"), user({}), is_open=True).verdict == "suppress"


def test_other_channels_know_of_no_alerts():
    decisions = list(plan(event("job.completed"), user(), ALL, NOW))
    assert {(one.channel, one.alert_key is None, one.closes_alert) for one in decisions} == {
        ("inapp", True, False),
        ("email", True, False),
        ("webhook", True, False),
        ("slack", True, False),
        ("pagerduty", False, True),
    }
