"""The Celery application; `celery -A tasks worker` and `celery -A tasks flower` find it."""

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from celery import Celery

from tasks.traffic import Traffic

if TYPE_CHECKING:
    from app.bootstrap import Services
    from tasks.fused_events import FusedEvents
    from tasks.heart import Heart


_WRITERS = 2


class NotificationsCelery(Celery):  # type: ignore[misc]
    """Celery with the services its tasks work with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.component = "worker"
        self.threads = 1
        self.build: Callable[[], Services] | None = None
        self.fused_events: FusedEvents | None = None
        self.heart: Heart | None = None
        self.traffic = Traffic()
        # Writing texts is work for the processor: many lists at once would all be late, and the first with the last.
        self.writing = threading.BoundedSemaphore(_WRITERS)
        self._services: tuple[int, Services] | None = None
        self._services_lock = threading.Lock()

    @property
    def fuses(self) -> bool:
        """Whether the steps of a chain run back to back in one worker."""
        return self.services().settings.fuse_steps

    def services(self) -> "Services":
        """The services of this process; made by `build` at the first call, and again in a forked child."""
        found = self._services
        if found is not None and found[0] == os.getpid():
            return found[1]
        with self._services_lock:
            if self._services is None or self._services[0] != os.getpid():
                if self.build is None:
                    raise RuntimeError("tasks.life gives a worker's application its services")
                self._services = (os.getpid(), self.build())
            return self._services[1]


app = NotificationsCelery("notifications", task_cls="tasks.fusion:FusedTask")
app.config_from_object("celeryconfig")
