"""What a load costs, counted rather than timed: commands, messages, commits and CPU for each notification."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.benchmarks.stage import Stage


@dataclass(frozen=True)
class Costs:
    """Per notification."""

    commands: float
    messages: float
    commits: float
    cpu_microseconds: float


class Meter:
    """Reads the counters when it is made, and again when it is asked."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._before = self._read()

    def costs(self, count: int) -> Costs:
        """What has happened since, per notification."""
        after = self._read()
        return Costs(*((later - earlier) / count for earlier, later in zip(self._before, after, strict=True)))

    def _read(self) -> tuple[float, float, float, float]:
        stats: Any = self._stage.redis.info("commandstats")
        commands = sum(entry["calls"] for name, entry in stats.items() if name.startswith("cmdstat_"))
        messages = stats.get("cmdstat_lpush", {}).get("calls", 0)
        cpu = sum(_cpu_microseconds(pid) for pid in (*self._stage.workers, *self._stage.bare))
        return commands, messages, self._commits(), cpu

    def _commits(self) -> float:
        """Commits, as PostgreSQL counts them; SQLite keeps no count, so there the moments on record stand for them."""
        with self._stage.services.database.read() as conn:
            if self._stage.services.database.is_sqlite:
                return float(conn.execute(text("SELECT count(DISTINCT at) FROM audit")).scalar_one())
            return float(
                conn.execute(
                    text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
                ).scalar_one()
            )


def _cpu_microseconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e6
