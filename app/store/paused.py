"""Channels that operators have paused, as rows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.store.tables import paused_channels

_P = paused_channels.c
_all = select(_P.channel, _P.paused_at, _P.actor, _P.reason)


@dataclass(frozen=True, slots=True)
class Paused:
    """Since when a channel is paused, by whom, and why, if they said so."""

    channel: str
    at: datetime
    actor: str
    reason: str | None = None


def everything(conn: Connection) -> dict[str, Paused]:
    """The paused channels, by name."""
    return {row.channel: Paused(*row) for row in conn.execute(_all)}


def pause(conn: Connection, wanted: Paused) -> bool:
    """Pause a channel; false when it is paused already, and then that stays as it is."""
    insert = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
    row = {"channel": wanted.channel, "paused_at": wanted.at, "actor": wanted.actor, "reason": wanted.reason}
    # RETURNING, because an INSERT's rowcount is not known on PostgreSQL.
    statement = insert(paused_channels).on_conflict_do_nothing(index_elements=["channel"]).returning(_P.channel)
    return conn.execute(statement, row).scalar() is not None


def resume(conn: Connection, channel: str) -> bool:
    """End a pause; false when there is none."""
    return bool(conn.execute(delete(paused_channels).where(_P.channel == channel)).rowcount)
