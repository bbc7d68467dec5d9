"""Accepting events: all of one in one transaction, and what is announced of it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app.services.announcing import LANE_CAPACITY, Announcement, PublishFailed
from app.services.intake import Accepted, IdempotencyMismatch, Invalid, Rejected
from app.store import people
from app.store.engine import Database
from app.store.tables import audit, counters, events, idempotency, notifications
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.publisher import RecordingPublisher
from tests.fakes.spine import Spine

BY = {"owner": "key_1", "actor": "key:key_1"}


def event(*recipients: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "job.failed",
        "recipients": list(recipients or ["u-1"]),
        "data": {"job_id": "j-9", "error": "disk full"},
        **fields,
    }


def size(database: Database) -> dict[str, int]:
    """How many rows each table has that intake writes to."""
    with database.read() as conn:
        return {
            table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (events, notifications, audit, counters, idempotency)
        }


@pytest.fixture(params=["notifications", "audit", "counters"])
def failing_table(request: pytest.FixtureRequest, database: Database) -> Iterator[str]:
    """A table that takes nothing new."""
    table = request.param
    if database.is_sqlite:
        make = [f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END"]
        undo = ["DROP TRIGGER broken"]
    else:
        make = [
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$",
            f"CREATE TRIGGER broken BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION broken()",
        ]
        undo = [f"DROP TRIGGER broken ON {table}", "DROP FUNCTION broken"]
    with database.write() as conn:
        for statement in make:
            conn.execute(text(statement))
    yield table
    with database.write() as conn:
        for statement in undo:
            conn.execute(text(statement))


def test_a_database_that_fails_in_the_middle_keeps_nothing(spine: Spine, failing_table: str):
    outcomes = at_once(1, lambda _: spine.intake.submit(event("u-1", "u-2"), **BY, idempotency_key="once"))
    assert isinstance(outcomes[0], type)
    assert set(size(spine.database).values()) == {0}
    assert spine.publisher.published == []


def test_one_event_is_on_record_and_announced(spine: Spine, clock: FakeClock):
    spine.meet("u-1")
    accepted = spine.intake.submit(event("u-1"), **BY)
    assert accepted == Accepted(0, accepted.id, clock.now(), replayed=False)
    found = spine.events.get(accepted.id)
    assert found is not None
    assert (found["owner"], found["counts"], found["subject_key"]) == ("key_1", {"pending": 2}, "j-9")
    assert sorted(spine.publisher.ids(2)) == sorted(row["id"] for row in found["notifications"])
    assert {(one.lane, one.channel) for one in spine.publisher.published} == {
        ("letters", "letters"),
        ("shelf", "shelf"),
    }
    assert spine.count("notifications_accepted_total", type="job.failed") == 2


def test_a_batch_takes_what_is_right(spine: Spine):
    first = spine.intake.submit(event(), **BY, idempotency_key="known")
    batch = [
        event(),
        event(idempotency_key="known"),
        {"type": "job.failed", "data": {}, "recipients": ["u-1"]},
        event(idempotency_key="known", priority="low"),
        event(idempotency_key="new"),
        event(idempotency_key="new"),
        event(idempotency_key=7),
        event(idempotency_key=""),
        "not an event",
    ]
    accepted, rejected = spine.intake.submit_batch(batch, **BY)
    assert [(one.index, one.replayed) for one in accepted] == [(0, False), (1, True), (4, False), (5, True)]
    assert accepted[1].id == first.id
    assert accepted[2].id == accepted[3].id
    assert [one.index for one in rejected] == [2, 3, 6, 7, 8]
    assert set(rejected[0].errors["data"]) == {"job_id", "error"}
    assert all("idempotency_key" in rejected[place].errors for place in (1, 2, 3))
    assert size(spine.database)["events"] == 3


@pytest.mark.parametrize("count", [0, 501])
def test_a_batch_has_one_to_five_hundred(spine: Spine, count: int):
    with pytest.raises(Invalid):
        spine.intake.submit_batch([event()] * count, **BY)
    assert set(size(spine.database).values()) == {0}


def test_a_batch_of_nothing_right_writes_nothing(spine: Spine):
    assert spine.intake.submit_batch([{}], **BY)[0] == []
    assert set(size(spine.database).values()) == {0}


def test_a_request_plans_ten_thousand_pairs_and_no_more(spine: Spine):
    crowd = [f"u-{number}" for number in range(1000)]
    with pytest.raises(Invalid, match="10001"):
        spine.intake.submit_batch([event(*crowd)] * 10 + [event()], **BY)
    assert set(size(spine.database).values()) == {0}
    accepted, rejected = spine.intake.submit_batch([event(*crowd, priority="low")] * 10, **BY)
    assert (len(accepted), rejected) == (10, [])
    rows = size(spine.database)
    assert rows["notifications"] == 10_000
    with spine.database.read() as conn:
        announced = conn.execute(
            select(func.count()).select_from(notifications).where(notifications.c.announced_at.is_not(None))
        ).scalar_one()
    assert announced == LANE_CAPACITY
    assert len(spine.publisher.ids(LANE_CAPACITY)) == LANE_CAPACITY


def test_of_twenty_with_one_key_one_is_accepted(spine: Spine):
    outcomes = at_once(20, lambda _: spine.intake.submit(event(), **BY, idempotency_key="once"))
    accepted = [one for one in outcomes if isinstance(one, Accepted)]
    assert len(accepted) == 20
    assert len({one.id for one in accepted}) == 1
    assert sorted(one.replayed for one in accepted) == [False] + [True] * 19
    assert size(spine.database)["events"] == 1


def test_a_key_stands_for_its_request_its_owner_and_a_day(spine: Spine, clock: FakeClock):
    first = spine.intake.submit(event(), **BY, idempotency_key="k")
    clock.advance(hours=24)
    again = spine.intake.submit(event(), **BY, idempotency_key="k")
    assert again == Accepted(0, first.id, first.created_at, replayed=True)
    with pytest.raises(IdempotencyMismatch):
        spine.intake.submit(event(priority="low"), **BY, idempotency_key="k")
    other = spine.intake.submit(event(), owner="key_2", actor="key:key_2", idempotency_key="k")
    assert not other.replayed
    clock.advance(microseconds=1)
    assert not spine.intake.submit(event(), **BY, idempotency_key="k").replayed
    assert size(spine.database)["events"] == 3


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_has_one_to_255_characters(spine: Spine, key: str):
    with pytest.raises(Invalid) as caught:
        spine.intake.submit(event(), **BY, idempotency_key=key)
    assert set(caught.value.errors["json"]) == {"idempotency_key"}


DOCUMENTS: dict[str, dict[str, Any]] = {
    "opted out": {"events": {"job.failed": {"letters": "off"}}},
    "channel off": {"channels": {"letters": False}},
    "subject muted": {"muted_subjects": ["j-9"]},
    "daily": {"events": {"job.failed": {"letters": "daily"}}},
    "quiet": {"quiet_hours": {"start": "11:00", "end": "13:00"}},
    "muted": {"muted_until": "2026-11-23T12:00:00+00:00"},
}
ROWS: list[tuple[str, dict[str, Any], bool, dict[str, tuple[str, str | None]]]] = [
    ("", {}, True, {"letters": ("pending", None), "shelf": ("pending", None)}),
    ("", {}, False, {"shelf": ("pending", None)}),
    ("", {"channels": ["letters"]}, False, {"letters": ("suppressed", "no_contact")}),
    ("", {"channels": ["letters"]}, True, {"letters": ("pending", None)}),
    ("opted out", {}, True, {"letters": ("suppressed", "opted_out"), "shelf": ("pending", None)}),
    ("opted out", {}, False, {"shelf": ("pending", None)}),
    ("channel off", {}, True, {"letters": ("suppressed", "opted_out"), "shelf": ("pending", None)}),
    ("subject muted", {}, True, {"letters": ("suppressed", "muted"), "shelf": ("suppressed", "muted")}),
    ("daily", {}, True, {"letters": ("held", "digest"), "shelf": ("pending", None)}),
    ("quiet", {}, True, {"letters": ("held", "quiet_hours"), "shelf": ("pending", None)}),
    ("quiet", {"priority": "critical"}, True, {"letters": ("pending", None), "shelf": ("pending", None)}),
    ("muted", {}, True, {"letters": ("held", "muted"), "shelf": ("held", "muted")}),
    (
        "",
        {"deliver_at": "2026-11-22T18:00:00Z"},
        True,
        {"letters": ("held", "scheduled"), "shelf": ("held", "scheduled")},
    ),
    ("", {"type": "job.progress", "data": {"job_id": "j-9", "percent": 5}}, True, {"shelf": ("pending", None)}),
]


@pytest.mark.parametrize(("document", "fields", "reached", "wanted"), ROWS)
def test_which_rows_exist(
    spine: Spine,
    clock: FakeClock,
    document: str,
    fields: dict[str, Any],
    reached: bool,
    wanted: dict[str, tuple[str, str | None]],
):
    if document:
        with spine.database.write() as conn:
            people.put_document(conn, "u-1", DOCUMENTS[document], replaces=None, now=clock.now())
    if reached:
        spine.meet("u-1")
    found = spine.events.get(spine.intake.submit(event(**fields), **BY).id)
    assert found is not None
    assert {row["channel"]: (row["status"], row["reason"]) for row in found["notifications"]} == wanted
    pending = [row["id"] for row in found["notifications"] if row["status"] == "pending"]
    assert sorted(spine.publisher.ids(len(pending))) == sorted(pending)


def test_a_full_lane_is_left_to_the_relay(spine: Spine):
    crowd = [f"u-{number}" for number in range(1000)]
    for _ in range(3):
        spine.intake.submit(event(*crowd), **BY)
    spine.publisher.ids(LANE_CAPACITY)
    with spine.database.read() as conn:
        left = conn.execute(
            select(func.count()).select_from(notifications).where(notifications.c.announced_at.is_(None))
        ).scalar_one()
    assert left == 3000 - LANE_CAPACITY


def test_what_was_not_committed_takes_no_place_on_its_lane(spine: Spine):
    crowd = [f"u-{number}" for number in range(LANE_CAPACITY)]
    half = len(crowd) // 2
    spine.intake.submit(event(*crowd[:half]), idempotency_key="k", **BY)
    for _ in range(3):
        assert spine.intake.submit(event(*crowd[:half]), idempotency_key="k", **BY).replayed
        with pytest.raises(IdempotencyMismatch):
            spine.intake.submit(event(*crowd[:half], sequence=1), idempotency_key="k", **BY)
    spine.intake.submit(event(*crowd[half:]), **BY)
    assert len(spine.publisher.ids(LANE_CAPACITY)) == LANE_CAPACITY


@pytest.mark.parametrize("fault", [PublishFailed("gone"), RuntimeError("a fault of ours")])
def test_what_cannot_be_published_is_taken_back(
    database: Database, clock: FakeClock, gate_server: GateServer, fault: Exception
):
    class Away(RecordingPublisher):
        def publish(self, announcement: Announcement) -> None:  # noqa: ARG002 - the interface's
            raise fault

    spine = Spine(database, clock, gate_server.url, publisher=Away())
    (first,) = spine.submit("u-1", channel="shelf")
    (second,) = spine.submit("u-1", channel="shelf")
    spine.close()
    assert [spine.row(id_).announced_at for id_ in (first, second)] == [None, None]
    (third,) = spine.submit("u-1", channel="shelf")
    assert spine.row(third).announced_at is None


def test_a_refused_task_is_on_record(spine: Spine):
    spine.intake.reject("t-1", {"json": {"data": ["Missing."]}}, actor="system:submit")
    assert [action for action, _, _ in spine.trace("task:t-1")] == ["reject"]
    assert isinstance(spine.intake.submit_batch([{}], **BY)[1][0], Rejected)


def test_however_odd_and_long_a_refused_task_is_it_is_on_record(spine: Spine):
    for odd in ("\x00", "\ud800", "x" * 1_000_000):
        spine.intake.reject(odd, {"json": {odd: [odd, odd], "recipients": {0: [odd]}}}, actor="system:submit")
    with spine.database.read() as conn:
        entries = conn.execute(select(audit).where(audit.c.action == "reject").order_by(audit.c.id)).all()
    assert [entry.object[:6] for entry in entries] == ["task:\ufffd", "task:\ufffd", "task:x"]
    assert all(len(entry.object) <= 160 and len(str(entry.detail)) < 2000 for entry in entries)


@pytest.mark.parametrize(
    ("key", "why"),
    [("a\x00", "Text must not contain NUL."), ("\ud800", "Text must not contain lone surrogates.")],
    ids=["NUL", "surrogate"],
)
def test_a_key_that_no_database_keeps_is_refused(spine: Spine, key: str, why: str):
    with pytest.raises(Invalid) as refused:
        spine.intake.submit(event(), idempotency_key=key, **BY)
    assert refused.value.errors == {"json": {"idempotency_key": [why]}}


def test_what_is_no_json_is_named(spine: Spine):
    """Celery's own JSON brings more kinds of values than JSON has."""
    with pytest.raises(Invalid) as refused:
        spine.intake.submit(event(data={"job_id": "j", "error": Decimal("1.5")}, source=b"x"), **BY)
    assert refused.value.errors["json"]["data"] == ["Is no value of JSON."]
    assert set(refused.value.errors["json"]) == {"data", "source"}
