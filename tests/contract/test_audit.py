"""The audit log can be added to and checked, and not changed."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.store import audit, audit_seal
from app.store.engine import Database, DatabaseUnavailable
from tests.fakes.clock import FakeClock
from tests.fakes.sealing import seal

VERBS = {
    "update": "UPDATE audit SET actor = 'nobody' WHERE id = 2",
    "update all": "UPDATE audit SET detail = detail",
    "delete": "DELETE FROM audit WHERE id = 2",
    "update the chain": "UPDATE audit_chain SET hash = prev WHERE seq = 2",
    "delete from the chain": "DELETE FROM audit_chain WHERE seq = 3",
}
FORGED = "SELECT id, at, 'nobody', action, object, detail FROM audit WHERE id = 2"
SQLITE_ONLY = (
    "REPLACE INTO audit " + FORGED,
    "INSERT OR REPLACE INTO audit " + FORGED,
    "REPLACE INTO audit_chain SELECT seq, audit_id, prev, prev FROM audit_chain WHERE seq = 2",
)
POSTGRESQL_ONLY = (
    "TRUNCATE audit",
    "TRUNCATE audit_chain",
    "TRUNCATE events, audit CASCADE",
    "INSERT INTO audit " + FORGED + " ON CONFLICT (id) DO UPDATE SET actor = 'nobody'",
)


def entry(clock: FakeClock, number: int) -> audit.Entry:
    return audit.Entry(clock.now(), "key:key_1", "accept", f"evt_{number}", {"type": "job.failed", "n": [1.5, "ü"]})


@pytest.fixture
def sealed(database: Database, clock: FakeClock) -> Database:
    """Five entries, sealed, and one that is not yet."""
    with database.write() as conn:
        audit.record(conn, [entry(clock, number) for number in range(5)])
        assert seal(conn) == 5
        audit.record(conn, [entry(clock, 5)])
    return database


def verdict(database: Database) -> audit.Verdict:
    with database.read() as conn:
        return audit.verify(conn)


def test_the_chain_holds(sealed: Database):
    assert verdict(sealed) == audit.Verdict(5, 1, None)


def test_sealing_goes_on_where_it_stopped(sealed: Database, clock: FakeClock):
    with sealed.write() as conn:
        assert [seal(conn, 1), seal(conn, 1)] == [1, 0]
    assert verdict(sealed) == audit.Verdict(6, 0, None)


def test_links_that_were_overtaken_are_not_added(sealed: Database, clock: FakeClock):
    with sealed.read() as conn:
        links = audit_seal.next_links(conn, 10)
    assert [link.seq for link in links] == [6]
    with sealed.write() as conn:
        assert audit_seal.add(conn, links)
    with sealed.write() as conn:
        audit.record(conn, [entry(clock, 6)])
        assert not audit_seal.add(conn, links)
        assert seal(conn) == 1
    assert verdict(sealed) == audit.Verdict(7, 0, None)


def test_what_is_recorded_comes_back(sealed: Database, clock: FakeClock):
    with sealed.read() as conn:
        (found,) = audit.about(conn, "evt_3")
    given = entry(clock, 3)
    assert (found.at, found.actor, found.action, found.detail) == (given.at, given.actor, given.action, given.detail)


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_can_be_changed_or_removed(sealed: Database, verb: str):
    is_refused(sealed, VERBS[verb])


def test_no_word_of_the_databases_own_gets_around_that(sealed: Database):
    for statement in SQLITE_ONLY if sealed.is_sqlite else POSTGRESQL_ONLY:
        is_refused(sealed, statement)


def is_refused(database: Database, statement: str) -> None:
    with pytest.raises((DBAPIError, DatabaseUnavailable), match="append-only"), database.write() as conn:
        conn.execute(text(statement))
    assert verdict(database) == audit.Verdict(5, 1, None), statement


def break_in(conn: Connection, database: Database) -> None:
    """Do what only the owner of the database can."""
    for table in ("audit", "audit_chain"):
        if database.is_sqlite:
            for action in ("update", "delete"):
                conn.execute(text(f"DROP TRIGGER {table}_no_{action}"))
        else:
            conn.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


FORGERIES: dict[str, tuple[str, int]] = {
    "an actor": ("UPDATE audit SET actor = 'nobody' WHERE id = 3", 3),
    "a time": ("UPDATE audit SET at = at + 1 WHERE id = 1", 1),
    "a detail": ("UPDATE audit SET detail = '{}' WHERE id = 5", 5),
    "a row that is gone": ("DELETE FROM audit WHERE id = 2", 2),
    "a link that is gone": ("DELETE FROM audit_chain WHERE seq = 2", 3),
    "a hash": ("UPDATE audit_chain SET hash = prev WHERE seq = 4", 4),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_first_bad_row_is_named(sealed: Database, forgery: str):
    statement, first_bad = FORGERIES[forgery]
    with sealed.write() as conn:
        break_in(conn, sealed)
        conn.execute(text(statement))
    assert verdict(sealed).first_bad == first_bad


def test_an_entry_is_of_the_transaction_of_its_fact(database: Database, clock: FakeClock):
    class Broken(Exception):
        pass

    def fail() -> None:
        with database.write() as conn:
            audit.record(conn, [entry(clock, 0)])
            raise Broken

    attempt: Callable[[], None] = fail
    with pytest.raises(Broken):
        attempt()
    assert verdict(database) == audit.Verdict(0, 0, None)
