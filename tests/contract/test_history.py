from datetime import timedelta

import pytest
from sqlalchemy import insert

from app.domain.ids import new_id
from app.services.history import History
from app.services.intake import Invalid
from app.services.paging import make_cursor
from app.store import audit, notifications, still_open
from app.store.history import Filters
from app.store.tables import attempts
from tests.fakes.people_rig import Rig
from tests.fakes.plans import plans_of
from tests.fakes.rows import insert_notification

ANYTHING = Filters()
SUMMARY = {
    "id",
    "event_id",
    "type",
    "user_id",
    "channel",
    "status",
    "reason",
    "because",
    "subject_key",
    "content",
    "trace",
    "duplicates",
    "digest_id",
    "replay_of",
    "next_at",
    "created_at",
    "updated_at",
    "delivered_at",
    "possible_duplicate",
}


def ids(page) -> list[str]:
    return [item["id"] for item in page.items]


def fill(rig: Rig, count: int, **changes) -> list[str]:
    """That many notifications a second apart; their ids, the newest first."""
    made = [insert_notification(rig.database, rig.clock.advance(seconds=1), **changes).id for _ in range(count)]
    return made[::-1]


def count_open(rig: Rig) -> list[still_open.Bunch]:
    with rig.database.read() as conn:
        return still_open.everything(conn)


def test_items_have_the_fields_of_the_contract(rig: Rig):
    row = insert_notification(rig.database, rig.clock.now())
    (item,) = rig.history.page(Filters("u-1")).items
    assert set(item) == SUMMARY
    assert item["content"] == {
        "subject": "Job j-9 failed",
        "text": "disk full",
        "locale": "en",
        "template_version": None,
    }
    assert (item["id"], item["status"], item["because"]) == (row.id, "delivered", "Delivered.")
    assert item["next_at"] is None
    assert item["delivered_at"] == rig.clock.now()


def test_a_single_notification_has_its_attempts_and_trace(rig: Rig):
    now = rig.clock.now()
    row = insert_notification(rig.database, now, status="failed", reason="attempts_exhausted", attempts=2)
    with rig.database.write() as conn:
        conn.execute(
            insert(attempts),
            [
                {
                    "notification_id": row.id,
                    "number": number,
                    "started_at": now + timedelta(minutes=number),
                    "ended_at": now + timedelta(minutes=number, seconds=1),
                    "outcome": "transient",
                    "http_status": 503,
                    "detail": "503 Service Unavailable",
                    "provider_ref": "internal",
                }
                for number in (2, 1)
            ],
        )
        audit.record(
            conn,
            [
                audit.Entry(now, "system:intake", "plan", row.id, {"decision": "pending", "reason": None}),
                audit.Entry(
                    now, "system:worker", "deliver", row.id, {"decision": "failed", "reason": "attempts_exhausted"}
                ),
                audit.Entry(now, "system:intake", "plan", new_id("ntf", now), {"decision": "pending"}),
            ],
        )
    found = rig.history.notification(row.id)
    assert found is not None
    assert set(found) == SUMMARY | {"attempts"}
    assert found["content"]["html"] == "<p>disk full</p>"
    assert [attempt["number"] for attempt in found["attempts"]] == [1, 2]
    assert found["attempts"][0] == {
        "number": 1,
        "started_at": now + timedelta(minutes=1),
        "ended_at": now + timedelta(minutes=1, seconds=1),
        "outcome": "transient",
        "http_status": 503,
        "detail": "503 Service Unavailable",
    }
    assert found["trace"] == [
        {
            "at": now,
            "step": "plan",
            "decision": "pending",
            "reason": None,
            "because": "Accepted, to be sent immediately.",
        },
        {
            "at": now,
            "step": "deliver",
            "decision": "failed",
            "reason": "attempts_exhausted",
            "because": "Failed: the last attempt was unsuccessful too.",
        },
    ]
    assert "2 attempts" in found["because"]
    assert rig.history.page(Filters("u-1")).items[0]["trace"] == found["trace"]


def test_an_unknown_notification_is_none(rig: Rig):
    assert rig.history.notification(new_id("ntf", rig.clock.now())) is None


def test_what_is_not_rendered_has_no_content(rig: Rig):
    row = insert_notification(rig.database, rig.clock.now(), status="suppressed", reason="opted_out", content=None)
    found = rig.history.notification(row.id)
    assert found is not None
    assert found["content"] is None
    assert found["attempts"] == []


def test_what_waits_says_until_when_in_the_users_language_and_zone(rig: Rig):
    rig.preferences.replace("u-1", {"locale": "de", "timezone": "Europe/Berlin"}, actor="key:test")
    until = rig.clock.now() + timedelta(hours=18)
    row = insert_notification(
        rig.database, rig.clock.now(), status="held", reason="quiet_hours", next_at=until, delivered_at=None
    )
    english = rig.history._translator.because("held", "quiet_hours", "en", until=until)
    found = rig.history.notification(row.id)
    assert found is not None
    assert found["next_at"] == until
    assert "07:00" in found["because"]
    assert found["because"] != english


def test_pages_hold_everything_once_newest_first(rig: Rig):
    wanted = fill(rig, 7)
    fill(rig, 2, user_id="u-2")
    found, cursor = [], None
    while True:
        page = rig.history.page(Filters("u-1"), cursor=cursor, limit=3)
        found += ids(page)
        cursor = page.next_cursor
        if cursor is None:
            break
        fill(rig, 1)
    assert found == wanted


def test_a_page_that_is_exactly_full_is_the_last(rig: Rig):
    fill(rig, 3)
    assert rig.history.page(Filters("u-1"), limit=3).next_cursor is None


def test_filters_narrow_and_combine(rig: Rig):
    failed = fill(rig, 2, status="failed", reason="rejected", channel="webhook")
    warned = fill(rig, 1, type="system.warning", channel="webhook")
    fill(rig, 1)
    assert ids(rig.history.page(Filters("u-1", status="failed"))) == failed
    assert ids(rig.history.page(Filters("u-1", type="system.warning"))) == warned
    assert ids(rig.history.page(Filters("u-1", channel="webhook"))) == warned + failed
    assert ids(rig.history.page(Filters("u-1", channel="webhook", status="delivered"))) == warned
    assert ids(rig.history.page(Filters("u-1", channel="webhook", status="held"))) == []


def test_since_is_inside_and_until_outside(rig: Rig):
    start = rig.clock.now()
    third, second, first = fill(rig, 3)
    since, until = start + timedelta(seconds=2), start + timedelta(seconds=3)
    assert ids(rig.history.page(Filters("u-1", since=since))) == [third, second]
    assert ids(rig.history.page(Filters("u-1", until=until))) == [second, first]
    assert ids(rig.history.page(Filters("u-1", since=since, until=until))) == [second]


@pytest.mark.parametrize("cursor", ["", "x", "é", make_cursor("inbox", "1"), make_cursor("history", "ntf_1")])
def test_a_cursor_that_is_none_is_refused(rig: Rig, cursor: str):
    with pytest.raises(Invalid) as caught:
        rig.history.page(Filters("u-1"), cursor=cursor)
    assert set(caught.value.errors["query"]) == {"cursor"}


def test_a_page_looks_at_so_many_rows_and_says_where_it_stopped(rig: Rig):
    wanted = fill(rig, 1, channel="slack")
    fill(rig, 5)
    wanted = fill(rig, 2, channel="slack") + wanted
    patient = History(rig.database, rig.history._people, rig.history._translator, most_looked_at=3)
    pages, cursor = [], None
    while not pages or cursor is not None:
        page = patient.page(Filters(channel="slack"), cursor=cursor, limit=10)
        cursor = page.next_cursor
        pages.append(ids(page))
    assert pages == [wanted[:2], [], wanted[2:]]
    assert [item["id"] for item in patient.everything(Filters(channel="slack"))] == wanted
    # Where an index leads to it, the page is a whole one.
    assert len(patient.page(Filters("u-1"), limit=6).items) == 6
    assert patient.page(Filters("u-1", subject_key="j-9"), limit=8).next_cursor is None


def test_only_for_what_is_rare_are_many_rows_looked_at(rig: Rig):
    fill(rig, 1, channel="pages")
    fill(rig, 30, channel="slack")
    patient = History(rig.database, rig.history._people, rig.history._translator, most_looked_at=40)

    def looks(channel: str) -> int:
        """How often a page of it searched the notifications."""
        plans = plans_of(rig.database, lambda: patient.page(Filters(channel=channel), limit=1))
        return sum("notifications" in plan for plan in plans)

    # A bound and a search within it, and for what is not among the first few the same again.
    assert looks("slack") == 2
    assert looks("pages") == 4
    (found,) = patient.page(Filters(channel="pages"), limit=1).items
    assert found["channel"] == "pages"


def test_what_is_about_a_subject_has_an_index(rig: Rig):
    fill(rig, 3)
    listed, *_ = plans_of(rig.database, lambda: rig.history.page(Filters(subject_key="j-9")))
    assert "notifications_by_subject" in listed


def test_questions_use_indexes(rig: Rig):
    last = fill(rig, 3)[0]
    listed, traced, *_ = plans_of(rig.database, lambda: rig.history.page(Filters("u-1", status="delivered")))
    assert "notifications_by_user" in listed
    fill(rig, 2)
    cursor = make_cursor("history", last)
    paged, traced, *_ = plans_of(rig.database, lambda: rig.history.page(Filters("u-1"), cursor=cursor, limit=1))
    assert "notifications_by_user" in paged
    assert "audit_by_object" in traced
    for plan in (listed, paged):
        assert "Sort" not in plan
        assert "TEMP B-TREE" not in plan
    single = plans_of(rig.database, lambda: rig.history.notification(last))
    assert not any("Seq Scan" in plan or "SCAN" in plan.replace("Index Scan", "") for plan in single[:3])


def test_the_dead_letters_of_everybody_have_an_index(rig: Rig):
    fill(rig, 3)
    listed, *_ = plans_of(rig.database, lambda: rig.history.page(Filters(status="failed")))
    assert "notifications_failed" in listed
    assert "TEMP B-TREE" not in listed


def test_what_a_digest_carried_is_found_by_it(rig: Rig):
    fill(rig, 2)
    (digest,) = fill(rig, 1, type="digest", event_id=None)
    carried = fill(rig, 2, status="digested", digest_id=digest)
    fill(rig, 1, user_id="u-2", status="digested", digest_id=digest)
    assert ids(rig.history.page(Filters("u-1", digest_id=digest))) == carried
    listed, *_ = plans_of(rig.database, lambda: rig.history.page(Filters("u-1", digest_id=digest)))
    assert "notifications_digested" in listed


def test_what_is_open_is_counted_from_an_index_alone(rig: Rig):
    (oldest,) = fill(rig, 1, status="held", reason="paused", delivered_at=None)
    fill(rig, 2, status="held", reason="paused", delivered_at=None)
    fill(rig, 1, status="pending", lane="critical", delivered_at=None)
    fill(rig, 1)
    bunches = count_open(rig)
    with rig.database.read() as conn:
        first = notifications.load(conn, oldest)
    assert first is not None
    assert sorted((one.lane, one.channel, one.status, one.count) for one in bunches) == [
        ("critical", "email", "pending", 1),
        ("email", "email", "held", 3),
    ]
    assert {one.oldest for one in bunches if one.lane == "email"} == {first.created_at}
    (plan,) = plans_of(rig.database, lambda: count_open(rig))
    assert "notifications_open" in plan
