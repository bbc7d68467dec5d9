"""What else there is about the subjects of notifications that only tell how far something is."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Protocol

from sqlalchemy import Connection, func, select
from sqlalchemy.sql import ColumnElement

from app.domain.courses import Position
from app.domain.events import moves, moving_family
from app.domain.ids import new_id
from app.store.tables import events, notifications

_N = notifications.c
_LOOK_BACK = timedelta(hours=1)
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
    told: defaultdict[tuple[str, str, str | None], list[Position]] = defaultdict(list)
    for place, position in _positions(conn, moving):
        told[place].append(position)
    return {row.id for row in moving if _is_overtaken(row.id, told[row.user_id, row.channel, row.subject_key])}


def _positions(conn: Connection, moving: Collection[Subject]) -> list[tuple[tuple[str, str, str | None], Position]]:
    first = min(row.id for row in moving)
    created = conn.execute(select(func.min(_N.created_at)).where(_N.id == first)).scalar()
    if created is None:
        return []
    about: tuple[ColumnElement[bool], ...] = (
        _N.user_id.in_({row.user_id for row in moving}),
        # Ids grow with the time.
        _N.id >= new_id("ntf", created - _LOOK_BACK),
        _N.channel.in_({row.channel for row in moving}),
        _N.subject_key.in_({row.subject_key for row in moving}),
        _N.type.in_(sorted({name for row in moving for name in moving_family(row.type)})),
        _N.status.in_(_COUNTS),
    )
    columns = (_N.user_id, _N.channel, _N.subject_key, _N.id, _N.type, _N.sequence, events.c.occurred_at)
    found = select(*columns).join(events, events.c.id == _N.event_id).where(*about)
    return [((user, channel, subject), Position(*rest)) for user, channel, subject, *rest in conn.execute(found)]


def _is_overtaken(id_: str, told: Sequence[Position]) -> bool:
    own = next((position for position in told if position.id == id_), None)
    return own is not None and any(other.is_after(own) for other in told if other is not own)
