"""The whole product as processes, between fake receivers that write down what reaches them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import requests

from app.observability.logging import READY
from app.store.engine import Database
from tests.drills.broker import Broker, Embedded, Own
from tests.drills.databases import fresh_database
from tests.drills.processes import Process, children
from tests.drills.rabbit import Rabbit
from tests.fakes.ledger import Entry, read_ledger
from tests.fakes.ports import free_port

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "main.py"
Script = Mapping[str, Sequence[Mapping[str, Any]]]
READY_SECONDS = 90.0
STOP_SECONDS = 75.0
OWN = "own"
"""In the place of the URL of a RabbitMQ: one of the drill's own."""
_LOOK_SECONDS = 0.05
_ADMIN_KEY = "the-drills-own-key"
_KEPT_FROM_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")

QUICK: Mapping[str, str] = {
    "RELAY_TICK_SECONDS": "1",
    "RELAY_GRACE_SECONDS": "5",
    "LEASE_SECONDS": "6",
    "WEBHOOK_TIMEOUT_SECONDS": "2",
    "MAX_RETRIES": "8",
    "RETRY_DELAY_SECONDS": "0.5",
    "RETRY_BACKOFF_MAX_SECONDS": "4",
    "RATE_LIMIT_PER_USER": "0",
    "API_RATE_LIMIT": "none",
    "LOG_LEVEL": "INFO",
}
"""Settings that make a drill short; what they say about each other (a lease outlives an attempt) is as by default."""
MOST_ATTEMPTS = int(QUICK["MAX_RETRIES"]) + 1


class Rig:
    """The product, its receivers and its broker, in a folder of their own. A context manager."""

    def __init__(
        self,
        directory: Path,
        *,
        postgres: str | None = None,
        own_redis: bool = False,
        rabbitmq: str | None = None,
        environ: Mapping[str, str] | None = None,
        mail: Script | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        """`postgres` is the URL of a server where a fresh database may be made; without one it is SQLite.

        With `own_redis` the drill runs the broker, else the product runs its embedded one; `rabbitmq` is the URL of
        one that carries the messages instead, or OWN, and then that is what `broker` hurts. `mail` is what the mail
        server says, by phase. All of the drill's own servers are at that address.
        """
        self.directory = directory
        self.data_dir = directory / "data"
        self.failpoints = directory / "failpoints"
        self.log = directory / "product.log"
        self._ledger = directory / "ledger.jsonl"
        self._address = address
        self._port = free_port()
        self.url = f"http://{address}:{self._port}"
        self._postgres = postgres
        self._own_redis = own_redis
        self._rabbitmq = rabbitmq
        self._extra = dict(environ or {})
        self._mail = mail
        self._environ: dict[str, str] = {}
        self._product: subprocess.Popen[bytes] | None = None
        self._cleanup = ExitStack()
        self.database: Database
        self.database_url: str
        self.broker: Broker

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            self.failpoints.mkdir(parents=True, exist_ok=True)
            database_url = f"sqlite:///{self.data_dir / 'notifications.db'}"
            if self._postgres is not None:
                database_url = cleanup.enter_context(fresh_database(self._postgres))
            self.database_url = database_url
            self.database = Database(database_url)
            cleanup.callback(self.database.close)
            environ = {name: os.environ[name] for name in _KEPT_FROM_ENVIRONMENT if name in os.environ}
            self._receiver_port = cleanup.enter_context(self._fake("receiver", host="0.0.0.0"))  # noqa: S104
            mail_port = cleanup.enter_context(self._fake("mailbox", self._mail, self._address))
            self._environ = environ | {
                "DATA_DIR": str(self.data_dir),
                "DATABASE_URL": database_url,
                "PORT": str(self._port),
                "ADMIN_API_KEY": _ADMIN_KEY,
                "FLOWER_PORT": "0",
                "FAILPOINT_DIR": str(self.failpoints),
                "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
                "SMTP_HOST": self._address,
                "SMTP_PORT": str(mail_port),
                "SMTP_USE_TLS": "false",
                "SMTP_FROM": "Drill <drill@example.com>",
                **QUICK,
                **self._extra,
            }
            if self._own_redis:
                own = Own(self.directory, self._address)
                cleanup.callback(own.stop)
                self._environ["REDIS_URL"] = own.url
                self.broker = own
            else:
                self.broker = Embedded(self.data_dir, self._broker_process)
            if self._rabbitmq == OWN:
                rabbit = cleanup.enter_context(Rabbit(self._address))
                self._rabbitmq, self.broker = rabbit.url, rabbit
            if self._rabbitmq is not None:
                self._environ["CELERY_BROKER_URL"] = self._rabbitmq
            cleanup.callback(self._kill)
            self.start()
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def start(self) -> None:
        """Start the product; returns when all of its parts are ready. Raises TimeoutError or RuntimeError."""
        already = self._log_text().count('"message": "ready"')
        self._product = self._launched()
        give_up = time.monotonic() + READY_SECONDS
        while self._log_text().count('"message": "ready"') == already:
            if self._product.poll() is not None:
                raise RuntimeError(f"the product ended with {self._product.returncode}; see {self.log}")
            if time.monotonic() > give_up:
                raise TimeoutError(f"the product was not ready in time; see {self.log}")
            time.sleep(_LOOK_SECONDS)

    def start_in_vain(self) -> int:
        """Start it where it can't run, and answer its exit code."""
        self._product = self._launched()
        return self._product.wait(READY_SECONDS)

    def last_words(self) -> str:
        """The last line of its log."""
        return (self._log_text().splitlines() or [""])[-1]

    def _launched(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-u", str(MAIN)],
                cwd=self.directory,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def broker_url(self) -> str:
        """Where the lanes are."""
        return self._rabbitmq or self.broker.url

    @property
    def pid(self) -> int:
        """The product's process id, above all of its parts."""
        assert self._product is not None
        return self._product.pid

    def stop(self) -> int:
        """Ask the product to stop, and answer its exit code."""
        assert self._product is not None
        self._product.send_signal(signal.SIGTERM)
        return self._product.wait(STOP_SECONDS)

    def workers(self) -> list[Process]:
        """The worker processes that there are now."""
        return [child for child in self._children() if child.words[-2:-1] == ("worker",)]

    def part(self, name: str) -> Process | None:
        """The process of a part, such as "relay", if there is one now."""
        return next(
            (child for child in self._children() if child.words[-len(name.split()) :] == (*name.split(),)), None
        )

    @contextmanager
    def beside(self, *words: str) -> Iterator[None]:
        """Run one more part within the block, which nobody supervises."""
        command = [sys.executable, "-u", str(MAIN), *words]
        with (self.directory / "beside.log").open("ab") as log:
            extra = subprocess.Popen(command, cwd=self.directory, env=self._environ, stdout=log, stderr=log)
        try:
            yield
        finally:
            extra.terminate()
            extra.wait(STOP_SECONDS)

    def said(self, *messages: str) -> list[Mapping[str, Any]]:
        """What the product has logged under these names, in order."""
        lines = [line for line in self._log_text().splitlines() if any(f'"{name}"' in line for name in messages)]
        return [entry for entry in map(json.loads, lines) if entry.get("message") in messages]

    def deaths(self) -> list[str]:
        """Which parts died, in order, as the supervisor has seen it."""
        return [f"{entry['component']} ({entry['cause']})" for entry in self.said("component_died")]

    def absences(self) -> list[float]:
        """How many seconds each part that died was away, until another was ready in its place."""
        gone: dict[str, datetime] = {}
        times = []
        for entry in self.said("component_died", READY):
            at, name = datetime.fromisoformat(entry["timestamp"]), entry["component"]
            if entry["message"] == READY and name in gone:
                times.append((at - gone.pop(name)).total_seconds())
            elif entry["message"] != READY:
                # One that died before it was ready has been away since the first of these deaths.
                gone.setdefault(name, at)
        return times

    def ledger(self) -> list[Entry]:
        """What reached the receivers."""
        return read_ledger(self._ledger)

    def script(self, answers: Script) -> None:
        """What the webhook receiver answers, by path."""
        requests.put(
            f"http://{self._address}:{self._receiver_port}/_script", json=answers, timeout=10
        ).raise_for_status()

    def call(self, method: str, path: str, **request: Any) -> requests.Response:
        """Send a request as the admin."""
        headers = {**self.authorization(), **request.pop("headers", {})}
        return requests.request(method, f"{self.url}{path}", headers=headers, timeout=30, **request)

    def authorization(self) -> dict[str, str]:
        """The admin's header."""
        return {"Authorization": f"Bearer {_ADMIN_KEY}"}

    def add_user(self, user_id: str, host: str | None = None) -> None:
        """Give a user a mail address and a webhook of their own; each host is a receiver of its own."""
        hook = f"http://{host or self._address}:{self._receiver_port}/hook/{user_id}"
        contacts = {"email": f"{user_id}@example.com", "webhook": {"url": hook}}
        self.call("PUT", f"/preferences/{user_id}", json={"contacts": contacts}).raise_for_status()

    def _log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _children(self) -> list[Process]:
        return children(self._product.pid) if self._product is not None else []

    def _broker_process(self) -> Process | None:
        # A server may have written its address over its command line; all other children run our own program.
        return next((child for child in self._children() if str(MAIN) not in child.words), None)

    def _kill(self) -> None:
        """End the product; what it started ends with it."""
        if self._product is None or self._product.poll() is not None:
            return
        self._product.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._product.wait(20)
            return
        self._product.kill()
        self._product.wait()

    @contextmanager
    def _fake(self, name: str, script: Script | None = None, host: str = "127.0.0.1") -> Iterator[int]:
        words = [sys.executable, "-m", f"tests.fakes.{name}", "--ledger", str(self._ledger), "--host", host]
        if script is not None:
            path = self.directory / f"{name}.json"
            path.write_text(json.dumps(script))
            words += ["--script", str(path)]
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
            if process.poll() is not None:
                raise RuntimeError(f"the {name} ended by itself with {process.returncode}, so this run shows nothing")
        finally:
            process.terminate()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
