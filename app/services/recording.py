"""What became of claims, on record: state, attempt, counters and audit in the caller's one transaction."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.domain.notifications import TERMINAL, Status
from app.services.contact_watch import ContactWatch
from app.store import audit, counters, notifications
from app.store import delivery as store
from app.store.delivery import Lost, Outcome
from app.store.notifications import Brief, Moved

_log = logging.getLogger(__name__)
_ACTOR = "system:delivery"


class Recorder:
    """Writes outcomes."""

    def __init__(self, watch: ContactWatch, *, process: str) -> None:
        self._watch = watch
        self._process = process

    def settle(self, conn: Connection, outcomes: Sequence[Outcome], briefs: Mapping[str, Brief], now: datetime) -> None:
        """Record outcomes of claims that are still held; a lost lease means that somebody else records them."""
        if not outcomes:
            return
        kept = store.settle(conn, outcomes, now)
        if len(kept) < len(outcomes):
            _log.warning("lease_lost", extra={"count": len(outcomes) - len(kept)})
        audit.record(conn, [_entry(outcome, now) for outcome in kept])
        self._watch.learn(conn, [(outcome, briefs[outcome.claim.id]) for outcome in kept], now)
        tally = counters.Tally()
        for outcome in kept:
            self._count(tally, outcome, briefs[outcome.claim.id])
        tally.save(conn, self._process)

    def hold(self, conn: Connection, ids: Sequence[str], reason: str, until: datetime, now: datetime) -> None:
        """Let what is due wait for something other than its turn."""
        moved = notifications.hold(conn, ids, reason, until, now)
        detail = {"decision": "held", "reason": reason}
        audit.record(conn, [audit.Entry(now, _ACTOR, "deliver", row.id, detail) for row in moved])

    def ended(self, conn: Connection, moved: Sequence[Moved], status: Status, reason: str, now: datetime) -> None:
        """Record that notifications ended without another attempt."""
        detail = {"decision": status, "reason": reason}
        audit.record(conn, [audit.Entry(now, _ACTOR, "deliver", row.id, detail) for row in moved])
        tally = counters.Tally()
        for row in moved:
            tally.ended(row.type, row.channel, status, reason)
        tally.save(conn, self._process)

    def lost(self, conn: Connection, attempts: Sequence[Lost], channel: str, now: datetime) -> None:
        """Record attempts whose worker died: nobody knows whether the receiver has the message."""
        if not attempts:
            return
        audit.record(
            conn,
            [
                audit.Entry(
                    now,
                    _ACTOR,
                    "deliver",
                    one.id,
                    {"decision": "unknown", "reason": "worker_lost", "attempt": one.number},
                )
                for one in attempts
            ],
        )
        tally = counters.Tally()
        tally.add(counters.ATTEMPTS, {"channel": channel, "outcome": "unknown"}, len(attempts))
        tally.save(conn, self._process)

    @staticmethod
    def _count(tally: counters.Tally, outcome: Outcome, brief: Brief) -> None:
        if outcome.result is not None:
            tally.add(counters.ATTEMPTS, {"channel": brief.channel, "outcome": outcome.result})
        if outcome.status in TERMINAL:
            tally.ended(brief.type, brief.channel, outcome.status, outcome.reason)
        if outcome.status == "delivered" and outcome.ended_at is not None:
            took = (outcome.ended_at - brief.created_at).total_seconds()
            tally.observe_seconds(took, {"type": brief.type, "channel": brief.channel})


def _entry(outcome: Outcome, now: datetime) -> audit.Entry:
    detail = {
        "decision": outcome.status,
        "reason": outcome.reason,
        "attempt": outcome.claim.attempts if outcome.result is not None else None,
        "http_status": outcome.http_status,
        "next_at": outcome.next_at.isoformat() if outcome.next_at else None,
    }
    return audit.Entry(
        outcome.ended_at or now,
        _ACTOR,
        "deliver",
        outcome.claim.id,
        {name: value for name, value in detail.items() if value is not None},
    )
