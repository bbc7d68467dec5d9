"""What a benchmark runs on: a broker, a receiver and workers of its own, as processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from redis import Redis
from sqlalchemy import create_engine, text

from app.bootstrap import Services, build_services
from app.config import Settings
from app.runtime.broker import EmbeddedBroker
from app.store.engine import Database
from app.store.migrate import upgrade
from tasks.app import app as product_app
from tasks.publisher import Publisher
from tests.benchmarks.commits import Commits
from tests.benchmarks.costs import Meter, Parts
from tests.benchmarks.noop import app as yardstick
from tests.fakes.ledger import Entry

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 120.0


@dataclass
class Stage:
    """A set stage: the product's workers and its relay, those of the yardstick, a broker and a receiver."""

    services: Services
    redis: Redis
    commits: Commits
    done: Path
    port: int
    parts: Parts
    _product: ExitStack

    def through(self) -> int:
        """How many yardstick tasks have ended."""
        return self.done.stat().st_size if self.done.exists() else 0

    def open_rows(self) -> int:
        """How many notifications have not ended."""
        with self.services.database.read() as conn:
            return int(
                conn.execute(
                    text(
                        "SELECT count(*) FROM notifications WHERE status IN ('pending', 'held', 'sending', 'retrying')"
                    )
                ).scalar_one()
            )

    def received(self) -> list[str]:
        """The webhook ids that the receiver got, in order."""
        return [entry["key"] for entry in self.ledger() if entry["key"]]

    def ledger(self) -> list[Entry]:
        """All that the receiver got, in order."""
        with urlopen(f"http://127.0.0.1:{self.port}/_ledger", timeout=30) as answer:
            entries: list[Entry] = json.load(answer)
            return entries

    def judged(self) -> tuple[int, int]:
        """How many notifications were lost, and how many messages came twice."""
        with self.services.database.read() as conn:
            accepted = set(conn.execute(text("SELECT id FROM notifications")).scalars())
        got = self.received()
        return len(accepted - set(got)), len(got) - len(set(got))

    def meter(self) -> Meter:
        """Begins to count."""
        return Meter(self.redis, self.commits, self.parts)

    def retire(self) -> None:
        """End the product's parts; the yardstick stays."""
        self._product.close()

    def url(self, place: int) -> str:
        """The receiver's address under one of many loopback hosts, each of which is a target of its own."""
        return f"http://127.0.0.{place + 1}:{self.port}/hook"


def wait_until(fact: Callable[[], bool], what: str) -> None:
    """Return once the fact holds; the benchmark fails when it does not in time."""
    give_up = time.monotonic() + DEADLINE_SECONDS
    while not fact():
        if time.monotonic() > give_up:
            raise TimeoutError(f"{what} took more than {DEADLINE_SECONDS:.0f} s")
        time.sleep(0.02)


@contextmanager
def set_stage(folder: Path, *, postgres: str | None, processes: int, threads: int, fused: bool) -> Iterator[Stage]:
    """Start everything, and stop it again after the block."""
    environ = {
        "DATA_DIR": str(folder),
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "FLOWER_PORT": "0",
        "RATE_LIMIT_PER_USER": "0",
        "LOG_LEVEL": "ERROR",
        "FUSE_STEPS": str(fused).lower(),
        "BENCH_DONE": str(folder / "done"),
    }
    with ExitStack() as stack:
        if postgres:
            environ["DATABASE_URL"] = stack.enter_context(fresh_database(postgres))
        os.environ.update(environ)
        settings = Settings.load()
        broker = EmbeddedBroker(settings)
        server = stack.enter_context(_running(broker.prepare(), {})).pid
        wait_until(broker.ready, "the broker's start")
        database = Database(settings.database_url)
        upgrade(database)
        database.close()
        receiver, port = _receiver(stack)
        product = stack.enter_context(ExitStack())
        options = ["worker", "--pool=threads", f"--concurrency={threads}", "--without-gossip", "--without-mingle"]
        workers = [
            _celery(product, "tasks", f"b{n}", [*options, "-Q", "webhook,inapp,email,critical"], environ)
            for n in range(processes)
        ]
        bare = [_celery(stack, "tests.benchmarks.noop", f"a{n}", options, environ) for n in range(processes)]
        relay = product.enter_context(_running([sys.executable, "main.py", "relay"], environ)).pid
        services = build_services(settings, Publisher(settings), component="bench")
        product_app.threads = threads
        redis = Redis.from_url((folder / "broker.url").read_text().strip())
        wait_until(lambda: len(product_app.control.ping(timeout=0.5)) >= processes, "the start of the workers")
        wait_until(lambda: len(yardstick.control.ping(timeout=0.5)) >= processes, "the start of the yardstick")
        commits = stack.enter_context(Commits(services.database, settings.database_url))
        stack.callback(services.close)
        parts = {
            "workers": workers,
            "relay": [relay],
            "broker": [server],
            "yardstick": bare,
            "receiver": [receiver],
            "submission": [os.getpid()],
        }
        yield Stage(services, redis, commits, folder / "done", port, parts, product)


def _receiver(stack: ExitStack) -> tuple[int, int]:
    words = [sys.executable, "-m", "tests.fakes.receiver", "--host", "0.0.0.0", "--port", "0"]  # noqa: S104
    process = stack.enter_context(_running(words, {}, stdout=subprocess.PIPE))
    assert process.stdout is not None
    return process.pid, int(process.stdout.readline())


def _celery(stack: ExitStack, app: str, name: str, words: Sequence[str], environ: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "celery", "--quiet", "-A", app, *words, f"--hostname={name}@%h"]
    return stack.enter_context(_running(command, environ)).pid


@contextmanager
def _running(
    command: Sequence[str], environ: Mapping[str, str], stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environ}, stdout=stdout, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextmanager
def fresh_database(server: str, purpose: str = "bench") -> Iterator[str]:
    """A database of our own on a PostgreSQL server, dropped afterwards."""
    name = f"{purpose}_{os.getpid()}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield engine.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as conn:
            conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
