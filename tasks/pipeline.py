"""The chain: render, dedupe, rate limit, deliver. Only ids travel; the database holds the rest."""

import logging
from collections.abc import Mapping, Sequence
from uuid import uuid4

from celery import Task, chain
from celery.canvas import Signature
from celery.exceptions import Reject

from app.observability.logging import bind
from app.services.announcing import Announcement
from app.services.delivery import Again
from app.store.engine import DatabaseUnavailable
from channels.registry import channel_names
from tasks.app import app
from tasks.base import StepTask

_log = logging.getLogger(__name__)
# A timer may fire a little early, and a retry that comes before its time finds nothing to claim.
_MARGIN_SECONDS = 0.05


@app.task(bind=True, base=StepTask, name="notifications.render")
def render(self: StepTask, ids: list[str]) -> list[str]:
    """Write the texts."""
    with self.app.writing:
        return self.step(self.services.pipeline.render, ids)


@app.task(bind=True, base=StepTask, name="notifications.dedupe")
def dedupe(self: StepTask, ids: list[str]) -> list[str]:
    """Drop repeats."""
    return self.step(self.services.pipeline.dedupe, ids)


@app.task(bind=True, base=StepTask, name="notifications.rate_limit")
def rate_limit(self: StepTask, ids: list[str]) -> list[str]:
    """Hold what is too much."""
    return self.step(self.services.pipeline.rate_limit, ids)


def _deliver_by(channel: str) -> Task:
    """Give the channel a task of its own, so that Flower and the log tell channels apart."""

    # No limit of Celery's on retries: attempts are counted in the database.
    @app.task(bind=True, base=StepTask, name=f"notifications.deliver.{channel}", max_retries=None)
    def deliver(self: StepTask, ids: list[str]) -> None:
        with bind(step=self.name, task_id=self.request.id):
            try:
                again = self.services.delivery.deliver(channel, ids)
            except DatabaseUnavailable as error:
                # What was claimed stays so until its lease ends; the relay sees to it then.
                _log.warning("step_postponed", extra={"count": len(ids), "error": str(error)})
                again = []
            for one in again:
                _retry(self, one)
        self.services.failpoints.reach("before_ack")

    return deliver


def _retry(task: StepTask, again: Again) -> None:
    """Bring one notification back by Celery's own retry; what cannot be published is left to the relay."""
    try:
        task.retry(
            args=([again.id],),
            task_id=str(uuid4()),
            countdown=again.delay + _MARGIN_SECONDS,
            queue=task.request.delivery_info["routing_key"],
            throw=False,
        )
    except Reject as error:
        _log.warning("retry_not_published", extra={"notification_id": again.id, "error": type(error.reason).__name__})
        task.services.delivery.leave_to_relay([again.id])


DELIVER: Mapping[str, Task] = {name: _deliver_by(name) for name in channel_names()}


def chain_for(announcement: Announcement) -> Signature:
    """The chain for notifications of one lane, channel and target; to resume is to deliver only."""
    ids = list(announcement.ids)
    deliver = DELIVER[announcement.channel]
    steps: Sequence[Signature] = (
        [deliver.s(ids)] if announcement.resume else [render.s(ids), dedupe.s(), rate_limit.s(), deliver.s()]
    )
    # Each signature needs its queue: a chain's own option reaches only the first.
    return chain(step.set(queue=announcement.lane) for step in steps)
