"""Task events of fused steps, so that Flower shows every step of a chain and not only its head."""

from collections.abc import Mapping
from typing import Any


class FusedEvents:
    """Sends them through the worker's own dispatcher, which keeps them until the worker's loop flushes the lot."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def began(self, name: str, task_id: str, request: Mapping[str, Any]) -> None:
        """Tell that a step was received and started."""
        self._send(
            "task-received",
            uuid=task_id,
            name=name,
            args=repr(request["args"]),
            kwargs="{}",
            root_id=request["root_id"],
            parent_id=request["parent_id"],
            retries=0,
            eta=None,
            expires=None,
        )
        self._send("task-started", uuid=task_id)

    def ended(self, task_id: str, runtime: float) -> None:
        """Tell that a step is through; `runtime` is in seconds and spans the steps fused behind it."""
        self._send("task-succeeded", uuid=task_id, result="None", runtime=runtime)

    def _send(self, type_: str, **fields: Any) -> None:
        dispatcher = self._consumer.event_dispatcher
        if dispatcher is not None and dispatcher.enabled:
            dispatcher.send(type_, **fields)
