"""The same product as a fleet runs it: each part a process of its own, and nothing above them."""

import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.observability.logging import READY
from tests.drills.processes import Process
from tests.drills.rig import MAIN, READY_SECONDS, STOP_SECONDS, Rig

PARTS = {
    "api": ("api",),
    "relay": ("relay",),
    "urgent": ("worker", "urgent"),
    "local": ("worker", "local"),
    "outbound": ("worker", "outbound"),
}
"""What `main.py` is told, by the name of the part."""
_LOOK_SECONDS = 0.05


@dataclass
class _Part:
    process: subprocess.Popen[bytes]
    log: Path


class Fleet(Rig):
    """A rig whose parts are started, stopped and replaced one by one."""

    def __init__(self, directory: Path, *, program: Path = MAIN, **rig: Any) -> None:
        """`program` is the main.py that it begins with, of this version or an older one; the rest is as in Rig."""
        super().__init__(directory, **rig)
        self._program = program

    def start(self) -> None:
        """Bring the schema up to date, then start every part; returns when all of them are ready."""
        self._migrate()
        self._parts = {name: self._spawn(name) for name in PARTS}
        for name in PARTS:
            self._until_ready(name)

    def stop(self) -> int:
        """Ask every part to stop, and answer the worst exit code."""
        for part in self._parts.values():
            part.process.terminate()
        return max(abs(part.process.wait(STOP_SECONDS)) for part in self._parts.values())

    def upgrade(self) -> None:
        """Bring the schema to this version, and take this version for every part that is replaced from now on."""
        self._program = MAIN
        self._migrate()

    def replace(self, name: str) -> int:
        """Ask one part to stop, start another in its place, and answer the exit code of the old one."""
        old = self._parts[name].process
        old.terminate()
        code = old.wait(STOP_SECONDS)
        self._parts[name] = self._spawn(name)
        self._until_ready(name)
        return code

    def workers(self) -> list[Process]:
        """The worker processes that there are now."""
        workers = (part.process for name, part in self._parts.items() if PARTS[name][0] == "worker")
        return [Process(one.pid, tuple(map(str, one.args))) for one in workers if one.poll() is None]

    def _migrate(self) -> None:
        words = [sys.executable, str(self._program), "migrate"]
        subprocess.run(words, cwd=self.directory, env=self._environ, check=True, stdout=subprocess.DEVNULL)

    def _command(self, name: str) -> list[str]:
        return [sys.executable, "-u", str(self._program), *PARTS[name]]

    def _environ_of(self, name: str) -> dict[str, str]:  # noqa: ARG002 - where parts are on different hosts it differs
        return self._environ

    def _spawn(self, name: str) -> _Part:
        # One log for each life, so that its "ready" is its own.
        number = len(list(self.directory.glob(f"{name}-*.log")))
        log = self.directory / f"{name}-{number}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._command(name),
                cwd=self.directory,
                env=self._environ_of(name),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return _Part(process, log)

    def _until_ready(self, name: str) -> None:
        part = self._parts[name]
        give_up = time.monotonic() + READY_SECONDS
        while READY not in part.log.read_text(errors="replace"):
            if part.process.poll() is not None:
                raise RuntimeError(f"{name} ended with {part.process.returncode}; see {part.log}")
            if time.monotonic() > give_up:
                raise TimeoutError(f"{name} was not ready in time; see {part.log}")
            time.sleep(_LOOK_SECONDS)

    def _kill(self) -> None:
        processes = [part.process for part in getattr(self, "_parts", {}).values()]
        for process in processes:
            process.terminate()
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
                continue
            process.kill()
            process.wait()
