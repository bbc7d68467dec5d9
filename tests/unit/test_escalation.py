"""What waits for being read in the inbox before it goes to other channels."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.planning import plan, reconsider
from app.domain.preferences import NO_ESCALATION, Choices, Escalation
from tests.unit.test_planning import ALERT, CHAT, EMAIL, INAPP, MORNING, NIGHT, NOW, QUIET, decide, event, user

AFTER = timedelta(minutes=15)
TO_MAIL = {"job.failed": Escalation(AFTER, ("email",))}


@pytest.mark.parametrize("rhythm", [None, "instant", "hourly", "daily", "off"])
def test_it_goes_there_only_if_it_stays_unread(rhythm: Any):
    cells = {"job.failed": {"email": rhythm}} if rhythm else {}
    decisions = decide(event(), user(escalate=TO_MAIL, events=cells))
    mail = decisions.pop("email")
    assert (mail.verdict, mail.reason, mail.until, mail.fallback) == ("hold", "scheduled", NOW + AFTER, True)
    assert not any(decision.fallback for decision in decisions.values())
    assert decisions["inapp"].verdict == decisions["slack"].verdict == "send"


def test_each_channel_has_its_turn():
    row = {"job.failed": Escalation(AFTER, ("slack", "email", "pagerduty"))}
    decisions = decide(event(), user(escalate=row))
    assert [decisions[name].until for name in ("slack", "email", "pagerduty")] == [NOW + AFTER * n for n in (1, 2, 3)]
    assert decisions["webhook"].verdict == "send"


def test_other_types_are_left_alone():
    assert decide(event("job.completed"), user(escalate=TO_MAIL))["email"].verdict == "send"


@pytest.mark.parametrize(
    ("changes", "wishes", "verdict"),
    [
        ({"channels": ("email",)}, {}, "send"),
        ({}, {"events": {"job.failed": {"inapp": "off"}}}, "send"),
        ({}, {"events": {"job.failed": {"inapp": "off", "email": "off"}}}, "suppress"),
        ({}, {"channels": {"inapp": False}}, "send"),
    ],
    ids=["narrowed", "cell off", "both off", "channel off"],
)
def test_what_is_not_in_the_inbox_does_not_wait_for_it(changes: dict, wishes: dict, verdict: str):
    assert decide(event(**changes), user(escalate=TO_MAIL, **wishes))["email"].verdict == verdict


@pytest.mark.parametrize(
    "wishes",
    [{"channels": {"email": False}}, {"only_types": {"email": frozenset({"job.completed"})}}],
    ids=["the channel is off", "the contact takes other types"],
)
def test_a_channel_that_is_off_stays_off(wishes: dict):
    decision = decide(event(), user(escalate=TO_MAIL, **wishes))["email"]
    assert (decision.verdict, decision.reason) == ("suppress", "opted_out")


def test_progress_never_raises_an_alert_however_long_it_is_unread():
    row = {"job.progress": Escalation(AFTER, ("pagerduty",))}
    assert decide(event("job.progress"), user(escalate=row))["pagerduty"].verdict == "suppress"


def test_without_a_contact_there_is_nothing_to_wait_for():
    decision = decide(event(), user({"inapp": "inbox"}, escalate=TO_MAIL))["email"]
    assert (decision.verdict, decision.reason, decision.stored) == ("suppress", "no_contact", False)


def test_a_muted_subject_is_not_escalated():
    recipient = user(escalate=TO_MAIL, muted_subjects=frozenset({"j-9"}))
    assert decide(event(), recipient)["email"].reason == "muted"


def test_it_counts_from_when_it_can_be_read():
    later = NOW + timedelta(hours=2)
    assert decide(event(deliver_at=later), user(escalate=TO_MAIL))["email"].until == later + AFTER
    muted = decide(event(), user(escalate=TO_MAIL, muted_until=later))["email"]
    assert (muted.reason, muted.until) == ("scheduled", later + AFTER)


def test_it_does_not_wake_anybody():
    mail = decide(event(), user(escalate=TO_MAIL, quiet_hours=QUIET), NIGHT)["email"]
    assert (mail.reason, mail.until, mail.fallback) == ("scheduled", MORNING, True)
    urgent = decide(event(priority="critical"), user(escalate=TO_MAIL, quiet_hours=QUIET), NIGHT)["email"]
    assert (urgent.reason, urgent.until) == ("scheduled", NIGHT + AFTER)


def test_what_closes_an_alert_waits_for_nobody():
    row = {"job.completed": Escalation(AFTER, ("pagerduty",))}
    happened = event("job.completed")
    key = decide(happened, user())["pagerduty"].alert_key
    _, alert = plan(happened, user(escalate=row), (INAPP, ALERT), NOW, {("pagerduty", str(key))})
    assert (alert.verdict, alert.reason) == ("send", "closes_alert")


def test_a_users_own_word_stands_above_the_operators():
    beneath = Choices(escalate=TO_MAIL)
    assert decide(event(), user(beneath=beneath))["email"].fallback
    own_cell = user(beneath=beneath, events={"job.failed": {"email": "instant"}})
    assert decide(event(), own_cell)["email"].verdict == "send"
    own_list = user(beneath=beneath, escalate={"job.failed": Escalation(2 * AFTER, ("slack",))})
    decisions = decide(event(), own_list)
    assert (decisions["email"].verdict, decisions["slack"].until) == ("send", NOW + 2 * AFTER)


def test_a_user_may_want_none_whatever_the_operators_say():
    none = user(beneath=Choices(escalate=TO_MAIL), escalate={"job.failed": NO_ESCALATION})
    decision = decide(event(), none)["email"]
    assert (decision.verdict, decision.fallback) == ("send", False)
    is_off = user(
        beneath=Choices(escalate=TO_MAIL, events={"job.failed": {"email": "off"}}),
        escalate={"job.failed": NO_ESCALATION},
    )
    assert decide(event(), is_off)["email"].verdict == "suppress"


def later(wishes: dict, minutes: int, **facts: Any):
    now = NOW + timedelta(minutes=minutes)
    return reconsider(event(), user(**wishes), EMAIL, NOW, now, closes=False, **({"fallback": True} | facts))


def test_when_it_is_due_it_goes():
    assert later({"escalate": TO_MAIL}, 15).verdict == "send"
    assert later({"escalate": TO_MAIL, "events": {"job.failed": {"email": "off"}}}, 15).verdict == "send"


def test_a_wish_that_has_changed_counts_at_once():
    early = later({"escalate": TO_MAIL}, 5)
    assert (early.verdict, early.reason, early.until) == ("hold", "scheduled", NOW + AFTER)
    assert later({"escalate": {"job.failed": Escalation(timedelta(minutes=4), ("email",))}}, 5).verdict == "send"
    assert later({}, 5).verdict == "send"
    assert later({"events": {"job.failed": {"email": "off"}}}, 5).reason == "opted_out"
    assert later({"escalate": TO_MAIL}, 5, fallback=False).verdict == "send"


def test_an_inbox_that_was_late_gives_more_time_but_not_for_a_moment():
    assert later({"escalate": TO_MAIL}, 15, arrived=NOW + timedelta(seconds=50)).verdict == "send"
    late = later({"escalate": TO_MAIL}, 15, arrived=NOW + timedelta(minutes=10))
    assert late.until == NOW + timedelta(minutes=25)


def test_chats_escalate_like_mail():
    row = {"job.failed": Escalation(AFTER, ("slack",))}
    assert decide(event(), user(escalate=row), channels=(INAPP, CHAT))["slack"].fallback
