"""The canary: a task that does nothing but arrive."""

import logging

from app.observability.logging import bind
from app.store.engine import DatabaseUnavailable
from tasks.app import app
from tasks.base import StepTask

_log = logging.getLogger(__name__)


@app.task(bind=True, base=StepTask, name="notifications.canary")
def canary(self: StepTask, ids: list[str]) -> None:
    """Note that this lane has been crossed."""
    with bind(step=self.name, task_id=self.request.id):
        try:
            self.services.canaries.cross(self.request.delivery_info["routing_key"], ids)
        except DatabaseUnavailable as error:
            # The relay misses it, and sends it again.
            _log.warning("canary_not_taken", extra={"error": str(error)})
