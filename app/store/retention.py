"""What is old enough to be purged, and purging it: slice by slice, in the order in which it came.

What has ended goes with its attempts and its item in the inbox, and an event goes after the last of its notifications.
Nothing goes that something else still needs: what belongs together, goes together.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.domain.ids import first_id
from app.domain.notifications import DIGEST, TERMINAL
from app.store import alerts, inbox
from app.store.tables import (
    IS_DIGESTED,
    IS_OPEN,
    IS_REPLAY,
    attempts,
    events,
    idempotency,
    markers,
    notifications,
)

_N = notifications.c
_E = events.c
_LOCK_NUMBER = 0x9E7A1
_MARKER = "purged"
_MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Row:
    """A notification, as far as it matters whether it may go."""

    id: str
    event_id: str | None
    type: str
    channel: str
    status: str
    updated_at: datetime
    digest_id: str | None
    alert_key: str | None
    alert_step: int | None
    closes_alert: bool
    possible_duplicate: bool

    @property
    def step(self) -> alerts.Step | None:
        """Its place in the history of an alert, if it counts there."""
        counts = self.status == "delivered" or (self.possible_duplicate and not self.closes_alert)
        if not counts or self.alert_key is None or self.alert_step is None:
            return None
        return self.channel, self.alert_key, self.alert_step


@dataclass(frozen=True, slots=True)
class Slice:
    """The next rows that were looked at: those that may go, and the last of all; None when there are no more."""

    ids: list[str]
    last_id: str | None
    looked_at: int = 0


_ROW = [_N[name] for name in Row.__dataclass_fields__]


def take_turn(conn: Connection) -> bool:
    """Whether nobody else purges at this moment; nobody does then until the end of the transaction."""
    if conn.dialect.name == "sqlite":
        return True
    return bool(conn.execute(text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER}).scalar())


def old_notifications(conn: Connection, after: str, before: datetime, limit: int, *, lock: bool = True) -> Slice:
    """Look at the next notifications that came before a moment. What a digest carries goes with the digest.

    The slice ends early where digests make it long. Those that may go are locked, unless nobody means to purge them.
    """
    chosen = select(*_ROW).where(_N.id > after, _N.id < first_id("ntf", before)).order_by(_N.id).limit(limit)
    seen: list[Row] = []
    carried: dict[str, list[Row]] = {}
    count = 0
    for row in [Row(*found) for found in conn.execute(chosen)]:
        if count >= limit:
            break
        seen.append(row)
        if row.type == DIGEST:
            carried[row.id] = _carried_by(conn, row.id)
        count += 1 + len(carried.get(row.id, ()))
    if not seen:
        return Slice([], None)
    together = {row.id: row for row in seen} | {row.id: row for rows in carried.values() for row in rows}
    free = _free(conn, list(together.values()), before, lock=lock and conn.dialect.name != "sqlite")
    kept = _existing(conn, {row.digest_id for row in seen if row.digest_id is not None})
    alone = [row for row in seen if row.id in free and row.digest_id not in kept]
    whole = [(row, carried.get(row.id, [])) for row in alone]
    going = {one.id for row, rest in whole if all(member.id in free for member in rest) for one in (row, *rest)}
    return Slice(sorted(going), seen[-1].id, len(seen))


def _carried_by(conn: Connection, digest_id: str) -> list[Row]:
    return [Row(*row) for row in conn.execute(select(*_ROW).where(IS_DIGESTED, _N.digest_id == digest_id))]


def _existing(conn: Connection, ids: Collection[str]) -> set[str]:
    return _found(conn, select(_N.id), _N.id, ids)


def _free(conn: Connection, rows: Sequence[Row], before: datetime, *, lock: bool) -> set[str]:
    """Those of these rows that nothing holds: they ended before the moment, and so did all that lives by them."""
    ended = [row for row in rows if row.status in TERMINAL and row.updated_at < before]
    if lock:
        # What somebody holds, who may be replaying it, is left for another time.
        ids = sorted(row.id for row in ended)
        locked = set()
        for some in _slices(ids):
            chosen = select(_N.id).where(_N.id.in_(some)).order_by(_N.id).with_for_update(skip_locked=True)
            locked |= set(conn.execute(chosen).scalars())
        ended = [row for row in ended if row.id in locked]
    events_of = {row.event_id for row in ended if row.event_id is not None}
    busy = _found(conn, select(_N.event_id).where(IS_OPEN).distinct(), _N.event_id, events_of)
    replayed = _found(conn, select(_N.replay_of).where(IS_REPLAY).distinct(), _N.replay_of, {row.id for row in ended})
    needed = _needed_for_alerts(conn, ended)
    return {row.id for row in ended if row.event_id not in busy and row.id not in replayed and row.id not in needed}


def _needed_for_alerts(conn: Connection, rows: Iterable[Row]) -> set[str]:
    """What tells that an alert is open, and what tells that it is over while there is something that opened it."""
    steps = {step: row for row in rows if (step := row.step) is not None}
    if not steps:
        return set()
    last = alerts.last(conn, {step[:2] for step in steps})
    ends = {step: row for step, row in steps.items() if (end := last.get(step[:2])) and end.step == step[2]}
    preceded = alerts.last_before(conn, [step for step, row in ends.items() if row.closes_alert])
    return {row.id for step, row in ends.items() if not row.closes_alert or step in preceded}


def purge_notifications(conn: Connection, ids: Sequence[str]) -> int:
    """Delete these, their attempts and their items in the inbox; how many there were."""
    count = 0
    for some in _slices(ids):
        inbox.purge(conn, some)
        conn.execute(delete(attempts).where(attempts.c.notification_id.in_(some)))
        count += conn.execute(delete(notifications).where(_N.id.in_(some))).rowcount
    return count


def old_events(conn: Connection, after: str, before: datetime, limit: int) -> Slice:
    """Look at the next events that came before a moment: those without a notification may go."""
    chosen = select(_E.id).where(_E.id > after, _E.id < first_id("evt", before)).order_by(_E.id).limit(limit)
    ids = list(conn.execute(chosen).scalars())
    if not ids:
        return Slice([], None)
    told = exists().where(_N.event_id == _E.id)
    free = select(_E.id).where(_E.id.in_(ids), _E.created_at < before, ~told).order_by(_E.id)
    if conn.dialect.name != "sqlite":
        free = free.with_for_update(skip_locked=True)
    return Slice(list(conn.execute(free).scalars()), ids[-1])


def purge_events(conn: Connection, ids: Sequence[str]) -> int:
    """Delete these and their idempotency keys; how many there were."""
    conn.execute(delete(idempotency).where(idempotency.c.event_id.in_(ids)))
    return conn.execute(delete(events).where(_E.id.in_(ids))).rowcount


def trace_needed_since(conn: Connection, before: datetime) -> datetime:
    """The moment, or when the oldest notification came that is kept for longer and whose trace is to be whole.

    The opening of an alert that is open for long is none of these.
    """
    oldest = select(_N.created_at).where(_N.id < first_id("ntf", before), _N.alert_key.is_(None))
    first = conn.execute(oldest.order_by(_N.id).limit(1)).scalar()
    still_open = conn.execute(select(func.min(_N.created_at)).where(IS_OPEN)).scalar()
    return min(moment for moment in (before, first, still_open) if moment is not None)


def count_older(conn: Connection, before: datetime) -> int:
    """How many notifications came before a moment. It looks at each."""
    return conn.execute(
        select(func.count()).select_from(notifications).where(_N.id < first_id("ntf", before))
    ).scalar_one()


def note(conn: Connection, purged: Mapping[str, int]) -> None:
    """Add to what was purged since the last account of it."""
    sums = _noted(conn)
    for kind, count in purged.items():
        sums[kind] = sums.get(kind, 0) + count
    insert = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
    put = insert(markers).values(name=_MARKER, value=json.dumps(sums, sort_keys=True))
    conn.execute(put.on_conflict_do_update(index_elements=["name"], set_={"value": put.excluded.value}))


def take_note(conn: Connection) -> dict[str, int]:
    """What was purged since this was asked the last time."""
    sums = _noted(conn)
    if sums:
        conn.execute(delete(markers).where(markers.c.name == _MARKER))
    return sums


def _noted(conn: Connection) -> dict[str, int]:
    value = conn.execute(select(markers.c.value).where(markers.c.name == _MARKER)).scalar()
    return dict(json.loads(value)) if value else {}


def _found(conn: Connection, statement: Any, column: Any, values: Collection[str]) -> set[str]:
    return {
        value for some in _slices(sorted(values)) for value in conn.execute(statement.where(column.in_(some))).scalars()
    }


def _slices(ids: Sequence[str]) -> Iterator[list[str]]:
    return (list(ids[start : start + _MOST_AT_ONCE]) for start in range(0, len(ids), _MOST_AT_ONCE))
