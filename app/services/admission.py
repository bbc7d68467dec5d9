"""How a notification comes into being: its row, its audit entry and its counters in the caller's one transaction."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.domain.events import Event, Priority
from app.domain.fingerprint import fingerprint
from app.domain.ids import new_id
from app.domain.notifications import OWN_LIFETIME, Notification, lane_of
from app.services import open_alerts
from app.services.announcing import Announcer, Ready
from app.store import audit, counters, events, notifications
from app.store.engine import together

_OURSELVES = "system"


class Admission:
    """Stores new notifications, and announces those that have work to do."""

    def __init__(self, announcer: Announcer, *, process: str) -> None:
        self._announcer = announcer
        self._process = process

    def place_on(self, lane: str, now: datetime) -> datetime | None:
        """The `announced_at` of a new pending row: now, if its lane has room for it; else the relay announces it."""
        return now if self._announcer.reserve(lane) else None

    def own(
        self,
        type_: str,
        user_id: str,
        channel: str,
        target: str,
        now: datetime,
        *,
        priority: Priority = "normal",
        lifetime: timedelta = OWN_LIFETIME,
    ) -> Notification:
        """A notification that no event stands behind and that is like no other, for `announcing` and then `store`."""
        id_ = new_id("ntf", now)
        return Notification(
            id=id_,
            event_id=None,
            user_id=user_id,
            type=type_,
            channel=channel,
            lane=lane_of(channel, priority),
            target=target,
            priority=priority,
            status="pending",
            reason=None,
            subject_key=None,
            sequence=None,
            source=_OURSELVES,
            fingerprint=fingerprint(id_, user_id, channel),
            next_at=now,
            expires_at=now + lifetime,
            created_at=now,
            updated_at=now,
        )

    def store(
        self,
        conn: Connection,
        rows: Sequence[Notification],
        actor: str,
        now: datetime,
        *,
        stems: Sequence[Event] = (),
        told: Sequence[audit.Entry] = (),
    ) -> list[Notification]:
        """Insert them, each with what was decided about it, and count them.

        Before them the new events that they stem from, and what is told about those. Call it after all that reads or
        locks contacts in the transaction. Returns those that were stored: of several that would close one alert only
        the first is.
        """
        rows = open_alerts.in_order(conn, rows)
        decided = [
            audit.Entry(now, actor, "plan", row.id, {"decision": row.status, "reason": row.reason}) for row in rows
        ]
        entries = audit.rows_of(conn, [*told, *decided])
        tally = counters.Tally()
        for row in rows:
            tally.add(counters.ACCEPTED, {"type": row.type})
            if not row.is_open:
                tally.ended(row.type, row.channel, row.status, row.reason)
        with together(conn):
            events.insert_events(conn, stems)
            notifications.insert_notifications(conn, rows)
            audit.append(conn, entries)
            tally.save(conn, self._process)
        return rows

    @contextmanager
    def announcing(self, new: Sequence[Notification]) -> Iterator[list[Notification]]:
        """Give these their places, and ring for them after the block, which raises when it has not committed them."""
        rows: list[Notification] = []
        committed: Sequence[Notification] = ()
        try:
            rows += (replace(row, announced_at=self.place_on(row.lane, row.created_at)) for row in new)
            yield rows
            committed = rows
        finally:
            self.announce(committed, rows)

    def announce(self, committed: Sequence[Notification], planned: Iterable[Notification]) -> None:
        """Ring for those that were given a place on their lane, and give back the places of those not committed.

        Call it after the transaction, however that ended.
        """
        kept = {row.id for row in committed}
        self._announcer.announce(
            [Ready(row.id, row.lane, row.channel, row.target) for row in committed if row.announced_at is not None],
            [row.lane for row in planned if row.announced_at is not None and row.id not in kept],
        )
