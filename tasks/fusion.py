"""Fusion: the next step of a chain runs in place, without a round trip through the broker.

After a successful step Celery publishes the next one by its public `apply_async`. When that is exactly such a
continuation, on the lane the worker is serving anyway, `FusedTask` runs it through the step's own tracer instead.
Retries, errbacks, signals and task ids stay Celery's own. Time limits then span the fused run.
"""

import time
from collections.abc import Mapping
from typing import Any

from celery import Task

_PASSED_ON = ("root_id", "hostname", "delivery_info", "timelimit", "errbacks", "reply_to", "origin", "loglevel")


class FusedTask(Task):  # type: ignore[misc]
    """A task whose chain goes on in the same process, unless the application's `fuses` is off."""

    abstract = True

    def apply_async(
        self,
        args: Any = None,
        kwargs: Any = None,
        task_id: str | None = None,
        **options: Any,
    ) -> Any:
        """Run the continuation of the chain that this thread is working on; publish everything else as usual."""
        head = self.app.current_worker_task
        if task_id is None or head is None or not self.app.fuses or not _continues(head.request, options):
            return super().apply_async(args, kwargs, task_id=task_id, **options)
        events = self.app.fused_events
        request = _request_of(head.request, task_id, args, options)
        began = time.monotonic()
        if events is not None:
            events.began(self.name, task_id, request)
        self.__trace__(task_id, args or (), kwargs or {}, request)
        if events is not None:
            events.ended(task_id, time.monotonic() - began)
        return self.AsyncResult(task_id)


def _continues(running: Any, options: Mapping[str, Any]) -> bool:
    """Whether Celery is passing on the rest of the running task's chain, to the lane it came from."""
    return (
        options.get("chain") is not None
        and options.get("parent_id") == running.id
        and not options.get("countdown")
        and not options.get("eta")
        and options.get("queue") == (running.delivery_info or {}).get("routing_key")
    )


def _request_of(running: Any, task_id: str, args: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the tracer would have got from the broker."""
    request = {name: getattr(running, name, None) for name in _PASSED_ON}
    request.update(
        id=task_id,
        args=args,
        parent_id=running.id,
        chain=options["chain"],
        callbacks=options.get("link"),
        errbacks=options.get("link_error") or running.errbacks,
        retries=0,
        is_eager=False,
        called_directly=False,
        ignore_result=True,
    )
    return request
