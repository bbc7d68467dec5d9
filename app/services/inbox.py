"""The inbox: what the in-app channel delivers, and what its reader does with it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.domain.clock import Clock
from app.domain.ids import new_id
from app.services.fallbacks import Fallbacks
from app.services.paging import DEFAULT_LIMIT, Page, make_cursor, read_cursor, refuse_cursor
from app.store import inbox
from app.store.engine import Database
from app.store.inbox import Item, State
from channels.base import Message

_KIND = "inbox"
_MOST_SEQ = 2**63 - 1
_STEP = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Changed:
    """An item after its change, and how many unread ones the user has now."""

    item: dict[str, Any]
    unread_count: int


class Inbox:
    """Every user's items; an item is unread until it is read or archived."""

    def __init__(
        self, database: Database, clock: Clock, ring: Callable[[Collection[str]], None], fallbacks: Fallbacks
    ) -> None:
        """`ring` is told whose inbox has changed, once that is committed."""
        self._database = database
        self._clock = clock
        self._ring = ring
        self._fallbacks = fallbacks

    def put(self, messages: Sequence[Message]) -> None:
        """Add them in one transaction; a notification is in the inbox at most once.

        Each has an item of its own, but for what is under way: that has one, which moves on.
        """
        now = self._clock.now()
        rows = [
            {
                # Of what came together, too, the later one has the greater id.
                "id": new_id("itm", now + place * _STEP),
                "notification_id": message.notification_id,
                "event_id": message.event_id,
                "user_id": message.user_id,
                "type": message.type,
                "priority": message.priority,
                "subject_key": message.subject_key,
                "sequence": message.sequence,
                "title": message.title,
                "text": message.text,
                "data": dict(message.data) if message.items is None else {"items": message.items},
                "occurred_at": message.occurred_at,
                "created_at": now,
                "updated_at": now,
            }
            # In one order, so that two transactions with the same notifications wait for each other and no more.
            for place, message in enumerate(sorted(messages, key=lambda message: message.notification_id))
        ]
        with self._database.write() as conn:
            inbox.put(conn, rows)
        self._ring({message.user_id for message in messages})

    def page(
        self, user_id: str, state: State = "all", *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> tuple[Page, int]:
        """A user's items in that state, newest first, and the number of all unread ones. Raises Invalid."""
        before = None if cursor is None else _place(cursor)
        with self._database.read() as conn:
            items = inbox.of_user(conn, user_id, state, before=before, limit=limit + 1)
            unread = inbox.unread_count(conn, user_id)
        following = make_cursor(_KIND, str(items[limit - 1].seq)) if len(items) > limit else None
        return Page([shown(item) for item in items[:limit]], following), unread

    def mark(
        self, user_id: str, item_id: str, *, read: bool | None = None, archived: bool | None = None
    ) -> Changed | None:
        """Mark an item as (un)read or (un)archived; None when the user has no such item.

        What was read or archived goes to no other channel any more.
        """
        with self._database.write() as conn:
            inbox.mark(conn, user_id, item_id, read=read, archived=archived, now=self._clock.now())
            item = inbox.load(conn, user_id, item_id)
            unread = inbox.unread_count(conn, user_id)
        if item is None:
            return None
        self._ring([user_id])
        if read or archived:
            self._fallbacks.cancel_read(user_id)
        return Changed(shown(item), unread)

    def read_all(self, user_id: str) -> int:
        """Mark everything as read; returns how many unread ones are left, for some may arrive meanwhile."""
        with self._database.write() as conn:
            changed = inbox.mark_all_read(conn, user_id, self._clock.now())
            unread = inbox.unread_count(conn, user_id)
        if changed:
            self._ring([user_id])
            self._fallbacks.cancel_read(user_id)
        return unread


def shown(item: Item) -> dict[str, Any]:
    """An item as the API shows it."""
    return {
        "id": item.id,
        "notification_id": item.notification_id,
        "event_id": item.event_id,
        "type": item.type,
        "priority": item.priority,
        "subject_key": item.subject_key,
        "sequence": item.sequence,
        "title": item.title,
        "text": item.text,
        "data": item.data,
        "duplicates": item.duplicates,
        "read": item.read_at is not None,
        "archived": item.archived_at is not None,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }


def _place(cursor: str) -> int:
    position = read_cursor(_KIND, cursor)
    if not position.isdecimal() or len(position) > 19 or int(position) > _MOST_SEQ:
        refuse_cursor()
    return int(position)
