"""Pages of the audit log: what no index leads to is looked for in a part of it at a time."""

from datetime import timedelta

import pytest

from app.services.audit_log import AuditLog
from app.store import audit
from app.store.audit import AuditFilters
from app.store.engine import Database
from tests.fakes.clock import FakeClock
from tests.fakes.plan_rules import whole_reads
from tests.fakes.plans import plans_of

PAUSED = AuditFilters(action="channel.pause")


@pytest.fixture
def log(database: Database, clock: FakeClock) -> AuditLog:
    """Nine entries, of which the first and the last pause a channel, read three at a time."""
    actions = ["channel.pause", *["accept"] * 7, "channel.pause"]
    entries = [audit.Entry(clock.now(), "key:key_1", action, f"o-{place}") for place, action in enumerate(actions)]
    with database.write() as conn:
        audit.record(conn, entries)
    return AuditLog(database, most_looked_at=3)


def pages(log: AuditLog, wanted: AuditFilters, *, limit: int = 5) -> list[list[str]]:
    found, cursor = [], None
    while not found or cursor is not None:
        page = log.page(wanted, cursor=cursor, limit=limit)
        found.append([item["object"] for item in page.items])
        cursor = page.next_cursor
    return found


def test_what_is_rare_is_found_a_few_pages_later(log: AuditLog) -> None:
    assert pages(log, PAUSED) == [["o-8"], [], ["o-0"]]


def test_pages_are_whole_where_an_index_leads_there(log: AuditLog) -> None:
    assert pages(log, AuditFilters(object="o-4", action="accept")) == [["o-4"]]
    assert pages(log, AuditFilters()) == [["o-8", "o-7", "o-6", "o-5", "o-4"], ["o-3", "o-2", "o-1", "o-0"]]


def test_a_page_that_is_full_before_goes_on_at_its_last_entry(log: AuditLog) -> None:
    assert pages(log, AuditFilters(action="accept"), limit=2) == [
        ["o-7", "o-6"],
        ["o-5", "o-4"],
        ["o-3", "o-2"],
        ["o-1"],
    ]


def test_by_time_only_what_can_match_is_looked_at(database: Database, clock: FakeClock) -> None:
    for day in range(10):
        with database.write() as conn:
            audit.record(conn, [audit.Entry(clock.now(), "key:key_1", "accept", f"d-{day}-{one}") for one in range(4)])
        clock.advance(days=1)
    log, now, some = AuditLog(database, most_looked_at=4), clock.now(), timedelta(hours=2)
    one, four, six, nine = (timedelta(days=days) + some for days in (1, 4, 6, 9))
    assert pages(log, AuditFilters(since=now - one)) == [entries_of(9)]
    assert pages(log, AuditFilters(until=now - nine)) == [entries_of(0)]
    assert pages(log, AuditFilters(since=now)) == [[]]
    between = pages(log, AuditFilters(since=now - six, until=now - four))
    assert between == [entries_of(5), entries_of(4)]


def entries_of(day: int) -> list[str]:
    return [f"d-{day}-{one}" for one in (3, 2, 1, 0)]


def test_no_page_reads_the_whole_log(log: AuditLog, database: Database) -> None:
    plans = plans_of(database, lambda: log.page(PAUSED, cursor=None, limit=5))
    assert len(plans) == 2
    assert [plan for plan in plans if whole_reads(plan)] == []


def test_an_empty_log_is_one_empty_page(database: Database) -> None:
    assert pages(AuditLog(database), PAUSED) == [[]]
