"""Events and idempotency keys, as rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.domain.events import Event
from app.store.tables import events, idempotency

_COLUMNS = tuple(field.name for field in fields(Event))
_insert = insert(events)
_load = select(events).where(events.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an idempotency key stands for: the event it first made, and the request that did."""

    event_id: str
    request_hash: str


def insert_events(conn: Connection, batch: Sequence[Event]) -> None:
    """Store new events."""
    if batch:
        conn.execute(_insert, [_row(event) for event in batch])


def _row(event: Event) -> dict[str, object]:
    row = {name: getattr(event, name) for name in _COLUMNS}
    row["recipients"] = list(event.recipients)
    row["channels"] = None if event.channels is None else list(event.channels)
    return row


def load_events(conn: Connection, ids: Iterable[str]) -> dict[str, Event]:
    """Those of these events that exist, by id."""
    rows = conn.execute(_load, {"ids": list(ids)}).mappings()
    return {
        row["id"]: Event(
            **{
                **row,
                "recipients": tuple(row["recipients"]),
                "channels": None if row["channels"] is None else tuple(row["channels"]),
            }
        )
        for row in rows
    }


def claim_key(
    conn: Connection, owner: str, key: str, claimed: Claimed, *, now: datetime, forgotten_before: datetime
) -> Claimed:
    """Take an idempotency key for an event, or learn which event has it; keys before `forgotten_before` are free."""
    mine = (idempotency.c.owner == owner, idempotency.c.key == key)
    put = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
    conn.execute(delete(idempotency).where(*mine, idempotency.c.created_at < forgotten_before))
    # RETURNING, because an INSERT's rowcount is not known on PostgreSQL.
    statement = put(idempotency).on_conflict_do_nothing(index_elements=["owner", "key"]).returning(idempotency.c.key)
    taken = conn.execute(
        statement,
        {
            "owner": owner,
            "key": key,
            "event_id": claimed.event_id,
            "request_hash": claimed.request_hash,
            "created_at": now,
        },
    )
    if taken.one_or_none() is not None:
        return claimed
    row = conn.execute(select(idempotency.c.event_id, idempotency.c.request_hash).where(*mine)).one()
    return Claimed(row.event_id, row.request_hash)


def forget_keys(conn: Connection, before: datetime, limit: int) -> int:
    """Drop about so many of the idempotency keys that are older, the oldest first; how many they were."""
    made = idempotency.c.created_at
    last = conn.execute(select(made).where(made < before).order_by(made).offset(limit - 1).limit(1)).scalar()
    old = made < before if last is None else made <= last
    return conn.execute(delete(idempotency).where(old)).rowcount
