"""Fused and unfused chains in real worker processes: they differ in speed and in nothing else."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, chain
from redis import Redis
from sqlalchemy import select

from app.bootstrap import Services, build_services
from app.config import Settings
from app.store import audit, migrate, notifications
from app.store.tables import attempts
from tasks.lanes import queues
from tests.fakes.gate_server import GateServer
from tests.fakes.publisher import RecordingPublisher
from tests.fakes.receiver import Answer, Receiver
from tests.integration.product import ROOT, clean_environment, eventually

STEPS = ("render", "dedupe", "rate_limit", "deliver.webhook")
ENDED = {"delivered", "suppressed", "failed"}


class Plant:
    """A broker, a database and a receiver; workers come and go."""

    def __init__(self, folder: Path, broker: GateServer, receiver: Receiver) -> None:
        self.environ = {
            "DATA_DIR": str(folder),
            "REDIS_URL": broker.url,
            "SECRET_KEY": "a secret key of the tests, long enough",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "RETRY_DELAY_SECONDS": "0.2",
            "RATE_LIMIT_PER_USER": "0",
            "LOG_LEVEL": "WARNING",
        }
        self._folder = folder
        self._receiver = receiver
        self._published = RecordingPublisher()
        self.services: Services = build_services(Settings.load(self.environ), self._published)
        migrate.upgrade(self.services.database)
        self.client = Redis.from_url(broker.url)
        # Not the product's own app: this one only sends.
        self.celery = Celery("probe", broker=broker.url, set_as_current=False)
        self.celery.conf.update(
            task_ignore_result=True, task_queues=queues(), task_default_exchange="im2-notifications"
        )
        self.names: dict[str, str] = {}

    def close(self) -> None:
        self.services.close()
        self.client.close()
        self.celery.close()

    @contextmanager
    def worker(
        self, *options: str, fuse: bool = True, queues: str = "webhook,email", **settings: str
    ) -> Iterator[None]:
        """A worker for the block."""
        words = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-E", f"--queues={queues}", *options]
        environ = clean_environment(**self.environ, FUSE_STEPS=str(fuse).lower(), **settings)
        with (self._folder / "worker.log").open("ab") as log, ExitStack() as stack:
            process = subprocess.Popen(words, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
            eventually(lambda: process.poll() is not None or self.celery.control.ping(timeout=0.5), seconds=60)
            assert process.poll() is None
            yield

    def user(self, name: str, *answers: Answer) -> str:
        """Somebody with a webhook that answers so."""
        self._receiver.script(f"/{name}", *answers or (Answer(200),))
        document = {"contacts": {"webhook": {"url": self._receiver.url(f"/{name}")}}}
        self.services.preferences.replace(name, document, actor="key:test")
        return name

    def submit(self, name: str, **data: Any) -> str:
        """The id of a notification for somebody, which nobody has announced to a worker."""
        data = {"job_id": "j-1", "error": "e", **data}
        event = {"type": "job.failed", "recipients": [name], "channels": ["webhook"], "data": data}
        accepted = self.services.intake.submit(event, owner="key_1", actor="key:key_1")
        with self.services.database.read() as conn:
            (row,) = notifications.of_event(conn, accepted.id)
        return row.id

    def ring(self, *ids: str, queues: Sequence[str] = ("webhook",) * 4) -> None:
        """Send the chain."""
        signatures = [
            self.celery.signature(f"notifications.{name}", queue=queue)
            for name, queue in zip(STEPS, queues, strict=True)
        ]
        signatures[0].args = (list(ids),)
        chain(*signatures, app=self.celery).apply_async()

    def fate(self, id_: str) -> tuple[Any, ...]:
        """What became of a notification: its state, its attempts and its trace."""
        with self.services.database.read() as conn:
            row = notifications.load(conn, id_)
            outcomes = select(attempts.c.outcome).where(attempts.c.notification_id == id_).order_by(attempts.c.number)
            said = [(entry.action, entry.detail.get("decision")) for entry in audit.about(conn, id_)]
            assert row is not None
            return (row.status, row.reason, row.duplicates, *conn.execute(outcomes).scalars(), *said)

    def fates(self, *ids: str) -> list[tuple[Any, ...]]:
        """The same of several, once all have ended."""
        return eventually(lambda: [self.fate(id_) for id_ in ids], lambda found: {one[0] for one in found} <= ENDED)

    @contextmanager
    def watching(self) -> Iterator[list[tuple[str, str]]]:
        """The task events of the block, as (type, uuid of the task), in their order."""
        seen: list[tuple[str, str]] = []
        listening = threading.Event()

        def note(event: dict[str, Any]) -> None:
            listening.set()
            if event["type"] == "task-received":
                self.names[event["uuid"]] = event["name"].removeprefix("notifications.")
            if event["type"].startswith("task-"):
                seen.append((event["type"].removeprefix("task-"), event["uuid"]))

        with self.celery.connection_for_read() as connection:
            receiver = self.celery.events.Receiver(connection, handlers={"*": note})
            thread = threading.Thread(target=lambda: receiver.capture(limit=None, timeout=None, wakeup=False))
            thread.start()
            try:
                # A worker's heartbeat, every other second.
                assert listening.wait(30)
                yield seen
            finally:
                receiver.should_stop = True
                thread.join()

    def story(self, name: str) -> list[tuple[Any, ...]]:
        """What becomes of notifications of all kinds."""
        fine, gone = self.user(f"fine-{name}"), self.user(f"gone-{name}", Answer(410))
        flaky = self.user(f"flaky-{name}", Answer(503, times=1), Answer(200))
        alone = [self.submit(fine), self.submit(gone)]
        for id_ in alone:
            self.ring(id_)
        together = [self.submit(fine, error=error) for error in ("same", "same", "other")]
        self.ring(*together)
        self.fates(*alone, *together)
        # After the others, since a target in trouble is left alone, and there is no relay here.
        late = [self.submit(fine, error="same"), self.submit(flaky)]
        for id_ in late:
            self.ring(id_)
            self.fates(id_)
        return self.fates(*alone, *together, *late)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    broker = GateServer(tmp_path_factory.mktemp("broker"))
    broker.start()
    with Receiver() as receiver:
        plant = Plant(tmp_path_factory.mktemp("plant"), broker, receiver)
        yield plant
        plant.close()
    broker.stop()


@pytest.fixture(scope="module")
def fused(plant: Plant) -> list[tuple[Any, ...]]:
    """The story as a fused worker with threads tells it."""
    with plant.worker("--pool=threads", "--concurrency=4"):
        return plant.story("fused")


def test_the_chain_does_what_it_is_for(fused: list[tuple[Any, ...]]):
    delivered, refused, first, repeat, other, late, retried = fused
    start = [("plan", "pending"), ("render", "rendered")]
    assert delivered == ("delivered", None, 0, "delivered", *start, ("deliver", "delivered"))
    assert refused == ("failed", "rejected", 0, "permanent", *start, ("deliver", "failed"))
    assert retried[:5] == ("delivered", None, 0, "transient", "delivered")
    assert retried[5:] == (*start, ("deliver", "retrying"), ("deliver", "delivered"))
    assert first == ("delivered", None, 2, "delivered", *start, ("deliver", "delivered"))
    assert repeat == late == ("suppressed", "duplicate", 0, *start, ("dedupe", "suppressed"))
    assert other == delivered


def test_unfused_it_does_the_same(plant: Plant, fused: list[tuple[Any, ...]]):
    with plant.worker("--pool=threads", "--concurrency=4", fuse=False):
        assert plant.story("unfused") == fused


def test_in_forked_processes_it_does_the_same(plant: Plant, fused: list[tuple[Any, ...]]):
    with plant.worker("--pool=prefork", "--concurrency=2"):
        assert plant.story("prefork") == fused


def steps_of(plant: Plant, seen: Sequence[tuple[str, str]], kind: str) -> list[str]:
    return [plant.names[uuid] for type_, uuid in list(seen) if type_ == kind]


@pytest.mark.parametrize("fuse", [True, False])
def test_every_step_shows_in_the_task_events(plant: Plant, fuse: bool):
    name = plant.user(f"watched-{fuse}")
    first, repeat = plant.submit(name), plant.submit(name)
    with plant.worker("--pool=threads", "--concurrency=1", fuse=fuse), plant.watching() as seen:
        plant.ring(first)
        eventually(lambda: steps_of(plant, seen, "succeeded"), lambda steps: len(steps) == 4)
        for kind in ("received", "started"):
            assert steps_of(plant, seen, kind) == list(STEPS)
        ended = steps_of(plant, seen, "succeeded")
        # A fused step lasts as long as those behind it.
        assert ended == list(reversed(STEPS) if fuse else STEPS)
        seen.clear()
        plant.ring(repeat)
        eventually(lambda: plant.fate(repeat)[0], lambda status: status == "suppressed")
        eventually(lambda: steps_of(plant, seen, "succeeded"), lambda steps: len(steps) == 2)
        assert steps_of(plant, seen, "received") == ["render", "dedupe"]
    assert not [type_ for type_, _ in seen if type_ in ("failed", "rejected", "revoked")]


def test_a_step_of_another_lane_goes_through_the_broker(plant: Plant):
    id_ = plant.submit(plant.user("elsewhere"))
    with plant.worker("--pool=threads", "--concurrency=1", queues="webhook"):
        plant.ring(id_, queues=("webhook", "email", "email", "email"))
        eventually(lambda: plant.client.llen("email"), lambda waiting: waiting == 1)
        assert plant.fate(id_)[-1] == ("render", "rendered")
    with plant.worker("--pool=threads", "--concurrency=1", queues="email"):
        assert plant.fates(id_)[0][0] == "delivered"


def test_whoever_asks_for_a_wait_gets_it_from_the_broker(plant: Plant):
    """A countdown is no continuation: it must not run at once in the worker that asks for it."""
    name = plant.user("patient", Answer(503, times=2), Answer(200))
    id_ = plant.submit(name)
    with plant.worker("--pool=threads", "--concurrency=2"):
        plant.ring(id_)
        (fate,) = plant.fates(id_)
    assert fate[:6] == ("delivered", None, 0, "transient", "transient", "delivered")
    with plant.services.database.read() as conn:
        rows = conn.execute(select(attempts).where(attempts.c.notification_id == id_).order_by(attempts.c.number)).all()
    waits = [(after.started_at - before.ended_at).total_seconds() for before, after in pairwise(rows)]
    assert waits[0] >= 0.2
    assert waits[1] >= 0.4
