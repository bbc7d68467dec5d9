"""What a user was told, what not, and why."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from app.domain.ids import is_id
from app.domain.notifications import Notification
from app.domain.preferences import Preferences
from app.rendering.reasons import Translator
from app.services.paging import DEFAULT_LIMIT, Page, make_cursor, read_cursor, refuse_cursor
from app.services.people import People
from app.store import history, notifications
from app.store.audit import StoredEntry
from app.store.engine import Database
from app.store.history import Attempt, Filters

_KIND = "history"
_SLICE = 200
_FEW_ARE_ONE_IN = 20
_WAITING = ("pending", "held", "retrying")


class History:
    """Answers what became of notifications, in the words of the user they are for."""

    def __init__(
        self,
        database: Database,
        people: People,
        translator: Translator,
        *,
        most_looked_at: int = history.MOST_LOOKED_AT,
    ) -> None:
        """`most_looked_at` is how many rows a page may look at where no index leads to what is asked for."""
        self._database = database
        self._most_looked_at = most_looked_at
        self._people = people
        self._translator = translator

    def page(self, wanted: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page:
        """Notifications without their attempts and HTML, newest first. Raises Invalid for a bad cursor.

        A page that has a cursor may hold fewer than its limit, or none, where what matches is rare among what does not.
        """
        before = None if cursor is None else _last_id(cursor)
        with self._database.read() as conn:
            rows, edge = self._rows(conn, wanted, before, limit + 1)
            page = rows[:limit]
            traces = history.traces(conn, [row.id for row in page])
            readers = self._people.wishes(conn, sorted({row.user_id for row in page}))
        last = page[-1].id if len(rows) > limit else edge
        following = None if last is None else make_cursor(_KIND, last)
        return Page([self._shown(row, readers[row.user_id], traces[row.id]) for row in page], following)

    def everything(self, wanted: Filters, *, cursor: str | None = None) -> Iterator[dict[str, Any]]:
        """All of them from there on, read in slices. Raises Invalid for a bad cursor."""
        while True:
            page = self.page(wanted, cursor=cursor, limit=_SLICE)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def notification(self, notification_id: str) -> dict[str, Any] | None:
        """One notification with everything known about it; None when there is none."""
        with self._database.read() as conn:
            row = notifications.load(conn, notification_id)
            if row is None:
                return None
            attempts = history.attempts_of(conn, row.id)
            trace = history.traces(conn, [row.id])[row.id]
            reader = self._reader(conn, row.user_id)
        return self._shown(row, reader, trace, attempts)

    def _rows(
        self, conn: Connection, wanted: Filters, before: str | None, limit: int
    ) -> tuple[list[Notification], str | None]:
        """So many of those that match, and down to which id they were looked for, if not among all."""
        # What is not rare is found among few; only who asks for what is rare waits until many were looked at.
        for most in (max(self._most_looked_at // _FEW_ARE_ONE_IN, 1), self._most_looked_at):
            edge = history.edge(conn, wanted, before=before, most=most)
            rows = history.newest(conn, wanted, before=before, limit=limit, down_to=edge)
            if edge is None or len(rows) == limit:
                break
        return rows, edge

    def _reader(self, conn: Connection, user_id: str) -> Preferences:
        return self._people.wishes(conn, [user_id])[user_id]

    def _shown(
        self,
        row: Notification,
        reader: Preferences,
        trace: Iterable[StoredEntry],
        attempts: Sequence[Attempt] | None = None,
    ) -> dict[str, Any]:
        next_at = row.next_at if row.status in _WAITING else None
        return {
            "id": row.id,
            "event_id": row.event_id,
            "type": row.type,
            "user_id": row.user_id,
            "channel": row.channel,
            "status": row.status,
            "reason": row.reason,
            "because": self._translator.because(
                row.status,
                row.reason,
                reader.locale,
                # A pause ends when somebody ends it.
                until=None if row.reason == "paused" else next_at,
                timezone=reader.timezone,
                attempts=row.attempts,
                in_doubt=row.possible_duplicate,
                closes_alert=row.closes_alert,
                fallback=row.fallback,
            ),
            "subject_key": row.subject_key,
            "content": _content(row, with_html=attempts is not None),
            **({} if attempts is None else {"attempts": [_attempt(attempt) for attempt in attempts]}),
            "trace": [self._step(entry, reader) for entry in trace],
            "duplicates": row.duplicates,
            "digest_id": row.digest_id,
            "replay_of": row.replay_of,
            "next_at": next_at,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "delivered_at": row.delivered_at,
            "possible_duplicate": row.possible_duplicate,
        }

    def _step(self, entry: StoredEntry, reader: Preferences) -> dict[str, Any]:
        return {
            "at": entry.at,
            "step": entry.action,
            "decision": entry.detail.get("decision"),
            "reason": entry.detail.get("reason"),
            "because": self._translator.step(entry.action, entry.detail, reader.locale, timezone=reader.timezone),
        }


def _content(row: Notification, *, with_html: bool) -> dict[str, Any] | None:
    """The words, once they are rendered. A list goes without the HTML, which is most of their weight."""
    if not row.content:
        return None
    words = {
        "subject": row.content.get("title"),
        "text": row.content.get("text"),
        "locale": row.content.get("locale"),
        "template_version": row.content.get("template_version"),
    }
    return {**words, "html": row.content.get("html")} if with_html else words


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "outcome": attempt.outcome,
        "http_status": attempt.http_status,
        "detail": attempt.detail,
    }


def _last_id(cursor: str) -> str:
    position = read_cursor(_KIND, cursor)
    if not is_id("ntf", position):
        refuse_cursor()
    return position
