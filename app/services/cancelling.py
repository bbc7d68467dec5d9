"""Taking notifications back, on record, in the caller's one transaction."""

from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection

from app.store import audit, notifications
from app.store.counters import Tally
from app.store.notifications import Cancelled


def cancel(
    conn: Connection,
    chosen: ColumnElement[bool],
    actor: str,
    now: datetime,
    tally: Tally,
    *,
    reason: Literal["requested", "read"] = "requested",
) -> Cancelled:
    """Cancel those of the chosen that have not ended; what is being sent is only marked, and not tried again.

    The caller saves the tally.
    """
    cancelled = notifications.cancel(conn, chosen, reason, now)
    outcome = {"decision": "cancelled", "reason": reason}
    audit.record(conn, [audit.Entry(now, actor, "cancel", row.id, outcome) for row in cancelled.moved])
    for row in cancelled.moved:
        tally.ended(row.type, row.channel, "cancelled", reason)
    return cancelled
