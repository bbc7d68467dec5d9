"""Asks for /metrics all through a drill: what they say must be right while things are broken, not only afterwards."""

import threading
import time
from types import TracebackType
from typing import Self

import requests

from tests.drills.facts import series_of

_EVERY_SECONDS = 1.0
_TIMEOUT_SECONDS = 15.0
_SLACK_SECONDS = 2.0


class Watch:
    """A context manager; inside it somebody looks every second. An API that does not answer says nothing wrong."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/metrics"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="watch", daemon=True)
        self.looks = 0
        self.faults: list[str] = []
        self.clock_may_differ_by = 0.0
        """How many seconds the product's clock may be away from ours."""

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(_TIMEOUT_SECONDS + _EVERY_SECONDS)

    def _look_on(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            try:
                answer = requests.get(self._url, timeout=_TIMEOUT_SECONDS)
            except requests.RequestException:
                continue
            if answer.ok:
                self.judge(answer.text, time.monotonic() - self._began)

    def judge(self, metrics: str, age: float) -> None:
        """Note what is wrong with a text of metrics when nothing can be older than `age` seconds."""
        self.looks += 1
        series = series_of(metrics)
        unaccounted = series.get(("notifications_unaccounted", frozenset()))
        if unaccounted != 0:
            self._note(f"counter: notifications_unaccounted was {unaccounted} in the middle")
        oldest = series.get(("notifications_oldest_open_seconds", frozenset()), -1.0)
        still_open = sum(value for (name, _), value in series.items() if name == "notifications_open")
        if not 0 <= oldest <= age + self.clock_may_differ_by + _SLACK_SECONDS:
            self._note(f"counter: notifications_oldest_open_seconds was {oldest:.1f} after {age:.1f} s")
        elif oldest and not still_open:
            self._note(f"counter: notifications_oldest_open_seconds was {oldest:.1f} with nothing open")

    def _note(self, fault: str) -> None:
        # One of a kind says it; a minute of them would bury the rest.
        kind = fault.partition(" was ")[0]
        if not any(known.startswith(kind) for known in self.faults):
            self.faults.append(fault)
