"""How a worker takes messages over: one that is no task of ours ends here, and takes no worker with it.

Celery leaves its loop over some malformed messages and gives them back for the next worker to die of; a lane would
stand still until somebody took them out by hand. Others it logs with their content, which is somebody's.
"""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer

from app.domain.clock import SystemClock
from app.store.counters import Refusal
from tasks.canary import canary
from tasks.inspection import Inspection, Refused
from tasks.lanes import lanes
from tasks.pipeline import DELIVER, dedupe, rate_limit, render
from tasks.submit import submit

_log = logging.getLogger(__name__)
_LOGGED_OF_ID = 64


class CarefulConsumer(Consumer):  # type: ignore[misc]
    """Celery's consumer behind an inspection of what it would take for granted."""

    _lanes = frozenset(lanes())

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], None]:
        """What is done with each message of a lane."""
        take = super().create_task_handler(*args, **options)
        steps = (step.name for step in (render, dedupe, rate_limit, *DELIVER.values()))
        inspection = Inspection(submit.name, frozenset(steps), canary.name, SystemClock().now)

        def on_message(message: Any) -> None:
            lane = message.delivery_info["routing_key"]
            self.app.traffic.received(lane)
            try:
                inspection.inspect(message, lane)
                take(message)
                if message.headers["task"] != canary.name:
                    self.app.traffic.took(lane)
            except self.connection_errors:
                raise
            except Refused as refused:
                self._refuse(message, refused.reason, refused.__cause__)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the next message is not
                self._refuse(message, "malformed", error)

        return on_message

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Refuse what can't be read."""
        self._refuse(message, "unreadable", exc)

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:  # noqa: ARG002 - Celery's signature
        """Refuse a task that Celery itself finds fault with, as with an `eta` that is no time."""
        self._refuse(message, "malformed", exc)

    def _refuse(self, message: Any, reason: Refusal, error: BaseException | None) -> None:
        lane = message.delivery_info.get("routing_key")
        self.app.traffic.refused(reason)
        # Without its content, and of what it says about itself no more than a piece of its id.
        said = {"reason": reason, "lane": lane}
        task_id = message.headers.get("id")
        if isinstance(task_id, str):
            said["task_id"] = task_id[:_LOGGED_OF_ID]
        if error is not None:
            said["error"] = type(error).__name__
        _log.error("message_refused", extra=said)
        if message.acknowledged:
            return
        if lane in self._lanes:
            message.reject_log_error(_log, self.connection_errors)
        else:
            # Of what is broadcast to workers nothing can be rejected.
            message.ack_log_error(_log, self.connection_errors)
