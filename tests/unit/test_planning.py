from datetime import UTC, datetime, time, timedelta

import pytest

from app.domain.events import EVENT_TYPES, Event
from app.domain.planning import Decision, Recipient, plan
from app.domain.preferences import ChannelTraits, Choices, Preferences, QuietHours

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
QUIET = QuietHours(time(22), time(7))
INAPP = ChannelTraits("inapp", "inbox", needs_contact=False)
EMAIL = ChannelTraits("email", "mail", needs_contact=True)
WEBHOOK = ChannelTraits("webhook", "hook", needs_contact=True)
CHAT = ChannelTraits("slack", "chat", needs_contact=True)
ALERT = ChannelTraits("pagerduty", "alert", needs_contact=True)
ALL = (INAPP, EMAIL, WEBHOOK, CHAT, ALERT)
TARGETS = {channel.name: f"{channel.name}-target" for channel in ALL}


def event(type_: str = "job.failed", **changes) -> Event:
    known = EVENT_TYPES[type_]
    given = {
        "id": "evt_1",
        "type": type_,
        "recipients": ("u-1",),
        "data": known.sample,
        "source": "encoder",
        "subject_key": "j-9",
        "sequence": None,
        "dedupe_key": None,
        "channels": None,
        "priority": known.priority,
        "resolved": False,
        "occurred_at": NOW,
        "deliver_at": None,
        "expires_at": NOW + timedelta(days=7),
        "created_at": NOW,
        "owner": "key_1",
    }
    return Event(**(given | changes))


def user(targets: dict[str, str] | None = None, **wishes) -> Recipient:
    preferences = Preferences("u-1", **({"locale": "en", "timezone": "UTC"} | wishes))
    return Recipient(preferences, TARGETS if targets is None else targets)


def decide(happened: Event, recipient: Recipient, now: datetime = NOW, channels=ALL) -> dict[str, Decision]:
    return {decision.channel: decision for decision in plan(happened, recipient, channels, now)}


def test_every_channel_gets_one_decision_in_order():
    assert [decision.channel for decision in plan(event(), user(), ALL, NOW)] == [channel.name for channel in ALL]


@pytest.mark.parametrize(
    ("type_", "sent"),
    [
        ("job.completed", "inapp email webhook slack"),
        ("job.failed", "inapp email webhook slack"),
        ("job.progress", "inapp webhook"),
        ("system.error", "inapp email webhook slack pagerduty"),
        ("system.warning", "inapp webhook slack"),
        ("quota.exceeded", "inapp email webhook slack"),
        ("quota.approaching", "inapp email webhook slack"),
    ],
)
def test_the_defaults_are_those_of_the_contract(type_: str, sent: str):
    decisions = decide(event(type_), user())
    assert [name for name, decision in decisions.items() if decision.verdict == "send"] == sent.split()
    rest = [decision for decision in decisions.values() if decision.verdict != "send"]
    assert all((d.verdict, d.reason, d.stored) == ("suppress", "opted_out", False) for d in rest)


def test_a_send_says_where_and_whose_choice_it_was():
    decisions = decide(event("system.error"), user(events={"system.error": {"email": "instant"}}))
    assert (decisions["inapp"].reason, decisions["email"].reason, decisions["webhook"].reason) == (
        "required",
        "user",
        "default",
    )
    assert decisions["email"].target == "email-target"


def test_an_event_may_narrow_the_channels():
    assert list(decide(event(channels=("email",)), user())) == ["email"]


def test_without_a_contact_there_is_a_row_only_when_the_event_named_the_channel():
    silent = decide(event(), user({"inapp": "inbox"}))["email"]
    named = decide(event(channels=("email",)), user({"inapp": "inbox"}))["email"]
    assert (silent.verdict, silent.reason, silent.stored) == ("suppress", "no_contact", False)
    assert (named.verdict, named.reason, named.stored) == ("suppress", "no_contact", True)


@pytest.mark.parametrize(
    "wishes",
    [
        {"events": {"job.failed": {"email": "off"}}},
        {"channels": {"email": False}},
        {"only_types": {"email": frozenset({"job.completed"})}},
    ],
)
def test_what_the_user_turned_off_is_on_record(wishes: dict):
    decision = decide(event(), user(**wishes))["email"]
    assert (decision.verdict, decision.reason, decision.stored) == ("suppress", "opted_out", True)


@pytest.mark.parametrize(
    "beneath", [Choices(events={"job.failed": {"email": "off"}}), Choices(channels={"email": False})]
)
def test_what_the_defaults_turn_off_is_not(beneath: Choices):
    decision = decide(event(), user(beneath=beneath))["email"]
    assert (decision.verdict, decision.reason, decision.stored) == ("suppress", "opted_out", False)


def test_a_users_choice_stands_above_the_defaults():
    beneath = Choices(channels={"email": False}, events={"job.failed": {"webhook": "off"}})
    mine = {"job.failed": {"email": "instant", "webhook": "instant"}}
    decisions = decide(event(), user(beneath=beneath, events=mine))
    assert decisions["email"].verdict == decisions["webhook"].verdict == "send"
    assert decide(event(), user(beneath=beneath, channels={"email": True}))["email"].verdict == "send"


def test_a_channel_that_is_off_is_off_whatever_the_cell_says():
    wishes = {"channels": {"email": False}, "events": {"job.failed": {"email": "instant"}}}
    assert decide(event(), user(**wishes))["email"].verdict == "suppress"


@pytest.mark.parametrize("type_", ["system.error", "quota.exceeded"])
def test_the_inbox_keeps_what_is_critical_by_default_whatever_was_said(type_: str):
    wishes = {
        "channels": {"inapp": False},
        "events": {type_: {"inapp": "off"}},
        "muted_until": NOW + timedelta(hours=1),
        "muted_subjects": frozenset({"j-9"}),
    }
    for priority in ("low", "critical"):
        decision = decide(event(type_, priority=priority), user(**wishes))["inapp"]
        assert (decision.verdict, decision.reason) == ("send", "required")


def test_an_events_own_priority_locks_nothing():
    decision = decide(event(priority="critical"), user(events={"job.failed": {"inapp": "off"}}))["inapp"]
    assert (decision.verdict, decision.reason) == ("suppress", "opted_out")


def test_progress_never_raises_an_alert():
    decision = decide(event("job.progress"), user(events={"job.progress": {"pagerduty": "instant"}}))["pagerduty"]
    assert (decision.verdict, decision.stored) == ("suppress", False)


def test_a_muted_subject_is_suppressed_and_others_are_not():
    recipient = user(muted_subjects=frozenset({"j-9"}))
    assert {(d.verdict, d.reason) for d in decide(event(), recipient, channels=(INAPP, EMAIL)).values()} == {
        ("suppress", "muted")
    }
    assert decide(event(subject_key="j-8"), recipient)["email"].verdict == "send"
    assert decide(event(subject_key=None), recipient)["email"].verdict == "send"


def test_while_muted_everything_waits():
    until = NOW + timedelta(hours=3)
    for priority in ("normal", "critical"):
        decision = decide(event(priority=priority), user(muted_until=until))["inapp"]
        assert (decision.verdict, decision.reason, decision.until) == ("hold", "muted", until)
    assert decide(event(), user(muted_until=NOW))["email"].verdict == "send"


def test_quiet_hours_hold_what_makes_noise():
    decisions = decide(event(), user(quiet_hours=QUIET), NIGHT)
    assert (decisions["email"].verdict, decisions["email"].reason, decisions["email"].until) == (
        "hold",
        "quiet_hours",
        MORNING,
    )
    assert decisions["inapp"].verdict == "send"
    assert decide(event(), user(quiet_hours=QUIET), MORNING)["email"].verdict == "send"


def test_what_is_critical_passes_quiet_hours():
    assert decide(event(priority="critical"), user(quiet_hours=QUIET), NIGHT)["email"].verdict == "send"


def test_quiet_hours_are_in_the_users_zone():
    recipient = user(quiet_hours=QUIET, timezone="Asia/Tokyo")
    decision = decide(event(), recipient, datetime(2026, 11, 22, 13, 0, tzinfo=UTC))["email"]
    assert decision.until == datetime(2026, 11, 22, 22, 0, tzinfo=UTC)


def test_rhythms_wait_for_their_time():
    recipient = user(
        events={"job.failed": {"email": "hourly", "webhook": "daily"}}, daily_at=time(8), timezone="Europe/Berlin"
    )
    decisions = decide(event(), recipient, NOW + timedelta(minutes=10))
    assert (decisions["email"].reason, decisions["email"].until) == ("digest", NOW + timedelta(hours=1))
    assert (decisions["webhook"].reason, decisions["webhook"].until) == (
        "digest",
        datetime(2026, 11, 23, 7, 0, tzinfo=UTC),
    )


def test_priority_does_not_override_a_rhythm():
    recipient = user(events={"job.failed": {"email": "daily"}})
    assert decide(event(priority="critical"), recipient)["email"].reason == "digest"


def test_a_digest_keeps_its_time_when_the_event_comes_at_night():
    recipient = user(events={"job.failed": {"email": "daily"}}, quiet_hours=QUIET, daily_at=time(8))
    decision = decide(event(), recipient, NIGHT)["email"]
    assert (decision.reason, decision.until) == ("digest", datetime(2026, 11, 23, 8, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("changes", "wishes", "reason"),
    [
        ({}, {"events": {"job.failed": {"email": "hourly"}}}, "digest"),
        ({}, {"muted_until": NIGHT + timedelta(hours=2)}, "muted"),
        ({"deliver_at": NIGHT + timedelta(hours=2)}, {}, "scheduled"),
    ],
)
def test_nothing_is_released_into_quiet_hours(changes: dict, wishes: dict, reason: str):
    decision = decide(event(**changes), user(quiet_hours=QUIET, **wishes), NIGHT - timedelta(minutes=10))["email"]
    assert (decision.reason, decision.until) == (reason, MORNING)


def test_a_scheduled_event_waits_on_every_channel_even_on_locked_ones():
    deliver_at = NOW + timedelta(hours=2)
    decisions = decide(event("system.error", deliver_at=deliver_at), user())
    assert {(d.verdict, d.reason, d.until) for d in decisions.values()} == {("hold", "scheduled", deliver_at)}
    assert decide(event("system.error", deliver_at=NOW), user())["inapp"].verdict == "send"


def test_a_preference_comes_before_an_appointment():
    decision = decide(event(deliver_at=NOW + timedelta(hours=2)), user(channels={"email": False}))["email"]
    assert decision.verdict == "suppress"
