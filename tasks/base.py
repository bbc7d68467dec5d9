"""The base of the pipeline's steps: log context, and what happens when the database is away."""

import logging
from collections.abc import Callable, Sequence

from celery import current_app

from app.bootstrap import Services
from app.observability.logging import bind
from app.store.engine import DatabaseUnavailable
from tasks.fusion import FusedTask

_log = logging.getLogger(__name__)


class StepTask(FusedTask):
    """A step takes notification ids and passes on those that are to go on; an empty list ends the chain."""

    abstract = True
    ignore_result = True

    @property
    def services(self) -> Services:
        """The services of this worker."""
        services: Services = self.app.services()
        return services

    def step(self, work: Callable[[Sequence[str]], list[str]], ids: Sequence[str]) -> list[str]:
        """Do the work and return the ids for the next step."""
        with bind(step=self.name, task_id=self.request.id):
            try:
                left = work(ids)
            except DatabaseUnavailable as error:
                # The rows are as they were, and the relay announces them again.
                _log.warning("step_postponed", extra={"count": len(ids), "error": str(error)})
                left = []
        if not left:
            # Not `Ignore`: that would leave Flower with a task that never ends.
            self.request.chain = None
        return left


def services() -> Services:
    """The services of the worker that runs the current task."""
    found: Services = current_app.services()
    return found
