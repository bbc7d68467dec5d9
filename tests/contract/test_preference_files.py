"""Everybody's preferences as entries, and what becomes of them here and elsewhere."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from app.domain.notifications import VERIFICATION
from app.services.intake import Invalid
from app.services.paging import make_cursor
from app.store import audit, notifications, people
from app.store.audit import AuditFilters
from app.store.engine import Database
from app.store.history import Filters
from app.store.people import StoredContact
from app.store.tables import contacts, preferences
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.people_rig import Rig
from tests.fakes.rows import insert_notification

KEY = "key:test"
CONTACTS = {
    "email": "ana@b.example",
    "webhook": {
        "url": "https://hooks.example/in",
        "types": ["job.failed"],
        "headers": {"X-Token": "abcdefghijklmnop"},
        "secret": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    },
    "slack": {"url": "https://hooks.slack.com/services/T0/B0/abcdefgh"},
    "discord": {"url": "https://discord.com/api/webhooks/100000000000000001/token-abcdef"},
    "pagerduty": {"routing_key": "0123456789abcdef0123456789abcdef"},
    "opsgenie": {"api_key": "01234567-89ab-cdef-0123-456789abcdef", "url": "https://api.eu.opsgenie.com"},
}
WISHES = {
    "locale": "de",
    "timezone": "Europe/Berlin",
    "channels": {"slack": False},
    "events": {"job.completed": {"email": "daily"}},
    "quiet_hours": {"start": "22:00", "end": "07:00"},
    "muted_until": "2027-01-01T00:00:00+00:00",
    "muted_subjects": ["j-1"],
    "escalate": {"job.failed": {"after_minutes": 15, "to": ["email"]}},
}
SLACK_MASK = {"url": {"set": True, "last4": "efgh"}}


def put(rig: Rig, user: str, document: object, **options: Any) -> dict[str, Any]:
    return rig.preferences.replace(user, document, actor=KEY, **options).body


def entries(rig: Rig, *, with_secrets: bool = False) -> dict[str, dict[str, Any]]:
    return {entry["user_id"]: entry for entry in rig.preference_files.entries(with_secrets=with_secrets)}


def restore(rig: Rig, *given: dict[str, Any], dry_run: bool = False) -> list[tuple[str, tuple[str, ...]]]:
    done = [rig.preference_files.restore(entry, actor="cli", dry_run=dry_run) for entry in given]
    return [(one.outcome, one.left_out) for one in done]


def forget_everybody(rig: Rig) -> None:
    """From here on it is as on another installation."""
    with rig.database.write() as conn:
        conn.execute(delete(contacts))
        conn.execute(delete(preferences))


def kept(rig: Rig, user: str) -> dict[str, StoredContact]:
    with rig.database.read() as conn:
        return {contact.channel: contact for contact in people.contacts_of(conn, [user])}


def test_entries_hold_what_was_set_and_not_what_applies(rig: Rig):
    put(rig, "_defaults", {"locale": "de", "quiet_hours": {"start": "20:00", "end": "06:00"}})
    put(rig, "operators", {"timezone": "Europe/Paris"})
    put(rig, "u-1", {"daily_at": "06:30"})
    assert entries(rig) == {
        "_defaults": {"user_id": "_defaults", "locale": "de", "quiet_hours": {"start": "20:00", "end": "06:00"}},
        "operators": {"user_id": "operators", "timezone": "Europe/Paris"},
        "u-1": {"user_id": "u-1", "daily_at": "06:30"},
    }
    assert rig.preference_files.count() == 3


def test_many_come_in_the_order_of_their_ids_whole_and_once(rig: Rig):
    with rig.database.write() as conn:
        for number in range(450):
            people.put_document(conn, f"u-{number:03}", {}, replaces=None, now=rig.clock.now())
    assert list(entries(rig)) == [f"u-{number:03}" for number in range(450)]
    first = rig.preference_files.page(limit=200)
    assert [entry["user_id"] for entry in first.items][-1] == "u-199"
    rest = rig.preference_files.entries(cursor=first.next_cursor)
    assert [entry["user_id"] for entry in rest] == [f"u-{number}" for number in range(200, 450)]
    last = rig.preference_files.page(cursor=rig.preference_files.page(limit=449).next_cursor, limit=1)
    assert ([entry["user_id"] for entry in last.items], last.next_cursor) == (["u-449"], None)


@pytest.mark.parametrize("position", ["history:u-1", "preferences:", "preferences:_nobody", "preferences:u 1"])
def test_a_cursor_of_something_else_is_refused(rig: Rig, position: str):
    cursor = make_cursor(*position.split(":"))
    with pytest.raises(Invalid) as caught:
        rig.preference_files.page(cursor=cursor)
    assert caught.value.errors == {"query": {"cursor": ["Not a cursor of this list."]}}


def test_without_secrets_there_are_none(rig: Rig):
    put(rig, "u-1", {"contacts": CONTACTS})
    text = str(entries(rig))
    for secret in ("abcdefghijklmnop", "whsec_", "abcdefgh", "token-abcdef", "89abcdef0", "89ab-cdef"):
        assert secret not in text


def test_what_was_written_out_changes_nothing_when_it_is_read_where_it_comes_from(rig: Rig):
    put(rig, "u-1", {**WISHES, "contacts": CONTACTS})
    put(rig, "u-2", {"contacts": {"email": "new@b.example"}}, by_user=True)
    before, stored = rig.preferences.get("u-1"), kept(rig, "u-1")
    for with_secrets in (False, True):
        assert restore(rig, *entries(rig, with_secrets=with_secrets).values()) == [("unchanged", ())] * 2
    assert rig.preferences.get("u-1") == before
    assert kept(rig, "u-1") == stored


def test_with_secrets_everything_moves(rig: Rig):
    put(rig, "u-1", {**WISHES, "contacts": CONTACTS})
    there, opened = rig.preferences.get("u-1").body, {n: rig.box.open(c.sealed) for n, c in kept(rig, "u-1").items()}
    (entry,) = entries(rig, with_secrets=True).values()
    assert entry["contacts"] == CONTACTS
    forget_everybody(rig)
    assert restore(rig, entry, entry) == [("created", ()), ("unchanged", ())]
    assert rig.preferences.get("u-1").body == there
    assert {name: rig.box.open(contact.sealed) for name, contact in kept(rig, "u-1").items()} == opened


def test_what_needs_a_secret_that_nobody_has_is_left_out_whole_and_named(rig: Rig):
    put(rig, "u-1", {**WISHES, "contacts": CONTACTS})
    (entry,) = entries(rig).values()
    forget_everybody(rig)
    lost = ("webhook", "slack", "discord", "pagerduty", "opsgenie")
    assert restore(rig, entry, entry) == [("created", lost), ("unchanged", lost)]
    assert rig.preferences.get("u-1").body["contacts"] == {"email": "ana@b.example"}
    assert rig.preferences.get("u-1").body["timezone"] == "Europe/Berlin"


def test_what_is_left_out_does_not_touch_what_is_there(rig: Rig):
    put(rig, "u-1", {"contacts": {"slack": {"url": "https://hooks.slack.com/services/T0/B0/anotherone"}}})
    before = kept(rig, "u-1")
    assert restore(rig, {"user_id": "u-1", "contacts": {"slack": SLACK_MASK}}) == [("unchanged", ("slack",))]
    assert kept(rig, "u-1") == before


def test_a_webhook_that_moves_keeps_its_secret_and_one_that_is_not_in_the_entry_goes(rig: Rig):
    put(rig, "u-1", {"contacts": CONTACTS})
    (entry,) = entries(rig).values()
    moved = {**entry["contacts"]["webhook"], "url": "https://other.example/in"}
    assert restore(rig, {"user_id": "u-1", "contacts": {"webhook": moved}}) == [("changed", ())]
    (webhook,) = kept(rig, "u-1").values()
    assert webhook.public["url"] == "https://other.example/in"
    assert rig.box.open(webhook.sealed)["secret"] == CONTACTS["webhook"]["secret"]


def test_an_address_that_nobody_has_confirmed_is_not_confirmed_by_moving(rig: Rig):
    put(rig, "u-1", {"contacts": {"email": "new@b.example"}}, by_user=True)
    (entry,) = entries(rig).values()
    assert entry["contacts"] == {"email": {"address": "new@b.example", "verified": False}}
    forget_everybody(rig)
    assert restore(rig, entry) == [("created", ())]
    assert rig.preferences.get("u-1").body["contacts"]["email"] == {"address": "new@b.example", "verified": False}
    # And nobody is mailed for it: the one mail is that of the change before.
    assert len(rig.history.page(Filters(user_id="u-1", type=VERIFICATION)).items) == 1


def test_what_is_confirmed_here_stays_so(rig: Rig):
    put(rig, "u-1", {"contacts": {"email": "ana@b.example"}})
    entry = {"user_id": "u-1", "contacts": {"email": {"address": "ana@b.example", "verified": False}}}
    assert restore(rig, entry) == [("unchanged", ())]


def test_what_was_disabled_stays_so_with_its_reason_and_its_time(rig: Rig):
    put(rig, "u-1", {"contacts": {"slack": CONTACTS["slack"], "email": "ana@b.example"}})
    since = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    with rig.database.write() as conn:
        for channel in ("slack", "email"):
            people.disable_contact(conn, "u-1", channel, "no_service (404)", since)
    (entry,) = entries(rig, with_secrets=True).values()
    shown = rig.preferences.get("u-1").body["contacts"]
    forget_everybody(rig)
    as_text = {"disabled": "no_service (404)", "disabled_at": "2026-01-02T03:04:05Z"}
    read = {name: {**value, **as_text} for name, value in entry["contacts"].items()}
    assert restore(rig, {**entry, "contacts": read}) == [("created", ())]
    assert rig.preferences.get("u-1").body["contacts"] == shown
    assert shown["slack"]["disabled_at"] == since


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({"locale": "de"}, ("user_id",)),
        ({"user_id": "_nobody"}, ("user_id",)),
        ({"user_id": 7}, ("user_id",)),
        ({"user_id": "u-1", "colour": "red"}, ("colour",)),
        ({"user_id": "u-1", "events": {"system.error": {"inapp": "off"}}}, ("events", "system.error", "inapp")),
        ({"user_id": "_defaults", "muted_subjects": ["x"]}, ("muted_subjects",)),
        ({"user_id": "u-1", "contacts": {"webhook": {"url": "ftp://x.example"}}}, ("contacts", "webhook", "url")),
        (
            {"user_id": "u-1", "contacts": {"slack": {**CONTACTS["slack"], "disabled": 7}}},
            ("contacts", "slack", "disabled"),
        ),
        (
            {"user_id": "u-1", "contacts": {"slack": {**CONTACTS["slack"], "disabled": "x", "disabled_at": "then"}}},
            ("contacts", "slack", "disabled_at"),
        ),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_bad_entry_is_refused_by_field_and_nothing_of_it_is_stored(
    rig: Rig, entry: dict[str, Any], where: tuple[str, ...], *, dry_run: bool
):
    with pytest.raises(Invalid) as caught:
        restore(rig, entry, dry_run=dry_run)
    found: Any = caught.value.errors["json"]
    for name in where:
        (found,) = (found[name],)
    assert all(isinstance(text, str) for text in found)
    assert rig.preference_files.count() == 0


def test_a_dry_run_says_the_same_and_does_nothing(rig: Rig):
    put(rig, "u-1", {"locale": "de"})
    given = [{"user_id": "u-1", "locale": "en"}, {"user_id": "u-2", "contacts": {"slack": SLACK_MASK}, **WISHES}]
    said = restore(rig, *given, dry_run=True)
    assert entries(rig) == {"u-1": {"user_id": "u-1", "locale": "de"}}
    assert restore(rig, *given) == said == [("changed", ()), ("created", ("slack",))]


def test_each_person_is_on_record_and_so_is_that_all_were_written_out(rig: Rig):
    restore(rig, {"user_id": "u-1", "contacts": {"slack": CONTACTS["slack"]}, "locale": "de"})
    restore(rig, {"user_id": "u-1", "contacts": {"slack": CONTACTS["slack"]}, "locale": "de"})
    rig.preference_files.begin(actor="cli", with_secrets=True)
    with rig.database.read() as conn:
        found = audit.oldest(conn, AuditFilters(), after=0, limit=10)
    assert [(one.actor, one.action, one.object, one.detail) for one in found] == [
        ("cli", "preferences.import", "user:u-1", {"changed": ["contacts.slack", "locale"]}),
        ("cli", "preferences.export", "preferences", {"with_secrets": True}),
    ]


@pytest.mark.parametrize("whose", ["u-1", "_defaults"])
def test_what_is_held_is_looked_at_again(rig: Rig, whose: str):
    now = rig.clock.now()
    later = now + timedelta(days=1)
    held = [
        insert_notification(
            rig.database, now, user_id=user, status="held", reason="digest", next_at=later, delivered_at=None
        )
        for user in ("u-1", "u-2")
    ]
    restore(rig, {"user_id": whose, "events": {"job.completed": {"email": "instant"}}})
    with rig.database.read() as conn:
        due = [row.next_at == now for one in held if (row := notifications.load(conn, one.id))]
    assert due == [True, whose == "_defaults"]


def test_contacts_of_the_environment_are_in_no_entry(database: Database, clock: FakeClock, tmp_path: Path):
    operators_rig = Rig(database, clock, tmp_path, slack_url="https://hooks.slack.com/services/T0/B0/environment")
    put(operators_rig, "operators", {"locale": "de"})
    assert entries(operators_rig, with_secrets=True)["operators"] == {"user_id": "operators", "locale": "de"}
    assert restore(operators_rig, *entries(operators_rig).values()) == [("unchanged", ())]
    assert operators_rig.preferences.get("operators").body["contacts"]["slack"]["from"] == "environment"


def test_changes_at_once_do_not_mix_with_it(rig: Rig):
    given = [{"locale": "de", "timezone": "Europe/Berlin"}, {"locale": "en", "timezone": "Europe/London"}]
    at_once(6, lambda n: restore(rig, {"user_id": "u-1", "daily_at": f"07:1{n}", **given[n % 2]}))
    assert rig.preferences.get("u-1").version == 6
    (entry,) = entries(rig).values()
    assert entry == {"user_id": "u-1", "daily_at": entry["daily_at"], **given[int(entry["daily_at"][-1]) % 2]}
