"""One child process: how it is started, heard, signalled and waited for."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, cast

from app.runtime.parenthood import tie_to

_CHUNK = 65_536
WARM_THEN_COLD = ((0.0, signal.SIGTERM), (30.0, signal.SIGQUIT), (45.0, signal.SIGKILL))
"""Celery finishes what it is doing on TERM, and gives back what it is doing on QUIT."""
SOON = ((0.0, signal.SIGTERM), (10.0, signal.SIGKILL))


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the product that runs as a process of its own.

    `probe` tells from outside whether it works at `where`; without one, the component says so by `announce_ready`. One
    that runs only `once` is ready when it has ended well. One that `beats` gives signs of life, and is replaced when it
    lives and does not work. A `start_turn` begins when all of the one before are ready,
    a `stop_turn` when all of the one before have ended; `stop_signals` are sent that many seconds after it began.
    """

    name: str
    command: Sequence[str]
    start_turn: int
    stop_turn: int
    where: str = ""
    probe: Callable[[], bool] | None = None
    once: bool = False
    beats: bool = False
    stop_signals: tuple[tuple[float, signal.Signals], ...] = WARM_THEN_COLD


class Backoff:
    """How long to wait before a restart: doubling from `first` to `most`, afresh once `calm` seconds of work were done.

    What came up and worked is no part that cannot start: whoever kills it every few seconds has it back at once.
    """

    def __init__(self, first: float = 0.5, most: float = 30.0, calm: float = 3.0) -> None:
        self._first, self._most, self._calm = first, most, calm
        self._next = first

    def after(self, worked: float) -> float:
        """Seconds to wait for a part that was ready for that many seconds; 0 for one that never was."""
        wait = self._first if worked >= self._calm else self._next
        self._next = min(wait * 2, self._most)
        return wait


class Child:
    """A running process, in a session of its own (Ctrl-C is ours to handle) and tied to our life."""

    def __init__(self, component: Component, now: float) -> None:
        self.started = now
        self._rest = b""
        self._process = subprocess.Popen(  # noqa: S603 - the commands are ours
            component.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=tie_to(os.getpid()),  # noqa: PLW1509 - a bare system call, made ready before the fork
        )
        self._output = cast(IO[bytes], self._process.stdout)
        os.set_blocking(self.fileno(), False)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def fileno(self) -> int:
        """The descriptor of its output, for select."""
        return self._output.fileno()

    def read(self) -> tuple[list[str], bool]:
        """The lines that have come, at most one chunk of them, and whether more may come."""
        try:
            chunk = os.read(self.fileno(), _CHUNK)
        except BlockingIOError:
            return [], True
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if self._rest and (not chunk or len(self._rest) >= _CHUNK):
            lines.append(self._rest)
            self._rest = b""
        return [line.decode(errors="replace").rstrip("\r") for line in lines if line.strip()], bool(chunk)

    def last_lines(self) -> Iterator[str]:
        """What is left in the pipe of a process that has ended; a flood is cut off."""
        for _ in range(64):
            lines, more = self.read()
            yield from lines
            if not (lines and more):
                return

    def ended(self) -> int | None:
        """Its exit code, negative for a signal, or None while it runs. What it left behind in its group is killed."""
        code = self._process.poll()
        if code is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return code

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, or KILL to its whole group."""
        with contextlib.suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)

    def close(self) -> None:
        """Give back the pipe of a process that has ended."""
        self._output.close()
