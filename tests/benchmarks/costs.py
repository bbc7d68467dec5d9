"""What a load costs, counted rather than timed: commands, messages, commits and CPU for each notification."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from tests.benchmarks.commits import Commits

Parts = Mapping[str, Sequence[int]]
"""Process ids by what people call them."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Per notification; `cpu` is microseconds by part."""

    commands: float
    messages: float
    commits: float
    cpu: Mapping[str, float]


class Meter:
    """Reads the counters when it is made, and again when it is asked."""

    def __init__(self, redis: Redis, commits: Commits, parts: Parts) -> None:
        self._redis = redis
        self._commits = commits
        self._parts = parts
        self._before = self._counted()
        self._used = self._cpu()

    def costs(self, count: int) -> Costs:
        """What has happened since, per notification."""
        commands, messages, commits = (
            (after - before) / count for before, after in zip(self._before, self._counted(), strict=True)
        )
        cpu = {name: (used - self._used[name]) / count * 1e6 for name, used in self._cpu().items()}
        return Costs(commands, messages, commits, cpu)

    def _counted(self) -> tuple[float, float, float]:
        stats: Any = self._redis.info("commandstats")
        commands = sum(entry["calls"] for name, entry in stats.items() if name.startswith("cmdstat_"))
        return commands, stats.get("cmdstat_lpush", {}).get("calls", 0), self._commits.so_far()

    def _cpu(self) -> dict[str, float]:
        return {name: sum(map(_cpu_seconds, pids)) for name, pids in self._parts.items()}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_megabytes(pids: Sequence[int]) -> float:
    """What these processes have in memory; of what they share with others, their share."""
    return sum(_pss_kilobytes(pid) for pid in pids) / 1024


def _pss_kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
