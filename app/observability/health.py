"""Whether the service is well: the parts it needs, asked one by one, and none of them for long."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection

from app.domain.clock import Clock
from app.domain.notifications import lanes_of
from app.observability.checks import Check
from app.observability.crossings import Crossings, Serving
from app.store import canaries, due, heartbeats, schema
from app.store.engine import Database, DatabaseUnavailable

PATIENCE_SECONDS = 0.6
REMEMBERED_FOR = timedelta(seconds=1)
_log = logging.getLogger(__name__)


class Answering(Protocol):
    """A server that can be asked for a sign of life."""

    def ping(self) -> None:
        """Return when it answers, within half a second. Raises OSError or ConnectionError, in whatever form, if not."""


class HasState(Protocol):
    """What is asked of a channel."""

    def state(self) -> str:
        """`configured`, `console` or `off`."""


class Health:
    """Asks the parts, at most once a second however often it is asked itself."""

    def __init__(
        self,
        database: Database,
        broker: Answering,
        clock: Clock,
        channels: Mapping[str, HasState],
        *,
        longest_silence: timedelta,
        longest_wait: timedelta,
        crossings: Crossings,
    ) -> None:
        """Relays and workers are dead after the longest silence.

        What could go on may be left lying for the longest wait, whatever has died meanwhile, and longer where workers
        show that it waits its turn: a queue is no fault.
        """
        self._database = database
        self._clock = clock
        self._channels = channels
        self._lanes = lanes_of(channels)
        self._longest_silence = longest_silence
        self._longest_wait = longest_wait
        self._crossings = crossings
        self._questions = (_Question("database", self._ask_database), _Question("broker", lambda: _ask(broker)))
        self._turn = threading.Lock()
        self._remembered: tuple[datetime, dict[str, Any]] | None = None

    def report(self) -> dict[str, Any]:
        """The body of GET /health; never older than a second, and never later than about a second."""
        with self._turn:
            now = self._clock.now()
            if self._remembered and timedelta() <= now - self._remembered[0] < REMEMBERED_FOR:
                return self._remembered[1]
            report = self._report()
            self._remembered = (now, report)
            return report

    def _report(self) -> dict[str, Any]:
        for question in self._questions:
            question.ask()
        give_up = time.monotonic() + PATIENCE_SECONDS
        stored, broker = (question.answer(give_up - time.monotonic()) for question in self._questions)
        checks = {
            "database": stored.get("database", Check("failing", "no answer in time")),
            "broker": broker.get("broker", Check("failing", "no answer in time")),
            "relay": stored.get("relay", Check("failing", "unknown without the database")),
            "workers": stored.get("workers", Check("failing", "unknown without the database")),
            "canary": stored.get("canary", Check("failing", "unknown without the database")),
        }
        failing = any(check.status == "failing" for check in checks.values())
        return {
            "status": "failing" if failing else "ok",
            "checks": {name: {"status": check.status, "detail": check.detail} for name, check in checks.items()},
            "channels": {name: channel.state() for name, channel in self._channels.items()},
        }

    def _ask_database(self) -> dict[str, Check]:
        try:
            if not schema.serves(schema.current(self._database)):
                return {"database": Check("failing", "the schema is older than this version")}
            with self._database.read() as conn:
                beats = heartbeats.known(conn)
                sent = canaries.known(conn)
                workers = [self._serving(beat) for beat in beats if beat.role == "worker" and self._is_alive(beat)]
                left_lying = self._left_lying(conn, workers)
            canary = self._crossings.check(sent, workers)
        except DatabaseUnavailable:
            return {"database": Check("failing", "not available")}
        return {
            "database": Check("ok", "answers, schema is current"),
            "relay": self._relay([beat for beat in beats if beat.role == "relay"]),
            "workers": self._workers(workers, left_lying),
            "canary": canary,
        }

    def _relay(self, beats: Sequence[heartbeats.Beat]) -> Check:
        if not beats:
            return Check("failing", "no sign of life in the past hour")
        age = min(self._age(beat.beat_at) for beat in beats)
        said = f"last sign of life {age.total_seconds():.0f} s ago"
        return Check("ok" if age <= self._longest_silence else "failing", said)

    def _left_lying(self, conn: Connection, alive: Sequence[Serving]) -> due.Due | None:
        """What is due for too long on a lane of which no worker shows that it moves."""
        now = self._clock.now()
        found = due.longest(conn, now)
        if found is None or self._age(found.since) <= self._longest_wait:
            return None
        moving = {lane for lane in self._lanes for worker in alive if worker.moves(lane, self._longest_silence)}
        if found.lane in moving:
            found = due.longest(conn, now, [lane for lane in self._lanes if lane not in moving])
        return found if found is not None and self._age(found.since) > self._longest_wait else None

    def _workers(self, alive: Sequence[Serving], left_lying: due.Due | None) -> Check:
        """Whether somebody alive listens on every lane, and whether what is due is taken up."""
        heard = {lane for worker in alive for lane in worker.lanes}
        faults = []
        if unheard := [lane for lane in self._lanes if lane not in heard]:
            faults.append(f"no live worker serves {', '.join(unheard)}")
        if left_lying is not None:
            waits = self._age(left_lying.since).total_seconds()
            faults.append(f"the oldest due notification waits {waits:.0f} s, on the lane {left_lying.lane}")
        if faults:
            return Check("failing", "; ".join(faults))
        return Check("ok", f"{len(alive)} alive, every lane is served, and what is due is taken up")

    def _is_alive(self, beat: heartbeats.Beat) -> bool:
        return self._age(beat.beat_at) <= self._longest_silence

    def _serving(self, beat: heartbeats.Beat) -> Serving:
        took = beat.detail.get("took")
        since = None
        if took is not None:
            age = self._age(beat.beat_at)
            since = {lane: age + timedelta(seconds=seconds) for lane, seconds in took.items()}
        heard = set(beat.detail.get("lanes", ())) - set(beat.detail.get("deaf", ()))
        return Serving(heard, since, beat.detail.get("holds", 0) < beat.detail.get("room", 0))

    def _age(self, moment: datetime) -> timedelta:
        return max(self._clock.now() - moment, timedelta())


class _Question:
    """Asks something in a thread, and does not ask again while the last answer is still awaited."""

    def __init__(self, name: str, find_out: Callable[[], dict[str, Check]]) -> None:
        self._name = name
        self._find_out = find_out
        self._pending: Future[dict[str, Check]] | None = None

    def ask(self) -> None:
        if self._pending is None or self._pending.done():
            self._pending = Future()
            # A daemon, so that a part that hangs does not hold up the end of the process.
            threading.Thread(target=self._run, args=(self._pending,), name=f"health-{self._name}", daemon=True).start()

    def answer(self, patience: float) -> dict[str, Check]:
        """What was answered; nothing when it takes longer than `patience` seconds."""
        if self._pending is None:
            return {}
        try:
            return self._pending.result(max(patience, 0.0))
        except TooLate:
            return {}

    def _run(self, pending: Future[dict[str, Check]]) -> None:
        try:
            pending.set_result(self._find_out())
        except Exception:  # noqa: BLE001 - whatever it is, a page about health shows it as a failing part
            _log.exception("health_check_crashed", extra={"check": self._name})
            pending.set_result({})


def _ask(broker: Answering) -> dict[str, Check]:
    try:
        broker.ping()
    except Exception as error:  # noqa: BLE001 - client libraries have no common base, and each failure means the same
        return {"broker": Check("failing", f"no answer ({type(error).__name__})")}
    return {"broker": Check("ok", "answers")}
