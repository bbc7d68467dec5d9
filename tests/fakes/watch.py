"""Somebody who is alerted, between the services and a receiver that remembers what is open."""

from typing import Any

from app.store import notifications, people
from tests.fakes.scripted import Pages
from tests.fakes.spine import Spine

ON = {type_: {"pages": "instant"} for type_ in ("job.failed", "system.warning", "quota.approaching")}
COMPLETED = {"type": "job.completed", "data": {"job_id": "j-9"}}


class Watch:
    """The user u-1, who is alerted about failed jobs, warnings and quotas."""

    def __init__(self, spine: Spine, pages: Pages) -> None:
        self.spine, self.pages = spine, pages
        self.turn = 0

    def meet(self) -> None:
        """Let the user be there, and reached."""
        with self.spine.database.write() as conn:
            people.put_document(conn, "u-1", {"events": ON}, replaces=None, now=self.spine.clock.now())
        self.spine.meet("u-1", channel="pages")

    def tell(self, **event: Any) -> str | None:
        """Submit an event to u-1, by default a failed job; the id of what it made on the channel of alerts."""
        self.turn += 1
        given = {"type": "job.failed", "data": {"job_id": "j-9", "error": f"error {self.turn}"}, **event}
        accepted = self.spine.intake.submit({**given, "recipients": ["u-1"]}, owner="key_1", actor="key:key_1")
        return self.of(accepted.id)

    def of(self, event_id: str) -> str | None:
        """The notification that an event made on the alerts' channel."""
        with self.spine.database.read() as conn:
            rows = notifications.of_event(conn, event_id)
        return next((row.id for row in rows if row.channel == "pages"), None)

    def failed(self, **event: Any) -> str:
        """A job fails."""
        id_ = self.tell(**event)
        assert id_ is not None
        return id_

    def completed(self) -> str:
        """The job is done, and that is to be told."""
        id_ = self.tell(**COMPLETED)
        assert id_ is not None
        return id_

    def deliver(self, *ids: str) -> None:
        """Deliver these together."""
        self.spine.delivery.deliver("pages", ids)

    def later(self, *ids: str, seconds: float = 31) -> None:
        """Deliver these when time has passed."""
        self.spine.clock.advance(seconds=seconds)
        self.deliver(*ids)

    def states(self, *ids: str) -> list[tuple[str, str | None]]:
        """Status and reason of each."""
        return self.spine.states(ids)

    @property
    def alerts(self) -> list[tuple[int, int]]:
        """How often each alert was opened and closed, in order."""
        return [(one.told, one.closed) for one in self.pages.incidents.everything()]


class Died(BaseException):
    """A process that ends here."""


def die_at(spine: Spine, stage: str) -> None:
    """End the next delivery at a stage."""

    def reach(name: str) -> None:
        if name == stage:
            spine.delivery._stage = spine.stages.append
            raise Died

    spine.delivery._stage = reach
