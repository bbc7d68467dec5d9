"""What became of an event, and taking it back."""

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement

from app.domain.clock import Clock
from app.domain.events import Event
from app.domain.notifications import Status
from app.services.cancelling import cancel
from app.store import audit, counters, events, notifications
from app.store.engine import Database


class Events:
    """Answers questions about submitted events."""

    def __init__(self, database: Database, clock: Clock, *, process: str) -> None:
        self._database = database
        self._clock = clock
        self._process = process

    def get(self, event_id: str) -> dict[str, Any] | None:
        """The event as it was submitted, its `owner`, and the state of each of its notifications; None if unknown."""
        with self._database.read() as conn:
            event = events.load_events(conn, [event_id]).get(event_id)
            rows = notifications.of_event(conn, event_id) if event else []
        if event is None:
            return None
        return {
            **_submitted(event),
            "counts": dict(Counter(row.status for row in rows)),
            "notifications": [
                {
                    "id": row.id,
                    "user_id": row.user_id,
                    "channel": row.channel,
                    "status": row.status,
                    "reason": row.reason,
                }
                for row in rows
            ],
        }

    def cancel(self, event_id: str, *, actor: str) -> bool:
        """Cancel what has not been sent; false when everything had ended already."""
        return self._cancel(notifications.of_an_event(event_id), event_id, actor) is not None

    def owner_of(self, notification_id: str) -> str | None:
        """The id of the key whose event led to this notification, "" if none did; None if there is no such one."""
        with self._database.read() as conn:
            row = notifications.load(conn, notification_id)
            event = events.load_events(conn, [row.event_id]) if row and row.event_id else {}
        if row is None:
            return None
        return next((one.owner for one in event.values()), "")

    def cancel_one(self, notification_id: str, *, actor: str) -> Status | None:
        """Cancel one notification: what it is now, `sending` while its attempt ends; None when it had ended already."""
        return self._cancel(notifications.of_one(notification_id), None, actor)

    def _cancel(self, chosen: ColumnElement[bool], event_id: str | None, actor: str) -> Status | None:
        now = self._clock.now()
        with self._database.write() as conn:
            tally = counters.Tally()
            cancelled = cancel(conn, chosen, actor, now, tally)
            if event_id is not None:
                detail = {"cancelled": len(cancelled.moved), "sending": cancelled.marked}
                audit.record(conn, [audit.Entry(now, actor, "cancel", event_id, detail)])
            tally.save(conn, self._process)
        if cancelled.marked:
            return "sending"
        return "cancelled" if cancelled.moved else None


def _submitted(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "owner": event.owner,
        "type": event.type,
        "recipients": list(event.recipients),
        "data": event.data,
        "source": event.source,
        "subject_key": event.subject_key,
        "sequence": event.sequence,
        "dedupe_key": event.dedupe_key,
        "channels": None if event.channels is None else list(event.channels),
        "priority": event.priority,
        "resolved": event.resolved,
        "occurred_at": event.occurred_at,
        "deliver_at": event.deliver_at,
        "expires_at": event.expires_at,
        "created_at": event.created_at,
    }
