"""A long past, put straight into a database: as if the service had run for eighty days."""

import json
import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Table, func, select

from app.domain.ids import new_id
from app.store.audit import StoredEntry, hash_of
from app.store.engine import Database
from app.store.tables import attempts, audit, audit_chain, events, inbox, inbox_heads, notifications

HEAVY_USER = "u-heavy"
"""A twentieth of everything is theirs."""
SPAN = timedelta(days=80)
_TABLES = (events, notifications, attempts, inbox, audit, audit_chain)
_AT_ONCE = 5_000
_ROWS_PER_USER = 100
_HELD = 1_000
_UNREAD = 400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES = ("job.completed", "job.completed", "job.completed", "job.failed", "system.warning", "quota.exceeded")
_CHANNELS = ("inapp", "inapp", "email", "webhook", "slack")
_ENDS = (("delivered", None),) * 92 + (("suppressed", "duplicate"),) * 4
_ENDS += (("failed", "attempts_exhausted"), ("expired", None), ("cancelled", "requested"), ("failed", "rejected"))
Row = tuple[Table, dict[str, Any]]


class Past:
    """Grows a database from its beginning on."""

    def __init__(self, database: Database, size: int) -> None:
        """`size` is how many notifications there will be in the end."""
        self._database = database
        self._size = size
        self._random = random.Random(1)  # noqa: S311 - the same past every time
        self._began = datetime.now(UTC) - SPAN
        self._made = self._entries = self._links = self._items = 0
        self._hash = ""

    @property
    def users(self) -> int:
        """How many people are in it."""
        return max(self._made // _ROWS_PER_USER, 1)

    def grow(self, size: int, seen: Callable[[int], None]) -> None:
        """Add to it until it has that many notifications; `seen` is told how many it has so far."""
        with self._database.read() as conn:
            for name, column in (("_entries", audit.c.id), ("_links", audit_chain.c.seq), ("_items", inbox.c.seq)):
                setattr(self, name, conn.execute(select(func.max(column))).scalar() or 0)
            head = select(audit_chain.c.hash).where(audit_chain.c.seq == self._links)
            self._hash = conn.execute(head).scalar() or ""
        rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in _TABLES}
        with self._writer() as write:
            while self._made < size:
                for table, row in self._notification():
                    rows[table].append(row)
                if self._made % _AT_ONCE == 0 or self._made == size:
                    for table in _TABLES:
                        write(table, rows[table])
                        rows[table].clear()
                    seen(self._made)
        with self._database.write() as conn:
            heads = inbox_heads.c
            conn.execute(inbox_heads.delete())
            given = f"SELECT user_id, max(revision) FROM {inbox.name} GROUP BY user_id"  # noqa: S608 - ours
            conn.exec_driver_sql(f"INSERT INTO inbox_heads ({heads.user_id.name}, {heads.revision.name}) {given}")
            if not self._database.is_sqlite:
                for table, column in (("audit", "id"), ("inbox", "seq")):
                    conn.exec_driver_sql(
                        f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM {table}"  # noqa: S608
                    )
        if not self._database.is_sqlite:
            # As its autovacuum would by and by.
            with self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
                conn.exec_driver_sql("VACUUM ANALYZE")

    def _notification(self) -> Iterator[Row]:
        chance = self._random
        self._made += 1
        number = self._made
        # What waits is there from the beginning, and does not grow.
        held = number <= min(_HELD, self._size // 200)
        at = self._began + (SPAN - timedelta(hours=1)) * (number / self._size)
        at = datetime.now(UTC) if held else at
        # Some come and some go: a hundred at a time.
        user = f"u-{number // (100 * _ROWS_PER_USER) * 100 + chance.randrange(100)}"
        user = HEAVY_USER if number % 20 == 0 else user
        type_, channel = chance.choice(_TYPES), chance.choice(_CHANNELS)
        status, reason = ("held", "digest") if held else chance.choice(_ENDS)
        event_id, id_, job = new_id("evt", at), new_id("ntf", at), f"job-{number}"
        stamp = {"created_at": at, "expires_at": at + timedelta(days=7)}
        shared = {"type": type_, "subject_key": job, "priority": "normal", "sequence": None}
        data = {"job_id": job, "error": "disk full on /data", "stage": "encode", "exit_code": 28}
        yield events, {
            **shared, **stamp, "id": event_id, "recipients": [user], "data": data, "source": "encoder",
            "resolved": False, "occurred_at": at, "owner": "key_1",
        }  # fmt: skip
        title, text = f"Job {job} failed: disk full", "The job failed while it was encoding.\n" * 4
        later = at + timedelta(seconds=2)
        waits = {"next_at": at + 2 * SPAN, "expires_at": at + 3 * SPAN} if held else {"next_at": at}
        yield notifications, {
            **shared, **stamp, "id": id_, "event_id": event_id, "user_id": user, "channel": channel, "lane": channel,
            "target": channel, "status": status, "reason": reason, "source": "encoder", "updated_at": later,
            "fingerprint": f"{chance.getrandbits(128):032x}", "fence": 1, "attempts": 1, "duplicates": 0,
            "delivered_at": later if status == "delivered" else None, "possible_duplicate": False,
            "closes_alert": False, "fallback": False, **waits,
            "content": {"title": title, "text": text, "locale": "en"},
        }  # fmt: skip
        if status in {"delivered", "failed"}:
            yield (
                attempts,
                {"notification_id": id_, "number": 1, "started_at": at, "ended_at": later, "outcome": status},
            )
        if status == "delivered" and channel == "inapp":
            self._items += 1
            place = self._items
            # Few stay unread, however long somebody is with us.
            read = None if chance.random() < _UNREAD / self._size else later
            yield inbox, {
                **shared, "seq": place, "id": new_id("itm", at), "notification_id": id_, "event_id": event_id,
                "user_id": user, "title": title, "text": text, "data": data, "read_at": read, "created_at": later,
                "updated_at": later, "occurred_at": at, "revision": place,
            }  # fmt: skip
        for action in () if held else ("plan", "deliver"):
            self._entries, self._links = self._entries + 1, self._links + 1
            entry = StoredEntry(
                self._entries, at, "system:delivery", action, id_, {"decision": status, "reason": reason}
            )
            before, self._hash = self._hash, hash_of(self._hash, entry)
            yield audit, {name: getattr(entry, name) for name in StoredEntry.__slots__}
            yield audit_chain, {"seq": self._links, "audit_id": entry.id, "prev": before, "hash": self._hash}

    def _writer(self) -> Any:
        return _Sqlite(self._database) if self._database.is_sqlite else _Postgresql(self._database)


class _Sqlite:
    """Writes as fast as SQLite can, past all that makes it safe."""

    def __init__(self, database: Database) -> None:
        self._conn = sqlite3.connect(str(database.engine.url.database), isolation_level=None)
        self._conn.execute("PRAGMA synchronous=OFF")
        self._conn.execute("PRAGMA cache_size=-400000")

    def __enter__(self) -> Callable[[Table, Sequence[Mapping[str, Any]]], None]:
        return self._write

    def __exit__(self, *_: object) -> None:
        self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._conn.close()

    def _write(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            names = list(rows[0])
            marks = ", ".join("?" * len(names))
            self._conn.execute("BEGIN")
            self._conn.executemany(
                f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - ours
                ([_plain(row[name]) for name in names] for row in rows),
            )
            self._conn.execute("COMMIT")


class _Postgresql:
    """Writes by COPY."""

    def __init__(self, database: Database) -> None:
        self._conn = psycopg.connect(
            database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
        )

    def __enter__(self) -> Callable[[Table, Sequence[Mapping[str, Any]]], None]:
        return self._write

    def __exit__(self, *_: object) -> None:
        self._conn.close()

    def _write(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            names = list(rows[0])
            columns = sql.SQL(", ").join(map(sql.Identifier, names))
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
            with closing(self._conn.cursor()) as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row([_plain(row[name]) for name in names])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    return json.dumps(value) if isinstance(value, dict | list) else value
