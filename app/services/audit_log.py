"""The audit log for those who may read it: pages of it, all of it, and whether it is whole."""

from collections.abc import Callable, Iterator
from typing import Any

from app.services.paging import Page, make_cursor, read_cursor, refuse_cursor
from app.store import audit
from app.store.audit import AuditFilters, Checked, StoredEntry, Verdict
from app.store.audit_reach import reach
from app.store.engine import Database
from app.store.history import MOST_LOOKED_AT

_KIND = "audit"
_SLICE = 1000


class AuditLog:
    """Reads the log; nothing here changes it."""

    def __init__(self, database: Database, *, most_looked_at: int = MOST_LOOKED_AT) -> None:
        """`most_looked_at` is how many entries a page may look at where no index leads to what is asked for."""
        self._database = database
        self._most_looked_at = most_looked_at

    def page(self, wanted: AuditFilters, *, cursor: str | None, limit: int) -> Page:
        """Entries, newest first. Raises Invalid for a cursor that is none of this list.

        A page that has a cursor may hold fewer than its limit, or none, where what matches is rare among what does not.
        """
        before = None if cursor is None else _number(cursor)
        with self._database.read() as conn:
            part = reach(conn, wanted, before=before, most=self._most_looked_at)
            found = audit.newest(conn, wanted, before=part.before, limit=limit + 1, down_to=part.down_to)
        last = found[limit - 1].id if len(found) > limit else None if part.is_last else part.down_to
        following = None if last is None else make_cursor(_KIND, str(last))
        return Page([shown(entry) for entry in found[:limit]], following)

    def count(self, wanted: AuditFilters) -> int:
        """How many entries there are."""
        with self._database.read() as conn:
            return audit.count(conn, wanted)

    def everything(self, wanted: AuditFilters) -> Iterator[dict[str, Any]]:
        """Every entry, oldest first, read in slices."""
        last = 0
        while True:
            with self._database.read() as conn:
                found = audit.oldest(conn, wanted, after=last, limit=_SLICE)
            yield from (shown(entry) for entry in found)
            if len(found) < _SLICE:
                return
            last = found[-1].id

    def verify(self, seen: Callable[[int], None]) -> Verdict:
        """Recompute the chain of hashes, slice by slice; `seen` is told how many rows that were so far."""
        checked = Checked()
        while True:
            with self._database.read() as conn:
                checked = audit.check(conn, checked, _SLICE)
                if checked.done:
                    return audit.verdict(conn, checked)
            seen(checked.sealed)


def shown(entry: StoredEntry) -> dict[str, Any]:
    """An entry as the API shows it."""
    return {
        "id": entry.id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "object": entry.object,
        "detail": dict(entry.detail),
    }


def _number(cursor: str) -> int:
    position = read_cursor(_KIND, cursor)
    if not position.isdecimal() or len(position) > 18:
        refuse_cursor()
    return int(position)
