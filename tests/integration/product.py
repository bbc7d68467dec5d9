"""The whole product as a stranger starts it: `python main.py` in a folder of its own, asked over HTTP alone."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import requests

from tests.drills.processes import Process, children
from tests.fakes.ports import free_port
from tests.integration.scrape import Scrape

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0
"""How long a start may take on a busy machine; that it is quick is measured elsewhere."""
STOP_SECONDS = 60.0
TERMINAL = frozenset({"delivered", "suppressed", "digested", "failed", "expired", "cancelled"})
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT")
Answer = TypeVar("Answer")


def eventually(ask: Callable[[], Answer], wanted: Callable[[Answer], bool] = bool, seconds: float = 30.0) -> Answer:
    """What `ask` answers once it is wanted; AssertionError with the last answer when that takes too long."""
    end = time.monotonic() + seconds
    while not wanted(answer := ask()):
        assert time.monotonic() < end, f"not within {seconds:g} s, last was {answer!r:.3000}"
        time.sleep(0.05)
    return answer


def clean_environment(**settings: str) -> dict[str, str]:
    """The given settings and nothing of this process's environment that could be one."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | settings


def run(*words: str, timeout: float = 60.0, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run main.py to its end."""
    return subprocess.run(
        [sys.executable, "main.py", *words],
        cwd=ROOT,
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


class Product:
    """`python main.py` on free ports. A context manager: started inside, stopped and judged after it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.data_dir = folder / "data"
        self.port, self.flower_port = free_port(), 0
        self.log_file = folder / "output.jsonl"
        self.settings = {
            "DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "FLOWER_PORT": str(self.flower_port),
            "API_RATE_LIMIT": "none",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SECRET_KEY": "a secret key of the tests, long enough",
            "RATE_LIMIT_PER_USER": "0",
            **settings,
        }
        self.flower_port = int(self.settings["FLOWER_PORT"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.ready_after = 0.0
        self.http = requests.Session()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            # Left alone it would go on, and take the messages of those that come after it.
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop()

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the process without waiting for anything."""
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "main.py"],
                cwd=ROOT,
                env=clean_environment(**self.settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self.process

    def start(self) -> None:
        """Start it, and return when it says that it is ready."""
        said = self.count_said("main", "ready")
        began = time.monotonic()
        process = self.spawn()
        eventually(lambda: process.poll() is not None or self.count_said("main", "ready") > said, seconds=START_SECONDS)
        assert process.poll() is None, f"it ended with {process.returncode}: {self.log()[-3000:]}"
        self.ready_after = time.monotonic() - began
        self.http.headers["Authorization"] = f"Bearer {self.admin_key}"

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, and answer its exit code; nothing of it is left then."""
        process, self.process = self.process, None
        assert process is not None
        process.send_signal(number)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    @property
    def admin_key(self) -> str:
        """The key that the first start made, or the one it was given."""
        return self.settings.get("ADMIN_API_KEY") or (self.data_dir / "admin.key").read_text().strip()

    def log(self) -> str:
        """Everything it printed so far, over all its lives."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def lines(self, *words: str) -> Iterator[dict[str, Any]]:
        """Its log, line by line; only those with all of these words somewhere, if there are any."""
        for line in self.log().splitlines():
            if all(word in line for word in words):
                with contextlib.suppress(ValueError):
                    yield json.loads(line)

    def count_said(self, component: str, message: str) -> int:
        """How often a component said something."""
        lines = self.lines(component, message)
        return sum(line.get("component") == component and line.get("message") == message for line in lines)

    def descendants(self) -> list[Process]:
        """Everything that it runs."""
        assert self.process is not None
        found = children(self.process.pid)
        for process in found:
            found += children(process.pid)
        return found

    def child(self, *words: str) -> Process:
        """The child whose command line has these words."""
        assert self.process is not None
        return next(one for one in children(self.process.pid) if set(words) <= set(one.words))

    def call(self, method: str, path: str, *, token: str | None = "", **request: Any) -> requests.Response:
        """Send a request; by default with the admin's key, with None without any."""
        headers = dict(request.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        elif token is None:
            return requests.request(method, self.url + path, headers=headers, timeout=20, **request)
        return self.http.request(method, self.url + path, headers=headers, timeout=20, **request)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at a path."""
        response = self.call("GET", path, params=query)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text}"
        return response.json()

    def submit(self, type_: str, data: Mapping[str, Any], *recipients: str, **fields: Any) -> str:
        """Submit an event and answer its id."""
        event = {"type": type_, "data": data, **fields} | ({"recipients": list(recipients)} if recipients else {})
        response = self.call("POST", "/events", json=event)
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    def set_user(self, user_id: str, **document: Any) -> dict[str, Any]:
        """Replace a user's preferences, and answer what came back."""
        response = self.call("PUT", f"/preferences/{user_id}", json=document)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def event(self, event_id: str) -> dict[str, Any]:
        """What is known about an event."""
        return dict(self.get(f"/events/{event_id}"))

    def ended(self, event_id: str, seconds: float = 30.0) -> dict[str, Any]:
        """The event once nothing of it is open."""
        return eventually(lambda: self.event(event_id), lambda event: set(event["counts"]) <= TERMINAL, seconds)

    def settled(self, seconds: float = 30.0) -> Scrape:
        """The metrics once nothing is under way, so that what changes afterwards is the asker's own doing."""
        return eventually(
            self.metrics,
            lambda said: (
                not any(said.sum("notifications_open", status=status) for status in ("pending", "sending", "retrying"))
            ),
            seconds,
        )

    def notification(self, event_id: str, channel: str, user_id: str | None = None) -> dict[str, Any]:
        """The one notification of an event on a channel, with everything known about it."""
        wanted = (channel,) if user_id is None else (channel, user_id)
        found = [
            one["id"]
            for one in self.event(event_id)["notifications"]
            if (one["channel"], one["user_id"])[: len(wanted)] == wanted
        ]
        assert len(found) == 1, found
        return dict(self.get(f"/notifications/{found[0]}"))

    def history(self, user_id: str, **query: Any) -> list[dict[str, Any]]:
        """All of a user's history, over all its pages, newest first."""
        items: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/history/{user_id}", limit=200, **query)
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            query["cursor"] = page["next_cursor"]

    def metrics(self) -> Scrape:
        """The metrics of this moment."""
        response = self.call("GET", "/metrics", token=None)
        assert response.status_code == 200, response.text
        return Scrape(response.text)
