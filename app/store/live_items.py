"""Inbox items that move: while something is under way, one item tells how far it is, and then how it ended.

An end that comes later than another end is an item of its own, and so is the beginning of another run. What comes late
and only tells how far something was changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, null, or_, select, update

from app.domain.courses import Position
from app.domain.events import EVENT_TYPES, moves, moving_family
from app.store.tables import IS_OF_A_COURSE, inbox

_I = inbox.c
# Of one subject there are few, but for what fails again and again.
_MOST_ENDS = 500
_MOVING = ("notification_id", "event_id", "type", "priority", "sequence", "title", "text", "data", "occurred_at")
_MOVING_ON = (*_MOVING, "updated_at", "revision")
MOVE = (
    update(inbox)
    .where(_I.seq == bindparam("place"))
    .values(
        **{name: bindparam(f"new_{name}", type_=_I[name].type) for name in _MOVING_ON},
        # How it ended is news to whoever has seen how it went.
        read_at=case((bindparam("ends"), null()), else_=_I.read_at),
        archived_at=case((bindparam("ends"), null()), else_=_I.archived_at),
    )
)
"""Takes what `settled` gives."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Rows to be inserted, and parameters of MOVE."""

    new: Sequence[Mapping[str, Any]]
    moved: Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class _Item:
    """An item about a subject: in the database at `place`, or else among the new rows."""

    position: Position
    place: int | None = None
    row: dict[str, Any] = field(default_factory=dict)
    has_moved: bool = False


def settled(conn: Connection, rows: Sequence[dict[str, Any]]) -> Settled:
    """What these rows come to in their inboxes, which nobody else may be changing."""
    own = [row for row in rows if not _is_of_a_course(row)]
    courses: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if _is_of_a_course(row):
            courses[row["user_id"], row["subject_key"]].append(row)
    there = _items(conn, courses) if courses else {}
    moved: list[dict[str, Any]] = []
    for subject, coming in courses.items():
        items = _brought_on(there.get(subject, []), coming)
        own += [item.row for item in items if item.place is None]
        moved += [_parameters(item) for item in items if item.place is not None and item.has_moved]
    return Settled(own, moved)


def _is_of_a_course(row: Mapping[str, Any]) -> bool:
    return row["subject_key"] is not None and bool(moving_family(row["type"]))


def _items(
    conn: Connection, courses: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
) -> dict[tuple[str, str], list[_Item]]:
    """What is there about these subjects, as far as it matters: what moves, what comes again, and the latest ends."""
    users, keys = ({subject[part] for subject in courses} for part in (0, 1))
    columns = (_I.user_id, _I.subject_key, _I.seq, _I.notification_id, _I.type, _I.sequence, _I.occurred_at)
    about = select(*columns, _I.created_at).where(IS_OF_A_COURSE, _I.user_id.in_(users), _I.subject_key.in_(keys))
    coming = [row for rows in courses.values() for row in rows]
    again = _I.notification_id.in_([row["notification_id"] for row in coming])
    rows = set(conn.execute(about.where(or_(_I.type.in_([name for name in EVENT_TYPES if moves(name)]), again))))
    if any(moves(row["type"]) for row in coming):
        rows |= set(conn.execute(about.order_by(_I.seq.desc()).limit(_MOST_ENDS)))
    found: defaultdict[tuple[str, str], list[_Item]] = defaultdict(list)
    for row in rows:
        position = Position(row.notification_id, row.type, row.sequence, row.occurred_at or row.created_at)
        found[row.user_id, row.subject_key].append(_Item(position, row.seq))
    return found


def _brought_on(items: list[_Item], coming: Iterable[dict[str, Any]]) -> list[_Item]:
    """The items about one subject, after what has come about it."""
    for row in sorted(coming, key=_when):
        new = _Item(_position(row), row=row)
        if any(item.position.id == new.position.id for item in items):
            continue
        live = next((item for item in items if not item.position.is_end), None)
        if live is not None and not live.position.is_after(new.position):
            live.position, live.row, live.has_moved = new.position, _on_its_place(row, live), True
        elif new.position.is_end or not any(item.position.is_after(new.position) for item in items):
            items.append(new)
    return items


def _on_its_place(row: dict[str, Any], live: _Item) -> dict[str, Any]:
    """A new item that is moved before it is stored stays that item."""
    return row if live.place is not None else row | {name: live.row[name] for name in ("id", "created_at")}


def _position(row: Mapping[str, Any]) -> Position:
    return Position(row["notification_id"], row["type"], row["sequence"], row["occurred_at"])


def _when(row: Mapping[str, Any]) -> tuple[int, datetime, str]:
    return row["sequence"] or 0, row["occurred_at"], row["notification_id"]


def _parameters(item: _Item) -> dict[str, Any]:
    new = {f"new_{name}": item.row[name] for name in _MOVING_ON}
    return {"place": item.place, "ends": item.position.is_end, **new}
