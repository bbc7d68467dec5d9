"""A worker's sign of life, and what it says about how the worker is."""

import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from celery.worker import state

from app.bootstrap import Services
from app.runtime.lookout import lookout_of
from app.store import counters, heartbeats
from app.store.engine import DatabaseUnavailable
from app.store.heartbeats import Beat
from tasks.traffic import Traffic

_log = logging.getLogger(__name__)
_LAST_BEAT_SECONDS = 5.0


class Heart:
    """Beats in a thread of its own, so that long deliveries do not look like death."""

    def __init__(self, services: Services, traffic: Traffic, consumer: Any) -> None:
        """For a consumer that has begun to listen on its lanes."""
        self.lanes: tuple[str, ...] = tuple(sorted(queue.name for queue in consumer.task_consumer.queues))
        self._services = services
        self._traffic = traffic
        self._consumer = consumer
        self._name = heartbeats.name_of(services.process, os.getpid())
        self._lookout = lookout_of(services.settings)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Beat now, and then every RELAY_TICK_SECONDS."""
        self._thread.start()

    def stop(self) -> None:
        """Beat no more, and take the sign of life back: an end that was asked for is not to look like a death."""
        self._stopped.set()
        self._thread.join(_LAST_BEAT_SECONDS)
        self._write(last=True)

    def _run(self) -> None:
        while True:
            self._write()
            if self._stopped.wait(self._services.settings.relay_tick_seconds):
                return

    def _write(self, *, last: bool = False) -> None:
        refused = self._traffic.take_refused()
        tally = counters.Tally()
        for reason, count in refused.items():
            tally.add(counters.REFUSED, {"reason": reason}, count)
        try:
            with self._services.database.write() as conn:
                if last:
                    heartbeats.stop(conn, self._name)
                else:
                    detail = self._detail(heartbeats.known(conn))
                    heartbeats.beat(conn, self._name, "worker", self._services.clock.now(), detail)
                tally.save(conn, self._services.process)
        except DatabaseUnavailable as error:
            self._traffic.put_back(refused)
            _log.warning("heartbeat_failed", extra={"error": str(error)})

    def _detail(self, beats: Sequence[Beat]) -> dict[str, Any]:
        return {
            "answered": self._services.progress.by_lane(),
            "lanes": self.lanes,
            "deaf": self._deaf(beats),
            "received": self._traffic.by_lane(),
            "took": self._traffic.since_taken(),
            "holds": len(state.reserved_requests),
            "room": self._consumer.pool.num_processes,
        }

    def _deaf(self, beats: Sequence[Beat]) -> list[str]:
        """The lanes on which nobody listens here, or takes nothing although messages wait there."""
        listening = self._consumer.task_consumer
        found = self._lookout.look(time.monotonic(), beats, {"me": self._name}).get("me")
        return [
            lane
            for lane in self.lanes
            if listening is None or not listening.consuming_from(lane) or (found is not None and found.lane == lane)
        ]
