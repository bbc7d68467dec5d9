"""How often something was repeated: counted on the first, and told by the next one about the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, tuple_, update

from app.store.notifications import Brief, lock_in_order
from app.store.tables import IS_UNTOLD, notifications

_N = notifications.c
_count = (
    update(notifications)
    .where(_N.id == bindparam("row"))
    .values(duplicates=_N.duplicates + bindparam("repeats"), last_repeat_at=bindparam("at"))
)
_tell = (
    update(notifications)
    .where(_N.id == bindparam("row"), _N.repeats_told_in.is_(None))
    .values(repeats_told_in=bindparam("teller"))
)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A notification that was repeated, which nobody has been told of yet."""

    id: str
    times: int
    """How often it happened, the first time counted."""
    last_at: datetime


def count(conn: Connection, owners: Mapping[str, int], now: datetime) -> None:
    """Add repeats to the notifications that were first."""
    if owners:
        conn.execute(_count, [{"row": owner, "repeats": times, "at": now} for owner, times in sorted(owners.items())])


def untold(conn: Connection, tellers: Sequence[Brief], window: timedelta) -> dict[str, Repeated]:
    """By the id of each that can tell of it: the last one of its kind about the same before, if that was repeated.

    Within the window of that one it may be a repeat itself, and tells nothing.
    """
    places = {(brief.user_id, brief.channel, brief.subject_key) for brief in tellers if brief.subject_key is not None}
    if not places:
        return {}
    columns = (_N.user_id, _N.channel, _N.subject_key, _N.type, _N.created_at, _N.id, _N.duplicates, _N.last_repeat_at)
    about = tuple_(_N.user_id, _N.channel, _N.subject_key).in_(sorted(places))
    # Said twice, since SQLite finds no way into an index by several columns at once.
    theirs = _N.user_id.in_(sorted({user_id for user_id, _, _ in places}))
    rows = sorted(conn.execute(select(*columns).where(IS_UNTOLD, theirs, about)), key=lambda row: row.id)
    found: dict[str, Repeated] = {}
    for teller in tellers:
        same = (teller.user_id, teller.channel, teller.subject_key, teller.type)
        for row in rows:
            if row[:4] == same and row.created_at + window <= teller.created_at:
                found[teller.id] = Repeated(row.id, row.duplicates + 1, row.last_repeat_at)
    return found


def tell(conn: Connection, told: Mapping[str, Repeated]) -> None:
    """Note which one tells of these, by the id of the teller."""
    lock_in_order(conn, [one.id for one in told.values()])
    if told:
        conn.execute(_tell, [{"row": one.id, "teller": teller} for teller, one in sorted(told.items())])
