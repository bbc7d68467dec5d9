"""Which part of the audit log a page looks at, where no index leads to all that is asked for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from app.store.audit import AuditFilters
from app.store.tables import audit

# Entries are numbered as they are committed; the moments they tell of are a little out of that order.
_OUT_OF_ORDER = timedelta(hours=1)
_at_or_after = select(audit.c.at).where(audit.c.id >= bindparam("number")).order_by(audit.c.id).limit(1)


@dataclass(frozen=True, slots=True)
class Reach:
    """Entries with a number below `before` and not below `down_to`; `is_last`: nothing further down can match."""

    before: int | None
    down_to: int | None
    is_last: bool


def reach(conn: Connection, wanted: AuditFilters, *, before: int | None, most: int) -> Reach:
    """What a page looks at that goes on below a number: by time what can match, and of that at most so many."""
    if wanted.object is not None or wanted == AuditFilters():
        return Reach(before, None, is_last=True)
    lowest, highest = conn.execute(select(_numbers(func.min), _numbers(func.max))).one()
    first, above = lowest or 0, (highest or 0) + 1
    if wanted.since is not None:
        first = _number_at(conn, wanted.since - _OUT_OF_ORDER, first, above)
    if wanted.until is not None:
        above = _number_at(conn, wanted.until + _OUT_OF_ORDER, first, above)
    above = above if before is None else min(above, before)
    down_to = max(above - most, first)
    return Reach(above, down_to, is_last=down_to == first)


def _number_at(conn: Connection, moment: datetime, low: int, high: int) -> int:
    """The number from which on entries tell of a moment or later, between two others."""
    while low < high:
        middle = (low + high) // 2
        at = conn.execute(_at_or_after, {"number": middle}).scalar()
        if at is None or at >= moment:
            high = middle
        else:
            low = middle + 1
    return low


def _numbers(bound: Any) -> Any:
    # A question of its own for each: only so an index answers both.
    return select(bound(audit.c.id)).scalar_subquery()
