"""What people and services wait for, each done for a person of a database with a past."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.store import delivery, due, events, notifications, retention
from app.store.history import Filters
from tests.benchmarks.grown import Grown
from tests.benchmarks.past import HEAVY_USER, PEOPLE_AT_A_TIME, SPAN

PEOPLE = 40
"""As many are asked about where there are few and where there are many."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that is timed; `act` is told which of the people it is about, 1 to PEOPLE, or 0 before these."""

    name: str
    act: Callable[[int], object]
    is_bounded: bool = False
    """It looks among everything there is, up to a bound: that takes longer where there is more, but not for ever."""


class Operations:
    """All of them, on one database."""

    def __init__(self, grown: Grown) -> None:
        self.forget = grown.forget
        self._services = grown.services
        self._users = grown.users
        self._number = 0
        self._events: list[str] = []
        self._pending: list[str] = []

    def all(self) -> Iterator[Operation]:
        """Each, in an order in which they can be done."""
        history, inbox, relay = self._services.history, self._services.inbox, self._services.relay
        dead, of_a_channel = Filters(status="failed"), Filters(status="failed", channel="slack")
        rare = Filters(channel="pagerduty", status="delivered")
        yield Operation("submit", self.submit)
        yield Operation("claim", self.claim)
        yield Operation("history: first page", lambda person: history.page(Filters(user_id=self._user(person))))
        yield Operation("history: first page of who has most", lambda _: history.page(Filters(user_id=HEAVY_USER)))
        yield Operation("history: one notification", self.one)
        yield Operation("inbox: first page", lambda person: inbox.page(self._user(person)))
        yield Operation("inbox: first page of who has most", lambda _: inbox.page(HEAVY_USER))
        yield Operation("relay: looking for what is due", lambda _: relay.feed())
        yield Operation("relay: a sweep", lambda _: relay.sweep())
        yield Operation("desk: newest of all", lambda _: history.page(Filters()))
        yield Operation("desk: newest dead letters", lambda _: history.page(dead))
        # As many as there are on the smaller one too.
        yield Operation("desk: dead letters of a channel", lambda _: history.page(of_a_channel, limit=20))
        yield Operation("desk: by subject, and there is none", lambda _: history.page(Filters(subject_key="nothing")))
        yield Operation("desk: by channel and status, and there is none", lambda _: history.page(rare), is_bounded=True)
        yield Operation("metrics", lambda _: self._services.metrics.snapshot())
        yield Operation("health: what is due", self.due)
        yield Operation("idempotency keys: forgetting", self.forget_keys)

    def submit(self, person: int) -> None:
        """Accept an event for one person, who has an inbox only."""
        self._number += 1
        data = {"job_id": f"new-{self._number}", "error": "disk full"}
        event = {"type": "job.failed", "recipients": [self._user(person)], "data": data}
        self._events.append(self._services.intake.submit(event, owner="key_1", actor="key:key_1").id)

    def claim(self, person: int) -> None:  # noqa: ARG002 - whoever is next
        """Take the lease on one of those."""
        if not self._pending:
            self._pending = self._submitted()
        now = datetime.now(UTC)
        with self._services.database.write() as conn:
            lease = now + timedelta(hours=1)
            assert delivery.claim(conn, [self._pending.pop()], now=now, lease_until=lease, most_attempts=4)

    def clear(self) -> None:
        """Delete what was submitted, so that a database that is kept stays as it is."""
        submitted = self._submitted()
        with self._services.database.write() as conn:
            retention.purge_notifications(conn, submitted)
            retention.purge_events(conn, self._events)
        self._events.clear()

    def _submitted(self) -> list[str]:
        with self._services.database.read() as conn:
            return [row.id for event_id in self._events for row in notifications.of_event(conn, event_id)]

    def one(self, person: int) -> None:
        """Everything about somebody's newest notification."""
        page = self._services.history.page(Filters(user_id=self._user(person)), limit=1)
        if page.items:
            self._services.history.notification(page.items[0]["id"])

    def due(self, person: int) -> None:  # noqa: ARG002 - the same for all
        """What `/health` asks the database for."""
        with self._services.database.read() as conn:
            due.longest(conn, datetime.now(UTC))

    def forget_keys(self, person: int) -> None:  # noqa: ARG002 - the same for all
        """What the relay does at every sweep."""
        with self._services.database.write() as conn:
            events.forget_keys(conn, datetime.now(UTC) - SPAN, 500)

    def _user(self, person: int) -> str:
        # The newest, all of the same days: on both sides as many share what is read for them.
        among = min(self._users, PEOPLE_AT_A_TIME)
        return f"u-{self._users - among + person * among // (PEOPLE + 1)}"
