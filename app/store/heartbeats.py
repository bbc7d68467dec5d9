"""Signs of life of relays and workers, one row per process."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.store.tables import heartbeats

Role = Literal["relay", "worker"]
_FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Beat:
    """The last sign of life of a process.

    What a worker says in `detail`: the `lanes` it is there for, those of them it is `deaf` on, how many messages it has
    `received` from each, how many seconds ago it last `took` work from each, how many messages it `holds` and how many
    it has `room` for, and the newest announcement it has `answered` on each. A relay: how many messages are `waiting`
    on each lane, or none when the broker did not say.
    """

    process: str
    role: str
    beat_at: datetime
    detail: Mapping[str, Any]


def name_of(process: str, pid: int) -> str:
    """The name of a running process, where `process` is what it is called in counters, whichever life it is in."""
    return f"{process}#{pid}"


def beat(conn: Connection, process: str, role: Role, now: datetime, detail: Mapping[str, Any]) -> None:
    """Say that a process is alive, and forget processes that have said nothing for an hour."""
    insert = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
    statement = insert(heartbeats).values(process=process, role=role, beat_at=now, detail=dict(detail))
    said = statement.excluded
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["process"], set_={"role": said.role, "beat_at": said.beat_at, "detail": said.detail}
        )
    )
    conn.execute(delete(heartbeats).where(heartbeats.c.beat_at < now - _FORGOTTEN_AFTER))


def stop(conn: Connection, process: str) -> None:
    """Forget a process that has ended as it was told to."""
    conn.execute(delete(heartbeats).where(heartbeats.c.process == process))


def known(conn: Connection) -> list[Beat]:
    """The last sign of life of every process of the past hour that was not told to end."""
    return [Beat(row.process, row.role, row.beat_at, row.detail) for row in conn.execute(select(heartbeats))]
