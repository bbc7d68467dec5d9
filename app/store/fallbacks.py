"""Notifications that stand in for items of the inbox, and what became of those items."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, or_, select, true

from app.store.tables import IS_OPEN_FALLBACK, inbox, notifications

_N = notifications.c
_I = inbox.c
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_MOST_AT_ONCE = 500
_fallback = notifications.alias("fallback_row")
_shown = notifications.alias("shown")
_is_read = or_(_I.read_at.is_not(None), _I.archived_at.is_not(None))
# An item stands for the notification itself, or for the digest that it went into.
_ITEM = inbox.c.notification_id == func.coalesce(_shown.c.digest_id, _shown.c.id)
_waiting = select(_N.id).where(_N.user_id == bindparam("reader"), IS_OPEN_FALLBACK)
_of_one_reader = (
    (_shown.c.event_id == _fallback.c.event_id)
    & (_shown.c.user_id == _fallback.c.user_id)
    & (_shown.c.channel != _fallback.c.channel)
)
_read = (
    select(_fallback.c.id)
    .select_from(_fallback.join(_shown, _of_one_reader).join(inbox, _ITEM))
    .where(_fallback.c.id.in_(_IDS), _is_read)
)
_stories = (
    select(
        _fallback.c.id,
        _shown.c.status,
        _shown.c.next_at,
        _I.created_at.label("arrived"),
        func.coalesce(_is_read, ~true()).label("is_read"),
    )
    .select_from(_fallback.join(_shown, _of_one_reader).outerjoin(inbox, _ITEM))
    .where(_fallback.c.id.in_(_IDS), _shown.c.channel.in_(bindparam("inboxes", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class Story:
    """What became of what a fallback stands in for."""

    status: str
    """Of the notification in the inbox."""
    next_at: datetime
    arrived: datetime | None
    """When the item came that shows it; None when there is none, or not any more."""
    is_read: bool


def read(conn: Connection, user_id: str) -> list[str]:
    """Those of a user's open fallbacks that are needed no more, since what they stand in for was read or archived."""
    waiting = conn.execute(_waiting, {"reader": user_id}).scalars().all()
    return [id_ for ids in _slices(waiting) for id_ in conn.execute(_read, {"ids": ids}).scalars()]


def stories(conn: Connection, ids: Iterable[str], inboxes: Collection[str]) -> dict[str, Story]:
    """What became of the items these stand in for, by their own ids; `inboxes` are the channels that have items."""
    found = {}
    for some in _slices(ids):
        for id_, *story in conn.execute(_stories, {"ids": some, "inboxes": list(inboxes)}):
            found[id_] = Story(*story)
    return found


def of_repeats(conn: Connection, owners: Mapping[str, str]) -> dict[str, str]:
    """For notifications in the inbox and those that they repeat: their fallbacks that wait, and the firsts of these.

    One whose first has no fallback on the same channel is its own.
    """
    held = _of(conn, owners.keys(), waiting=True)
    firsts = _of(conn, set(owners.values()), waiting=False) if held else {}
    return {id_: firsts.get((owners[repeat], channel), id_) for (repeat, channel), id_ in held.items()}


def _of(conn: Connection, shown_ids: Collection[str], *, waiting: bool) -> dict[tuple[str, str], str]:
    found = {}
    chosen = select(_shown.c.id, _fallback.c.channel, _fallback.c.id).select_from(
        _fallback.join(_shown, _of_one_reader)
    )
    chosen = chosen.where(_shown.c.id.in_(_IDS), _fallback.c.fallback)
    if waiting:
        chosen = chosen.where(_fallback.c.status == "held")
    for some in _slices(shown_ids):
        for shown_id, channel, id_ in conn.execute(chosen, {"ids": some}):
            found[shown_id, channel] = id_
    return found


def _slices(ids: Iterable[str]) -> Iterator[list[str]]:
    every = list(ids)
    return (every[start : start + _MOST_AT_ONCE] for start in range(0, len(every), _MOST_AT_ONCE))
