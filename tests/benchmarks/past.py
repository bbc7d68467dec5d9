"""A long past, put straight into a database: as if the service had run for eighty days."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, func, select

from app.domain.ids import new_id
from app.store.audit import StoredEntry, hash_of
from app.store.engine import Database
from app.store.tables import attempts, audit, audit_chain, events, inbox, inbox_heads, markers, notifications
from tests.benchmarks.bulk import writer

HEAVY_USER = "u-heavy"
"""A twentieth of everything is theirs."""
SPAN = timedelta(days=80)
ROWS_PER_USER = 100
PEOPLE_AT_A_TIME = 100
_TABLES = (events, notifications, attempts, inbox, audit, audit_chain)
_AT_ONCE = 5_000
# What waits, and what is not read yet, is no more for those who have been with us for longer.
_HELD = 100
_UNREAD_EACH = 10
# How far it has come is kept in the database, so that it can go on there.
_BEGAN = "benchmark_past_began"
_WHOLE = "benchmark_past_whole"
_TYPES = ("job.completed", "job.completed", "job.completed", "job.failed", "system.warning", "quota.exceeded")
_CHANNELS = ("inapp", "inapp", "email", "webhook", "slack")
_ENDS: tuple[tuple[str, str | None], ...] = (("delivered", None),) * 92 + (("suppressed", "duplicate"),) * 4
_ENDS += (("failed", "attempts_exhausted"), ("expired", None), ("cancelled", "requested"), ("failed", "rejected"))
Row = tuple[Table, dict[str, Any]]


class Past:
    """Grows a database from its beginning on, or from where that was broken off."""

    def __init__(self, database: Database, size: int) -> None:
        """`size` is how many notifications there will be in the end."""
        self._database = database
        self._size = size
        self._began = datetime.now(UTC) - SPAN
        self._made = self._entries = self._links = self._items = 0
        self._hash = ""
        self._random = random.Random()  # noqa: S311 - seeded by each part

    def grow(self, seen: Callable[[int], None]) -> None:
        """Add what is missing; `seen` is told how many notifications there are so far."""
        if self._found():
            return
        seen(self._made)
        with writer(self._database) as write:
            while self._made < self._size:
                rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in _TABLES}
                # The same past every time.
                self._random.seed(self._made)
                for _ in range(min(_AT_ONCE, self._size - self._made)):
                    for table, row in self._notification():
                        rows[table].append(row)
                write(rows)
                seen(self._made)
        self._finish()

    def _found(self) -> bool:
        """Take up what is there already; whether that is all."""
        with self._database.write() as conn:
            kept = dict(conn.execute(select(markers.c.name, markers.c.value)).tuples().all())
            if _WHOLE in kept:
                return True
            if _BEGAN not in kept:
                conn.execute(markers.insert(), {"name": _BEGAN, "value": self._began.isoformat()})
                return False
            self._began = datetime.fromisoformat(kept[_BEGAN])
            self._made = conn.execute(select(func.count()).select_from(events)).scalar_one()
            for name, column in (("_entries", audit.c.id), ("_links", audit_chain.c.seq), ("_items", inbox.c.seq)):
                setattr(self, name, conn.execute(select(func.max(column))).scalar() or 0)
            head = select(audit_chain.c.hash).where(audit_chain.c.seq == self._links)
            self._hash = conn.execute(head).scalar() or ""
        return False

    def _finish(self) -> None:
        """What the service would have kept up on the way."""
        with self._database.write() as conn:
            if not self._database.is_sqlite:
                conn.exec_driver_sql("SET LOCAL statement_timeout = 0")
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
                conn.exec_driver_sql("SET statement_timeout = 0")
                conn.exec_driver_sql("VACUUM ANALYZE")
                conn.exec_driver_sql("RESET statement_timeout")
        with self._database.write() as conn:
            conn.execute(markers.insert(), {"name": _WHOLE, "value": str(self._size)})

    def _notification(self) -> Iterator[Row]:
        chance = self._random
        self._made += 1
        number = self._made
        held = number <= _HELD
        at = self._began + (SPAN - timedelta(hours=1)) * (number / self._size)
        at = datetime.now(UTC) if held else at
        # Some come and some go: so many at a time.
        group = number // (PEOPLE_AT_A_TIME * ROWS_PER_USER)
        user = f"u-{group * PEOPLE_AT_A_TIME + chance.randrange(PEOPLE_AT_A_TIME)}"
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
            share = self._size / 20 if user == HEAVY_USER else ROWS_PER_USER
            read = None if chance.random() < _UNREAD_EACH / share else later
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
