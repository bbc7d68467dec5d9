"""Transactions on both databases, and what their trouble looks like to the caller."""

import os
import socket
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import NotSupportedError

from app.store import counters
from app.store.engine import Database, DatabaseUnavailable, together
from app.store.tables import markers
from tests.fakes.at_once import at_once
from tests.fakes.ports import free_port

KEEPALIVES = {
    "tcp_keepalives_idle": socket.TCP_KEEPIDLE,
    "tcp_keepalives_interval": socket.TCP_KEEPINTVL,
    "tcp_keepalives_count": socket.TCP_KEEPCNT,
}


def put(database: Database, name: str, value: str = "v") -> None:
    with database.write() as conn:
        conn.execute(markers.insert().values(name=name, value=value))


def names(database: Database) -> list[str]:
    with database.read() as conn:
        return list(conn.execute(text("SELECT name FROM markers ORDER BY name")).scalars())


def test_a_block_that_ends_is_kept_and_one_that_raises_is_not(database: Database):
    put(database, "kept")

    def fail() -> None:
        with database.write() as conn:
            conn.execute(markers.insert().values(name="dropped", value="v"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(database) == ["kept"]
    put(database, "after")
    assert names(database) == ["after", "kept"]


def test_a_transaction_that_writes_and_is_not_supported_is_a_database_that_became_a_replica(database: Database):
    refusal = RuntimeError("cannot set transaction read-write mode during recovery")
    with pytest.raises(DatabaseUnavailable, match="during recovery"), database.write():
        raise NotSupportedError("BEGIN", {}, refusal)


def test_a_reader_sees_one_state_of_the_database(database: Database):
    put(database, "first")
    count = text("SELECT count(*) FROM markers")
    with database.read() as conn:
        assert conn.execute(count).scalar_one() == 1
        put(database, "second")
        assert conn.execute(count).scalar_one() == 1
    assert names(database) == ["first", "second"]


def test_a_glance_sees_what_has_been_committed(database: Database):
    count = text("SELECT count(*) FROM markers")
    for number, name in enumerate(("first", "second"), 1):
        put(database, name)
        with database.glance() as conn:
            assert conn.execute(count).scalar_one() == number


def test_our_own_faults_keep_their_name(database: Database):
    with pytest.raises(Exception, match="no_such_table") as caught, database.read() as conn:
        conn.execute(text("SELECT 1 FROM no_such_table"))
    if not database.is_sqlite:
        assert not isinstance(caught.value, DatabaseUnavailable)


def test_writers_at_once_lose_nothing(database: Database):
    def add(number: int) -> None:
        for _ in range(10):
            tally = counters.Tally()
            tally.add("tries", {"process": "all"})
            tally.add("tries", {"process": f"{number % 2}"}, 2)
            with database.write() as conn:
                tally.save(conn, f"p-{number % 3}")

    assert at_once(8, add) == [None] * 8
    with database.read() as conn:
        found = {labels["process"]: value for _, labels, value in counters.totals(conn)}
    assert found == {"all": 80, "0": 80, "1": 80}


def test_statements_that_travel_together_are_kept_or_dropped_together(database: Database):
    with database.write() as conn, together(conn):
        for name in ("first", "second"):
            conn.execute(markers.insert().values(name=name, value="v"))

    def twice() -> None:
        with database.write() as conn, together(conn):
            for name in ("third", "first", "fourth"):
                conn.execute(markers.insert().values(name=name, value="v"))

    with pytest.raises(Exception, match=r"(?i)unique") as caught:
        twice()
    assert not isinstance(caught.value, DatabaseUnavailable)
    assert names(database) == ["first", "second"]


def test_a_server_that_goes_while_statements_travel_together_is_said_to_be_away(postgresql: Database):
    def cut() -> None:
        with postgresql.write() as conn, together(conn):
            hang_up(postgresql, conn)
            conn.execute(markers.insert().values(name="lost", value="v"))

    with pytest.raises(DatabaseUnavailable):
        cut()
    assert names(postgresql) == []


def test_a_connection_that_the_server_closed_while_it_rested_is_replaced(postgresql_url: str, postgresql: Database):
    moment = 0.0
    database = Database(postgresql_url, monotonic=lambda: moment)
    with database.read() as conn:
        hang_up(postgresql, conn)
    moment = 1.5
    assert names(database) == []
    database.close()


def test_a_connection_that_the_server_closed_just_now_costs_one_transaction(postgresql_url: str, postgresql: Database):
    database = Database(postgresql_url, monotonic=lambda: 0.0)
    with database.read() as conn:
        hang_up(postgresql, conn)
    with pytest.raises(DatabaseUnavailable):
        names(database)
    assert names(database) == []
    database.close()


def hang_up(server: Database, conn: Connection) -> None:
    """Let the server close this connection."""
    pid = conn.connection.driver_connection.info.backend_pid
    with server.read() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def test_a_server_that_is_away_is_said_to_be_so(tmp_path: Path):
    for url in (f"postgresql://root@127.0.0.1:{free_port()}/x", f"sqlite:///{tmp_path}/no/such/folder/x.db"):
        database = Database(url)
        with pytest.raises(DatabaseUnavailable) as caught, database.write():
            pass
        assert "\n" not in str(caught.value)
        with pytest.raises(DatabaseUnavailable), database.glance() as conn:
            conn.execute(text("SELECT 1"))
        database.close()


def test_a_damaged_file_is_said_to_be_so(tmp_path: Path):
    path = tmp_path / "damaged.db"
    path.write_bytes(b"this is no database at all, whatever its name says" * 100)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseUnavailable), database.write():
        pass
    database.close()


def test_both_ends_of_a_connection_find_out_within_15_s_that_the_other_is_cut_off(postgresql: Database):
    with postgresql.read() as conn:
        names = ("tcp_user_timeout", *KEEPALIVES)
        theirs = [conn.execute(text(f"SHOW {name}")).scalar_one() for name in names]
        with socket.socket(fileno=os.dup(conn.connection.driver_connection.fileno())) as line:
            options = (socket.TCP_USER_TIMEOUT, *KEEPALIVES.values())
            ours = [line.getsockopt(socket.IPPROTO_TCP, option) for option in options]
    assert ours == [15_000, 5, 5, 2]
    assert [int(value) for value in theirs] == ours
