"""Templates of the operators' own, as rows that are only ever added: each is a version, and the last one counts.

A row without sources says that from then on what comes along is in force. Rows are numbered over all places, in the
order in which they were committed, so that one number tells whether anything is new.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, text

from app.store.tables import template_versions

_T = template_versions.c
_LOCK_NUMBER = 0x7E4B
_revision = select(func.coalesce(func.max(_T.revision), 0))
_last = select(func.max(_T.revision)).group_by(_T.type, _T.channel, _T.locale)
_standing = select(template_versions).where(_T.revision.in_(_last), _T.sources.is_not(None)).order_by(_T.revision)

Where = tuple[str, str, str]
"""Type, channel and locale."""


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """What an operator has said at one time, of one place."""

    type: str
    channel: str
    locale: str
    version: int
    sources: Mapping[str, str] | None
    restores: int | None
    """The version that was taken up again with this one."""
    actor: str
    created_at: datetime


def revision(conn: Connection) -> int:
    """A number that grows with every change."""
    newest: int = conn.execute(_revision).scalar_one()
    return newest


def standing(conn: Connection) -> list[TemplateVersion]:
    """The last version of each place, where it is not that there is none."""
    return _versions(conn.execute(_standing))


def history(conn: Connection, where: Where) -> list[TemplateVersion]:
    """Every version of a place, the newest first."""
    rows = select(template_versions).where(_at(where)).order_by(_T.version.desc())
    return _versions(conn.execute(rows))


def latest(conn: Connection, where: Where) -> TemplateVersion | None:
    """The last version of a place."""
    rows = select(template_versions).where(_at(where)).order_by(_T.version.desc()).limit(1)
    return next(iter(_versions(conn.execute(rows))), None)


def lock(conn: Connection) -> None:
    """Let no other change come in between until this transaction ends, a write transaction."""
    if conn.dialect.name != "sqlite":
        conn.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})


def add(conn: Connection, new: TemplateVersion) -> None:
    """Store a version; the caller has the lock."""
    row = {
        "revision": revision(conn) + 1,
        "type": new.type,
        "channel": new.channel,
        "locale": new.locale,
        "version": new.version,
        "sources": None if new.sources is None else dict(new.sources),
        "restores": new.restores,
        "actor": new.actor,
        "created_at": new.created_at,
    }
    conn.execute(insert(template_versions), row)


def _at(where: Where) -> ColumnElement[bool]:
    type_, channel, locale = where
    return and_(_T.type == type_, _T.channel == channel, _T.locale == locale)


def _versions(rows: Iterable[Any]) -> list[TemplateVersion]:
    return [
        TemplateVersion(
            row.type, row.channel, row.locale, row.version, row.sources, row.restores, row.actor, row.created_at
        )
        for row in rows
    ]
