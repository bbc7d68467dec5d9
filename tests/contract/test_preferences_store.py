from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from app.services.intake import Invalid
from app.services.preferences import VersionConflict
from app.store import audit, people
from app.store.tables import contacts
from channels.registry import channel_names
from tests.fakes.at_once import at_once
from tests.fakes.people_rig import Rig

KEY = "key:test"
HOOK = {"url": "https://hooks.example/in"}


def put(rig: Rig, document: object, *, user: str = "u-1", **options):
    return rig.preferences.replace(user, document, actor=KEY, **options)


def faults_of(rig: Rig, document: object, *, user: str = "u-1") -> dict:
    with pytest.raises(Invalid) as caught:
        put(rig, document, user=user)
    return caught.value.errors["json"]


def test_an_unknown_user_has_the_defaults_and_every_key(rig: Rig):
    shown = rig.preferences.get("nobody")
    assert shown.version == 0
    effective = shown.body.pop("effective")
    assert shown.body == {
        "user_id": "nobody",
        "locale": "en",
        "timezone": "UTC",
        "contacts": {},
        "channels": {},
        "events": {},
        "quiet_hours": None,
        "daily_at": "08:00",
        "muted_until": None,
        "muted_subjects": [],
        "escalate": {},
        "from_defaults": ["locale", "timezone", "quiet_hours", "daily_at"],
    }
    assert effective["job.failed"]["inapp"] == {"rhythm": "instant", "source": "default", "locked": False}
    assert effective["job.failed"]["email"] == {"rhythm": "off", "source": "no_contact", "locked": False}
    assert effective["system.error"]["inapp"] == {"rhythm": "instant", "source": "required", "locked": True}
    assert all(set(row) == set(channel_names()) for row in effective.values())


def test_a_document_comes_back_as_it_was_put(rig: Rig):
    document = {
        "locale": "pt_BR",
        "timezone": "Europe/Berlin",
        "contacts": {"email": "a@b.example"},
        "channels": {"email": True, "webhook": False},
        "events": {"job.progress": {"email": "off", "inapp": True}, "job.completed": {"email": "daily"}},
        "quiet_hours": {"start": "22:00", "end": "07:00"},
        "daily_at": "06:30",
        "muted_until": "2026-11-23T10:00:00+02:00",
        "muted_subjects": ["j-1", "j-2", "j-1"],
        "escalate": {"job.failed": {"after_minutes": 15, "to": ["email"]}},
    }
    body = put(rig, document).body
    again = rig.preferences.get("u-1")
    assert again.body == body
    assert again.version == 1
    assert body["locale"] == "pt-BR"
    assert body["events"] == {
        "job.progress": {"email": "off", "inapp": "instant"},
        "job.completed": {"email": "daily"},
    }
    assert body["muted_until"] == datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert body["muted_subjects"] == ["j-1", "j-2"]
    assert body["effective"]["job.completed"]["email"] == {"rhythm": "daily", "source": "user", "locked": False}
    assert {
        name: body[name] for name in ("timezone", "contacts", "channels", "quiet_hours", "daily_at", "escalate")
    } == {name: document[name] for name in ("timezone", "contacts", "channels", "quiet_hours", "daily_at", "escalate")}


def test_what_planning_reads_is_what_was_put(rig: Rig):
    put(rig, {"locale": "de", "contacts": {"email": "a@b.example", "webhook": {**HOOK, "types": ["job.failed"]}}})
    with rig.database.read() as conn:
        recipient = rig.people.recipients(conn, ["u-1"])["u-1"]
    assert recipient.preferences.locale == "de"
    assert recipient.targets == {"inapp": "inbox", "email": "smtp", "webhook": "https://hooks.example:443"}
    assert recipient.preferences.only_types == {"webhook": frozenset({"job.failed"})}


def test_a_webhook_gets_only_the_types_it_asked_for(rig: Rig):
    body = put(rig, {"contacts": {"webhook": {**HOOK, "types": ["job.failed"]}}}).body
    assert body["effective"]["job.failed"]["webhook"]["rhythm"] == "instant"
    assert body["effective"]["job.completed"]["webhook"] == {"rhythm": "off", "source": "user", "locked": False}


def test_an_answer_can_be_sent_back_and_changes_nothing(rig: Rig):
    put(rig, {"contacts": {"webhook": {**HOOK, "headers": {"X-Token": "abcdefghijklmnop"}}}, "locale": "de"})
    before = rig.preferences.get("u-1")
    again = put(rig, before.body)
    assert "secret" in again.body["contacts"]["webhook"]
    assert again.body["contacts"] == before.body["contacts"]
    with rig.database.read() as conn:
        stored = people.contacts_of(conn, ["u-1"])[0]
    assert rig.box.open(stored.sealed)["headers"] == {"X-Token": "abcdefghijklmnop"}


def test_an_answer_that_is_sent_back_does_not_turn_defaults_into_choices(rig: Rig):
    put(rig, {"daily_at": "06:30"})
    before = rig.preferences.get("u-1")
    assert put(rig, before.body) == before
    put(
        rig,
        {"locale": "de", "timezone": "Europe/Berlin", "quiet_hours": {"start": "20:00", "end": "06:00"}},
        user="_defaults",
    )
    changed = rig.preferences.get("u-1").body
    assert (changed["locale"], changed["timezone"], changed["daily_at"]) == ("de", "Europe/Berlin", "06:30")
    assert put(rig, {**changed, "timezone": "Europe/Paris"}).body["timezone"] == "Europe/Paris"
    put(rig, {}, user="_defaults")
    body = rig.preferences.get("u-1").body
    assert (body["locale"], body["timezone"], body["quiet_hours"]) == ("en", "Europe/Paris", None)


def test_what_is_sent_without_being_read_is_chosen_even_if_it_is_the_default(rig: Rig):
    put(rig, {"locale": "en"})
    put(rig, {"locale": "de"}, user="_defaults")
    assert rig.preferences.get("u-1").body["locale"] == "en"


def test_an_answer_that_is_sent_to_somebody_else_says_which_secrets_are_missing(rig: Rig):
    document = {
        "contacts": {
            "email": "a@b.example",
            "webhook": HOOK,
            "slack": {"url": "https://hooks.slack.com/services/T0/B0/abcdefgh"},
            "discord": {"url": "https://discord.com/api/webhooks/100000000000000001/token-abcdef"},
            "pagerduty": {"routing_key": "0123456789abcdef0123456789abcdef"},
            "opsgenie": {"api_key": "01234567-89ab-cdef-0123-456789abcdef"},
        }
    }
    put(rig, document)
    faults = faults_of(rig, rig.preferences.get("u-1").body, user="u-2")
    missing = ["There is none yet that could be kept."]
    assert faults == {
        "contacts": {
            "webhook": {"secret": ["There is none yet that could be kept; leave it out and one is made."]},
            "slack": {"url": missing},
            "discord": {"url": missing},
            "pagerduty": {"routing_key": missing},
            "opsgenie": {"api_key": missing},
        }
    }
    assert rig.preferences.get("u-2").version == 0


@pytest.mark.parametrize(
    ("channel", "mine", "field"),
    [
        ("slack", {"url": "https://hooks.slack.com/services/T0/B0/another1"}, "url"),
        ("pagerduty", {"routing_key": "another-routing-key-of-mine"}, "routing_key"),
        ("opsgenie", {"api_key": "another-api-key-of-mine"}, "api_key"),
        ("webhook", {**HOOK, "headers": {"X-Token": "another-token-of-mine"}}, "headers"),
    ],
)
def test_a_mask_of_another_secret_keeps_nothing(rig: Rig, channel: str, mine: dict, field: str):
    put(rig, {"contacts": {channel: mine}})
    shown = rig.preferences.get("u-1").body["contacts"][channel]
    mask = {"set": True, "last4": "abcd"}
    (fault,) = faults_of(
        rig, {"contacts": {channel: {**shown, field: {"X-Token": mask} if field == "headers" else mask}}}
    )["contacts"][channel][field]
    assert fault.endswith("Is not the one that is set, which ends otherwise; send it whole.")
    assert put(rig, {"contacts": {channel: shown}}).body["contacts"][channel] == shown


def test_the_signing_secret_is_shown_once_and_kept_when_the_url_changes(rig: Rig):
    made = put(rig, {"contacts": {"webhook": HOOK}}).body["contacts"]["webhook"]["secret"]
    assert made.startswith("whsec_")
    shown = rig.preferences.get("u-1").body["contacts"]["webhook"]["secret"]
    assert shown == {"set": True, "last4": made[-4:]}
    moved = put(rig, {"contacts": {"webhook": {"url": "https://other.example/in"}}}).body["contacts"]["webhook"]
    assert moved["url"] == "https://other.example/in"
    assert moved["secret"] == shown
    with rig.database.read() as conn:
        (stored,) = people.contacts_of(conn, ["u-1"])
    assert rig.box.open(stored.sealed)["secret"] == made
    assert stored.target == "https://other.example:443"


def test_no_secret_is_stored_in_clear(rig: Rig):
    header = "Bearer a-very-secret-value"
    secret = put(rig, {"contacts": {"webhook": {**HOOK, "headers": {"Authorization": header}}}}).body["contacts"][
        "webhook"
    ]["secret"]
    with rig.database.read() as conn:
        everything = [str(tuple(row)) for row in conn.execute(select(contacts))]
        everything += [str(tuple(row)) for row in conn.execute(text("SELECT * FROM preferences"))]
        everything += [str(tuple(row)) for row in conn.execute(text("SELECT * FROM audit"))]
    assert not any(header in row or secret in row for row in everything)


@pytest.mark.parametrize("channel", ["slack", "discord"])
def test_the_url_of_a_chat_hook_is_kept_sealed_and_never_shown(rig: Rig, channel: str):
    url = "https://hooks.example/services/T0SECRET/B0SECRET/hookSecretToken"
    shown = put(rig, {"contacts": {channel: {"url": url}}}).body["contacts"]
    assert shown == {channel: {"url": {"set": True, "last4": "oken"}}}
    assert put(rig, {"contacts": shown, "locale": "de"}).body["contacts"] == shown
    with rig.database.read() as conn:
        (stored,) = people.contacts_of(conn, ["u-1"])
    assert rig.box.open(stored.sealed) == {"url": url}
    assert [part for part in ("T0SECRET", "B0SECRET", "hookSecretToken") if part in str(stored)] == []


@pytest.mark.parametrize("gone", [{"contacts": {"webhook": None}}, {"contacts": {}}, {}, {"contacts": None}])
def test_a_contact_that_is_absent_or_null_is_removed(rig: Rig, gone: dict):
    put(rig, {"contacts": {"webhook": HOOK, "email": "a@b.example"}})
    body = put(rig, gone).body
    assert body["contacts"] == {}
    assert body["effective"]["job.failed"]["email"]["source"] == "no_contact"
    with rig.database.read() as conn:
        assert people.contacts_of(conn, ["u-1"]) == []


def test_a_contact_that_is_made_anew_gets_a_new_secret(rig: Rig):
    first = put(rig, {"contacts": {"webhook": HOOK}}).body["contacts"]["webhook"]["secret"]
    put(rig, {})
    second = put(rig, {"contacts": {"webhook": HOOK}}).body["contacts"]["webhook"]["secret"]
    assert second != first


def test_a_patch_changes_what_it_names(rig: Rig):
    put(rig, {"locale": "de", "contacts": {"webhook": HOOK, "email": "a@b.example"}, "channels": {"email": False}})
    patch = {"locale": None, "contacts": {"webhook": {"types": ["job.failed"]}, "email": None}, "daily_at": "09:00"}
    body = rig.preferences.merge("u-1", patch, actor=KEY).body
    assert body["locale"] == "en"
    assert body["daily_at"] == "09:00"
    assert body["channels"] == {"email": False}
    assert set(body["contacts"]) == {"webhook"}
    assert body["contacts"]["webhook"]["url"] == HOOK["url"]
    assert body["contacts"]["webhook"]["types"] == ["job.failed"]
    assert body["contacts"]["webhook"]["secret"]["set"] is True


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"colour": None}, "colour"),
        ({"": None, "locale": "de"}, ""),
        ({"contacts": {"pigeon": None}}, "contacts"),
        ({"channels": {"pigeon": None}}, "channels"),
        ({"events": {"job.exploded": None}}, "events"),
        ({"events": {"job.failed": {"pigeon": None}}}, "events"),
        ({"quiet_hours": {"end": None}}, "quiet_hours"),
    ],
)
def test_a_null_under_an_unknown_name_is_refused_like_any_other_value(rig: Rig, patch: dict, field: str):
    put(rig, {"quiet_hours": {"start": "22:00", "end": "07:00"}})
    with pytest.raises(Invalid) as refused:
        rig.preferences.merge("u-1", patch, actor=KEY)
    assert set(refused.value.errors["json"]) == {field}


def test_nulls_remove_what_is_there_and_what_is_not(rig: Rig):
    put(rig, {"locale": "de", "contacts": {"webhook": {**HOOK, "headers": {"X-A": "1", "X-B": "2"}}}})
    patch = {
        "locale": None,
        "daily_at": None,
        "contacts": {"email": None, "webhook": {"headers": {"X-A": None, "X-C": None}}},
        "channels": {"email": None},
        "events": {"job.failed": {"email": None}, "job.progress": None, "system.error": {"inapp": None}},
        "escalate": {"job.failed": None},
        "user_id": None,
    }
    body = rig.preferences.merge("u-1", patch, actor=KEY).body
    assert (body["locale"], set(body["contacts"]["webhook"]["headers"])) == ("en", {"X-B"})


def test_a_patch_does_not_turn_defaults_into_choices(rig: Rig):
    rig.preferences.merge("u-1", {"daily_at": "09:00"}, actor=KEY)
    put(rig, {"locale": "de"}, user="_defaults")
    assert rig.preferences.get("u-1").body["locale"] == "de"


def test_faults_name_the_field_and_what_is_allowed(rig: Rig):
    faults = faults_of(
        rig,
        {
            "locale": "english",
            "nonsense": 1,
            "contacts": {"fax": "1", "webhook": {"url": "ftp://x"}, "email": "nobody"},
            "channels": {"fax": True},
            "events": {"job.gone": {}, "job.failed": {"fax": "off", "email": "weekly"}},
        },
    )
    assert "BCP 47" in faults["locale"][0]
    assert "Allowed" in faults["nonsense"][0]
    assert "inapp, email, webhook" in faults["channels"]["fax"][0]
    assert "job.failed" in faults["events"]["job.gone"][0]
    assert "Allowed" in faults["events"]["job.failed"]["fax"][0]
    assert "instant, hourly, daily, off" in faults["events"]["job.failed"]["email"][0]
    reached = ", ".join(name for name in channel_names() if name != "inapp")
    assert faults["contacts"]["fax"] == [f"Unknown channel. Allowed: {reached}."]
    assert rig.preferences.get("u-1").version == 0


def test_faults_of_contacts_carry_the_channels_own_words(rig: Rig):
    faults = faults_of(rig, {"contacts": {"webhook": {"url": "ftp://x"}, "email": "nobody"}})
    assert set(faults["contacts"]["webhook"]) == {"url"}
    assert isinstance(faults["contacts"]["email"], list)
    types = faults_of(rig, {"contacts": {"webhook": {**HOOK, "types": ["job.gone"]}}})
    assert "job.failed" in types["contacts"]["webhook"]["types"][0]


def test_a_target_that_does_not_fit_is_refused(rig: Rig):
    host = ".".join(["a" * 60] * 6)
    assert "contacts" in faults_of(rig, {"contacts": {"webhook": {"url": f"https://{host}/"}}})


def test_a_disabled_contact_stays_off_until_it_is_sent_without_the_mark(rig: Rig):
    put(rig, {"contacts": {"webhook": HOOK}})
    with rig.database.write() as conn:
        people.disable_contact(conn, "u-1", "webhook", "gone (410)", rig.clock.now())
    body = rig.preferences.get("u-1").body
    assert body["contacts"]["webhook"]["disabled"] == "gone (410)"
    assert body["effective"]["job.failed"]["webhook"]["source"] == "no_contact"
    body = rig.preferences.merge("u-1", {"locale": "de"}, actor=KEY).body
    assert body["contacts"]["webhook"]["disabled"] == "gone (410)"
    body = put(rig, {"contacts": {"webhook": HOOK}}).body
    assert "disabled" not in body["contacts"]["webhook"]
    assert body["contacts"]["webhook"]["secret"]["set"] is True
    assert body["effective"]["job.failed"]["webhook"]["source"] == "default"


def test_defaults_apply_to_everybody_and_are_nobodys_choice(rig: Rig):
    put(
        rig,
        {"locale": "de", "events": {"job.completed": {"email": "off"}}, "channels": {"webhook": False}},
        user="_defaults",
    )
    body = put(rig, {"contacts": {"email": "a@b.example", "webhook": HOOK}}).body
    assert body["locale"] == "de"
    assert body["events"] == {}
    assert body["effective"]["job.completed"]["email"] == {"rhythm": "off", "source": "default", "locked": False}
    assert body["effective"]["job.failed"]["webhook"] == {"rhythm": "off", "source": "default", "locked": False}
    mine = rig.preferences.merge("u-1", {"channels": {"webhook": True}}, actor=KEY).body
    assert mine["effective"]["job.failed"]["webhook"]["rhythm"] == "instant"


def test_what_was_chosen_is_told_from_what_everybody_has(rig: Rig):
    put(rig, {"daily_at": "09:00"}, user="_defaults")
    # Somebody who chooses what is usual has chosen, and does not follow when the usual changes.
    assert put(rig, {"daily_at": "09:00", "locale": "en"}).body["from_defaults"] == ["timezone", "quiet_hours"]
    body = rig.preferences.merge("u-1", {"daily_at": None}, actor=KEY).body
    assert (body["daily_at"], body["from_defaults"]) == ("09:00", ["timezone", "quiet_hours", "daily_at"])
    assert put(rig, body).body["from_defaults"] == body["from_defaults"]


def test_defaults_have_no_contacts_and_mute_nobody(rig: Rig):
    given = {"contacts": {"email": "a@b.example"}, "muted_subjects": ["j-1"], "muted_until": "2027-01-01T00:00:00Z"}
    assert set(faults_of(rig, given, user="_defaults")) == set(given)
    shown = put(rig, {"locale": "de"}, user="_defaults").body
    assert put(rig, shown, user="_defaults").body == shown


def test_a_version_that_is_not_there_any_more_is_a_conflict(rig: Rig):
    put(rig, {"locale": "de"}, versions={0})
    with pytest.raises(VersionConflict):
        put(rig, {"locale": "fr"}, versions={0})
    assert rig.preferences.get("u-1").body["locale"] == "de"
    assert put(rig, {"locale": "fr"}, versions={1, 7}).version == 2


def test_each_change_is_on_record_without_values(rig: Rig):
    put(rig, {"locale": "de", "contacts": {"email": "a@b.example"}})
    put(rig, {"locale": "de", "contacts": {"email": "a@b.example"}})
    put(rig, {"daily_at": "09:00"})
    with rig.database.read() as conn:
        entries = audit.about(conn, "user:u-1")
    assert [(entry.actor, entry.action, dict(entry.detail)) for entry in entries] == [
        (KEY, "preferences", {"changed": ["contacts.email", "locale"]}),
        (KEY, "preferences", {"changed": ["contacts.email", "daily_at", "locale"]}),
    ]
    assert rig.preferences.get("u-1").version == 2


def test_the_longest_user_id_can_change_their_own_preferences(rig: Rig):
    user = "u" * 128
    assert rig.preferences.replace(user, {"locale": "de"}, actor=f"user:{user}").version == 1


def test_of_two_changes_to_the_same_version_one_wins(rig: Rig):
    put(rig, {"daily_at": "01:00"})
    outcomes = at_once(10, lambda n: put(rig, {"daily_at": f"02:{n:02}"}, versions={1}).version)
    assert sorted(outcomes, key=str) == [2] + [VersionConflict] * 9
    assert rig.preferences.get("u-1").version == 2


def test_changes_without_a_version_all_come_through_and_do_not_mix(rig: Rig):
    outcomes = at_once(
        8, lambda n: put(rig, {"daily_at": f"02:{n:02}", "contacts": {"email": f"u{n}@b.example"}}).version
    )
    assert sorted(outcomes) == [1, 2, 3, 4, 5, 6, 7, 8]
    body = rig.preferences.get("u-1").body
    assert body["contacts"]["email"] == f"u{int(body['daily_at'][3:])}@b.example"


def test_patches_at_once_are_all_kept(rig: Rig):
    subjects = ["job.failed", "job.completed", "job.progress", "system.warning", "quota.exceeded", "quota.approaching"]
    at_once(6, lambda n: rig.preferences.merge("u-1", {"events": {subjects[n]: {"email": "daily"}}}, actor=KEY))
    assert set(rig.preferences.get("u-1").body["events"]) == set(subjects)
