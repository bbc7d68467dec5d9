"""Processes as Linux shows them: which there are below another, and what they were started as."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was there a moment ago."""

    pid: int
    words: tuple[str, ...]
    """Its command line."""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def children(parent: int) -> list[Process]:
    """The living children of a process; one that is still between fork and exec looks like its parent."""
    return list(_children(parent))


def descendants(ancestor: int) -> list[Process]:
    """Its children, theirs, and so on."""
    return [one for child in children(ancestor) for one in (child, *descendants(child.pid))]


def _children(parent: int) -> Iterator[Process]:
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(FileNotFoundError, ProcessLookupError):
            state, ppid = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            if int(ppid) == parent and state != "Z" and words:
                yield Process(int(folder.name), tuple(words))


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processor, with its children and those of them that have ended."""
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    own = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(child.pid) for child in children(pid))


def parent(pid: int) -> int:
    """Who has started it."""
    return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
