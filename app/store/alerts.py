"""The history of alerts, as the notifications about them tell it.

Notifications about one alert on one channel are numbered in the order in which they were accepted. The alert is open
when the last of them that counts is one that opens it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, String, bindparam, column, select, text, values
from sqlalchemy.types import BigInteger

from app.domain.planning import Place
from app.store.notifications import Brief
from app.store.tables import IS_LIVE_ALERT, IS_OPEN_ALERT, notifications

_N = notifications.c
_LOCK_NUMBER = 0x414C52
_LOCKS = 256
_MOST_AT_ONCE = 500
_AFTER_ALL = 2**62
_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
_unfinished = (
    select(_N.id, _N.alert_key, _N.alert_step, _N.closes_alert, _N.status, _N.next_at)
    .where(IS_OPEN_ALERT, _N.channel == bindparam("channel_name"), _N.alert_key.in_(_KEYS))
    .order_by(_N.alert_step)
)
_history = notifications.alias("history")
_H = _history.c


Step = tuple[str, str, int]
"""A channel, the key of an alert on it, and a number in its history."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last notification that counts in the history of an alert."""

    step: int
    closes: bool
    target: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A notification about an alert that has not ended."""

    id: str
    alert_key: str
    step: int
    closes: bool
    status: str
    next_at: datetime


def lock(conn: Connection, keys: Iterable[str]) -> None:
    """Keep others from adding to the history of these alerts until the transaction ends; SQLite has one writer anyway.

    The locks are few, however many alerts there are, since the server has room for so many only.
    """
    if conn.dialect.name == "sqlite":
        return
    for number in sorted({int(key[-2:], 16) % _LOCKS for key in keys}):
        conn.execute(text("SELECT pg_advisory_xact_lock(:class, :number)"), {"class": _LOCK_NUMBER, "number": number})


def last(conn: Connection, places: Collection[Place]) -> dict[Place, Last]:
    """Where the history of each of these alerts stands; those without one are left out."""
    found = last_before(conn, [(*place, _AFTER_ALL) for place in places])
    return {(channel, key): state for (channel, key, _), state in found.items()}


def last_before(conn: Connection, wanted: Sequence[Step]) -> dict[Step, Last]:
    """The same, as it stood before a step: one look into an index for each, however long its history is."""
    found: dict[Step, Last] = {}
    for start in range(0, len(wanted), _MOST_AT_ONCE):
        asked = (
            values(column("on_channel", String), column("about", String), column("before", BigInteger), name="asked")
            .data(list(wanted[start : start + _MOST_AT_ONCE]))
            .cte()
        )
        newest = (
            select(_H.id)
            .where(
                IS_LIVE_ALERT,  # inside a subquery its names are those of the subquery's own table
                _H.channel == asked.c.on_channel,
                _H.alert_key == asked.c.about,
                _H.alert_step < asked.c.before,
            )
            .order_by(_H.alert_step.desc())
            .limit(1)
            .correlate(asked)
            .scalar_subquery()
        )
        state = select(asked, _N.alert_step, _N.closes_alert, _N.target)
        rows = conn.execute(state.select_from(asked).join(notifications, _N.id == newest))
        found |= {(row[0], row[1], row[2]): Last(*row[3:]) for row in rows}
    return found


def unfinished(conn: Connection, channel: str, keys: Collection[str]) -> list[Unfinished]:
    """All that has not ended in the history of these alerts, in its order."""
    return [Unfinished(*row) for row in conn.execute(_unfinished, {"channel_name": channel, "keys": list(keys)})]


def that_open_anew(conn: Connection, briefs: Iterable[Brief]) -> set[str]:
    """Those of these notifications whose alert was over, or about to be, when they came."""
    steps = {step_of(brief): brief.id for brief in briefs if brief.alert_step is not None}
    return {steps[step] for step, state in last_before(conn, list(steps)).items() if state.closes}


def step_of(brief: Brief) -> Step:
    """Where a notification stands in the history of its alert."""
    return brief.channel, brief.alert_key or "", brief.alert_step or 0
