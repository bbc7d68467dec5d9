"""Notifications put straight into the database, for tests that only ask about them."""

from datetime import datetime, timedelta
from typing import Any

from app.domain.ids import new_id
from app.domain.notifications import Notification
from app.store import notifications
from app.store.engine import Database


def notification(now: datetime, **changes: Any) -> Notification:
    """A delivered e-mail about a failed job, or whatever the changes make of it."""
    given: dict[str, Any] = {
        "id": new_id("ntf", now),
        "event_id": new_id("evt", now),
        "user_id": "u-1",
        "type": "job.failed",
        "channel": "email",
        "lane": "email",
        "target": "smtp",
        "priority": "high",
        "status": "delivered",
        "reason": None,
        "subject_key": "j-9",
        "sequence": 4,
        "source": "encoder",
        "fingerprint": "0" * 32,
        "next_at": now,
        "expires_at": now + timedelta(days=7),
        "created_at": now,
        "updated_at": now,
        "delivered_at": now,
        "content": {"title": "Job j-9 failed", "text": "disk full", "html": "<p>disk full</p>", "locale": "en"},
    }
    return Notification(**(given | changes))


def insert_notification(database: Database, now: datetime, **changes: Any) -> Notification:
    """The same, stored."""
    row = notification(now, **changes)
    with database.write() as conn:
        notifications.insert_notifications(conn, [row])
    return row
