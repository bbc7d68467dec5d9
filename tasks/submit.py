"""The other door: events that services send as Celery tasks instead of over HTTP.

The promise begins at our commit. Before it, an event is only as safe as the broker that carries it.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from celery.exceptions import Reject

from app.services.intake import IdempotencyMismatch, Intake, Invalid
from app.store.engine import DatabaseUnavailable
from tasks.app import app
from tasks.base import StepTask

_OWNER = "celery"
_ACTOR = "system:submit"
_RETRY_SECONDS = 5
_log = logging.getLogger(__name__)


class Door(StepTask):
    """A task that any field may be given to, if only to be told that there is no such field."""

    abstract = True

    def __call__(self, /, *args: Any, **fields: Any) -> Any:
        """Run it. Celery's own way has arguments with names, which a field could have as well."""
        return self.run(*args, **fields)


@app.task(bind=True, base=Door, name="notifications.submit", max_retries=None, typing=False)
def submit(self: Door, /, *args: Any, **event: Any) -> None:
    """Accept one event, with the fields of POST /events and `idempotency_key` (default: the task's id)."""
    try:
        _take(self.services.intake, self.request.id, args, event)
    except DatabaseUnavailable as error:
        try:
            raise self.retry(countdown=_RETRY_SECONDS, exc=error) from error
        except Reject as unpublished:
            # The broker has the message still, and Celery would have it thrown away.
            raise Reject(unpublished.reason, requeue=True) from error


def _take(intake: Intake, task_id: str, args: tuple[Any, ...], fields: Mapping[str, Any]) -> None:
    """Accept an event, or put on record why not."""
    event = {name: _plain(value) for name, value in fields.items()}
    key = event.pop("idempotency_key", None)
    errors: Mapping[str, Any]
    try:
        _check_call(args, key)
        key = task_id if key is None else key
        accepted = intake.submit(event, owner=_OWNER, actor=_ACTOR, idempotency_key=key)
    except Invalid as error:
        errors = error.errors
    except IdempotencyMismatch as error:
        errors = {"json": {"idempotency_key": [str(error)]}}
    except DatabaseUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - Celery would log it with the event, which is somebody's
        _log.exception("event_not_taken", extra={"task_id": task_id})
        errors = {"json": {"_schema": [f"internal error ({type(error).__name__})"]}}
    else:
        _log.info("event_accepted", extra={"event_id": accepted.id, "replayed": accepted.replayed})
        return
    intake.reject(task_id, errors, actor=_ACTOR)


def _plain(value: Any) -> Any:
    """A field as JSON has it: Celery's own JSON carries times as such."""
    return value.isoformat() if isinstance(value, datetime) else value


def _check_call(args: tuple[Any, ...], key: object) -> None:
    if args:
        raise Invalid({"json": {"_schema": ["The event's fields must be keyword arguments."]}})
    if key is not None and not isinstance(key, str):
        raise Invalid({"json": {"idempotency_key": ["Must be a string of 1 to 255 characters."]}})
