"""What a load costs each part of a fleet, counted rather than timed: CPU, commits and commands."""

from collections.abc import Mapping

from redis import Redis
from sqlalchemy import text

from app.store.engine import Database
from tests.drills.processes import cpu_seconds, parent

_COMMITS = text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
_DATABASE, _BROKER = "PostgreSQL", "Redis"


class Meter:
    """Reads the counters when it is made, and again when it is asked."""

    def __init__(self, parts: Mapping[str, int], database: Database, redis_url: str) -> None:
        """`parts` are process ids by name; the database has to be on a PostgreSQL of this machine."""
        self._redis = Redis.from_url(redis_url)
        self._database = database
        with database.read() as conn:
            server = parent(int(conn.execute(text("SELECT pg_backend_pid()")).scalar_one()))
        self._pids = {**parts, _DATABASE: server, _BROKER: int(self._redis.info("server")["process_id"])}
        self._before = self._read()

    def told(self, count: int) -> str:
        """What has happened since, for each of that many notifications."""
        spent = {name: (value - self._before[name]) / count for name, value in self._read().items()}
        commits, commands = spent.pop("commits"), spent.pop("commands")
        micros = ", ".join(f"{name} {1e6 * value:,.0f}" for name, value in spent.items())
        total = 1e6 * sum(spent.values())
        return f"CPU µs each: {micros}, together {total:,.0f}; {commits:.2f} commits, {commands:.1f} Redis commands"

    def _read(self) -> dict[str, float]:
        stats = self._redis.info("commandstats")
        with self._database.read() as conn:
            commits = float(conn.execute(_COMMITS).scalar_one())
        return {
            **{name: cpu_seconds(pid) for name, pid in self._pids.items()},
            "commits": commits,
            "commands": float(sum(entry["calls"] for entry in stats.values())),
        }
