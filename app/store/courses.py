"""What else there is about the subjects of notifications that only tell how far something is."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, func, select
from sqlalchemy.sql import ColumnElement

from app.domain.courses import Position
from app.domain.events import moves, moving_family
from app.domain.ids import new_id
from app.store.tables import events, notifications

_N = notifications.c
_LOOK_BACK = timedelta(hours=1)
Place = tuple[str, str]
"""A user and a channel."""
_Course = tuple[str, str, str | None]
_COUNTS = ("pending", "held", "sending", "retrying", "delivered", "digested")


class Subject(Protocol):
    """A notification, as far as its subject's course is concerned."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def user_id(self) -> str:
        """Whom it is for."""

    @property
    def type(self) -> str:
        """What it tells."""

    @property
    def channel(self) -> str:
        """Where it goes."""

    @property
    def subject_key(self) -> str | None:
        """What it is about."""


def outdated(conn: Connection, rows: Sequence[Subject]) -> set[str]:
    """Which of these only tell how far something is, when another on its way, or told, says more about it.

    That other may have come up to an hour before.
    """
    moving = [row for row in rows if moves(row.type) and row.subject_key is not None]
    if not moving:
        return set()
    first = min(row.id for row in moving)
    began = conn.execute(select(func.min(_N.created_at)).where(_N.id == first)).scalar()
    if began is None:
        return set()
    about = ({row.user_id for row in moving}, {row.channel for row in moving}, {row.subject_key for row in moving})
    told = _told(conn, *about, {row.type for row in moving}, began)
    return {row.id for row in moving if _is_overtaken(row.id, told.get(_place(row), ()))}


def overtaken_places(
    conn: Connection, position: Position, subject_key: str | None, places: Collection[Place], now: datetime
) -> set[Place]:
    """At which of these places something says more about the subject than that position, which is not stored."""
    if not places or subject_key is None or not moves(position.type):
        return set()
    users, channels = {user_id for user_id, _ in places}, {channel for _, channel in places}
    told = _told(conn, users, channels, {subject_key}, {position.type}, now)
    return {place[:2] for place, others in told.items() if any(other.is_after(position) for other in others)}


def _told(
    conn: Connection,
    users: Collection[str],
    channels: Collection[str],
    subjects: Collection[str | None],
    types: Collection[str],
    began: datetime,
) -> Mapping[_Course, Sequence[Position]]:
    about: tuple[ColumnElement[bool], ...] = (
        _N.user_id.in_(users),
        # Ids grow with the time.
        _N.id >= new_id("ntf", began - _LOOK_BACK),
        _N.channel.in_(channels),
        _N.subject_key.in_(subjects),
        _N.type.in_(sorted({name for type_ in types for name in moving_family(type_)})),
        _N.status.in_(_COUNTS),
    )
    columns = (
        _N.user_id,
        _N.channel,
        _N.subject_key,
        _N.id,
        _N.type,
        _N.sequence,
        events.c.occurred_at,
        _N.fingerprint,
    )
    found = select(*columns).join(events, events.c.id == _N.event_id).where(*about)
    told: defaultdict[_Course, list[Position]] = defaultdict(list)
    for user_id, channel, subject_key, *rest in conn.execute(found):
        told[user_id, channel, subject_key].append(Position(*rest))
    return told


def _place(row: Subject) -> _Course:
    return row.user_id, row.channel, row.subject_key


def _is_overtaken(id_: str, told: Sequence[Position]) -> bool:
    own = next((position for position in told if position.id == id_), None)
    return own is not None and any(other.is_after(own) for other in told)
