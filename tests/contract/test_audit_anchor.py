"""The audit log may be purged from its beginning, up to an anchor that matches it, and holds all the same."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.store import audit, audit_anchor
from app.store.audit import Verdict
from app.store.audit_anchor import Anchor
from app.store.engine import Database, DatabaseUnavailable
from tests.contract.test_audit import break_in, entry, verdict
from tests.fakes.clock import FakeClock
from tests.fakes.sealing import seal

REFUSED = (
    "DELETE FROM audit WHERE id = 3",
    "DELETE FROM audit_chain WHERE seq = 3",
    "DELETE FROM audit WHERE id = 6",
    "UPDATE audit_anchor SET seq = 4",
    "DELETE FROM audit_anchor",
    "INSERT INTO audit_anchor (seq, hash, at) VALUES (4, 'of my own making', 0)",
    "INSERT INTO audit_anchor (seq, hash, at) SELECT 9, hash, 0 FROM audit_chain WHERE seq = 4",
)


@pytest.fixture
def log(database: Database, clock: FakeClock) -> Database:
    """Five sealed entries a minute apart, the first at the start of the clock, and one that is not sealed."""
    with database.write() as conn:
        for number in range(5):
            audit.record(conn, [entry(clock, number)])
            clock.advance(minutes=1)
        assert seal(conn) == 5
        audit.record(conn, [entry(clock, 5)])
    return database


def purge(database: Database, clock: FakeClock, links: int) -> None:
    with database.write() as conn:
        checked = audit.check(conn, audit.Checked(), links)
        assert checked.first_bad is None
        start, end = audit_anchor.newest(conn), Anchor(checked.sealed, checked.hash)
        assert audit_anchor.move_to(conn, start, end, clock.now()) == links
        # Somebody else was quicker.
        assert audit_anchor.move_to(conn, start, end, clock.now()) == 0


def test_what_is_left_is_as_it_was_sealed(log: Database, clock: FakeClock):
    purge(log, clock, 2)
    assert verdict(log) == Verdict(3, 1, None, purged=2)
    with log.read() as conn:
        assert [found.id for found in audit.oldest(conn, audit.AuditFilters(), after=0, limit=None)] == [3, 4, 5, 6]
    purge(log, clock, 2)
    assert verdict(log) == Verdict(1, 1, None, purged=4)


def test_sealing_goes_on_from_what_is_left(log: Database, clock: FakeClock):
    purge(log, clock, 4)
    with log.write() as conn:
        assert seal(conn) == 1
    assert verdict(log) == Verdict(2, 0, None, purged=4)


@pytest.mark.parametrize("statement", REFUSED)
def test_nothing_after_the_anchor_can_be_removed_and_no_anchor_be_made_up(
    log: Database, clock: FakeClock, statement: str
):
    purge(log, clock, 2)
    with pytest.raises((DBAPIError, DatabaseUnavailable), match="append-only"), log.write() as conn:
        conn.execute(text(statement))
    assert verdict(log) == Verdict(3, 1, None, purged=2)


def test_the_first_bad_row_after_the_anchor_is_named(log: Database, clock: FakeClock):
    purge(log, clock, 2)
    with log.write() as conn:
        break_in(conn, log)
        conn.execute(text("DELETE FROM audit WHERE id = 3"))
    assert verdict(log) == Verdict(1, 0, 3, purged=2)


def test_a_check_goes_on_when_what_it_would_look_at_next_is_purged(log: Database, clock: FakeClock):
    with log.read() as conn:
        half = audit.check(conn, audit.Checked(), 1)
    purge(log, clock, 3)
    with log.read() as conn:
        checked = audit.check(conn, half, 10)
        assert (checked.done, checked.first_bad) == (True, None)
        assert audit.verdict(conn, checked) == Verdict(2, 1, None, purged=3)


@pytest.mark.parametrize(("minutes", "old"), [(0, 0), (1, 1), (3, 3), (60, 4)])
def test_what_is_older_is_counted_without_the_newest_link(log: Database, clock: FakeClock, minutes: int, old: int):
    moment = clock.now() - timedelta(minutes=5) + timedelta(minutes=minutes)
    with log.read() as conn:
        assert audit_anchor.before(conn, moment, 10) == old
        assert audit_anchor.before(conn, moment, 2) == min(old, 2)
