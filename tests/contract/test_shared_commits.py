"""Those who write at the same moment share a transaction, and nothing else: each gets what is theirs."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Connection, text

from app.services.shared_commits import SharedCommits
from app.store.engine import Database, DatabaseUnavailable
from app.store.tables import markers
from tests.fakes.at_once import at_once

MANY = 8


def put(name: str, seen: list[int] | None = None) -> Callable[[Connection], str]:
    def work(conn: Connection) -> str:
        if seen is not None:
            seen.append(id(conn))
        conn.execute(markers.insert().values(name=name, value="v"))
        return name

    return work


def names(database: Database) -> set[str]:
    with database.read() as conn:
        return set(conn.execute(text("SELECT name FROM markers")).scalars())


@contextmanager
def nobody_else_writes(database: Database) -> Iterator[None]:
    """Hold the one writer's place of SQLite within the block."""
    with database.write():
        yield


class Crowd:
    """Callers that came while the database was somebody else's, in an order that is known."""

    def __init__(self, database: Database) -> None:
        self.commits = SharedCommits(database)
        self.pool = ThreadPoolExecutor(MANY)

    def ask(self, work: Callable[[Connection], object], size: int = 1) -> "Future[object]":
        """One more; returns when it waits."""
        there = len(self.commits._waiting)
        asked = self.pool.submit(self.commits.run, work, size)
        while len(self.commits._waiting) == there:
            assert not asked.done()
        return asked


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Where there is one writer at a time."""
on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
"""Where those who write at the same time do not wait for each other."""


def test_what_is_answered_is_committed(database: Database):
    commits = SharedCommits(database)
    assert at_once(MANY, lambda number: commits.run(put(f"m-{number}"))) == [f"m-{number}" for number in range(MANY)]
    assert names(database) == {f"m-{number}" for number in range(MANY)}


def test_what_raises_leaves_nothing(database: Database):
    def fail(conn: Connection) -> None:
        put("dropped")(conn)
        raise KeyError

    with pytest.raises(KeyError):
        SharedCommits(database).run(fail)
    assert names(database) == set()


@on_sqlite
def test_those_who_wait_share_a_transaction(database: Database):
    crowd, seen = Crowd(database), list[int]()
    with nobody_else_writes(database):
        asked = [crowd.ask(put(f"m-{number}", seen)) for number in range(MANY)]
    assert [one.result(10) for one in asked] == [f"m-{number}" for number in range(MANY)]
    assert len(seen) == MANY
    assert len(set(seen)) == 1
    assert len(names(database)) == MANY


@on_sqlite
def test_who_stores_much_shares_with_few(database: Database):
    crowd, seen = Crowd(database), list[Connection]()
    with nobody_else_writes(database):
        asked = [crowd.ask(seen.append, size) for size in (400, 100, 700, 1, 1)]
    for one in asked:
        one.result(10)
    together = [one is other for one, other in pairwise(seen)]
    assert together == [True, False, False, True]


@on_sqlite
def test_one_that_fails_does_not_fail_its_neighbours(database: Database):
    def twice(conn: Connection) -> None:
        put("m-0")(conn)

    crowd = Crowd(database)
    with nobody_else_writes(database):
        good = [crowd.ask(put("m-0"))]
        bad = crowd.ask(twice)
        good.append(crowd.ask(put("m-1")))
    assert [one.result(10) for one in good] == ["m-0", "m-1"]
    assert "UNIQUE" in str(bad.exception(10))
    assert names(database) == {"m-0", "m-1"}


@on_sqlite
def test_a_database_that_is_away_is_away_for_all_of_them(database: Database):
    def away(_conn: Connection) -> None:
        raise DatabaseUnavailable("disk I/O error")

    crowd = Crowd(database)
    with nobody_else_writes(database):
        asked = [crowd.ask(put("m-0")), crowd.ask(away)]
    assert [type(one.exception(10)) for one in asked] == [DatabaseUnavailable] * 2
    assert names(database) == set()
    assert crowd.commits.run(put("m-1")) == "m-1"


@on_sqlite
def test_one_that_has_to_end_does_not_take_the_others_along(database: Database):
    def interrupted(_conn: Connection) -> None:
        raise KeyboardInterrupt

    crowd = Crowd(database)
    with nobody_else_writes(database):
        ending = crowd.ask(interrupted)
        others = [crowd.ask(put(f"m-{number}")) for number in range(3)]
    assert isinstance(ending.exception(10), KeyboardInterrupt)
    assert [one.result(10) for one in others] == ["m-0", "m-1", "m-2"]
    assert names(database) == {"m-0", "m-1", "m-2"}


@on_postgresql
def test_elsewhere_nobody_waits(database: Database):
    commits, met = SharedCommits(database), threading.Barrier(2)

    def meet(number: int) -> Callable[[Connection], None]:
        def work(conn: Connection) -> None:
            put(f"m-{number}")(conn)
            met.wait(10)

        return work

    assert at_once(2, lambda number: commits.run(meet(number))) == [None, None]


def test_a_transaction_that_cannot_begin_is_everybodys_trouble(tmp_path: Path):
    path = tmp_path / "damaged.db"
    database = Database(f"sqlite:///{path}")
    with database.write() as conn:
        conn.execute(text("CREATE TABLE some (thing TEXT)"))
    with closing(sqlite3.connect(path)) as other:
        other.execute("INSERT INTO some VALUES ('x')")
        other.commit()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.write(b"garbage!" * 512)
    crowd = Crowd(database)
    for asked in [crowd.commits.run] * 2:
        with pytest.raises(DatabaseUnavailable):
            crowd.pool.submit(asked, put("lost")).result(timeout=20)
    database.close()


def test_a_fault_of_ours_before_it_begins_ends_all_who_wait():
    class Faulty:
        is_sqlite = True

        @contextmanager
        def write(self) -> Iterator[None]:
            raise KeyError
            yield

    crowd = Crowd(cast(Database, Faulty()))
    with pytest.raises(KeyError):
        crowd.pool.submit(crowd.commits.run, put("lost")).result(timeout=20)
