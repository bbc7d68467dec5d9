"""Messages that are changed while something is under way: which one it is, and that one change follows another."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, text

from app.domain.events import moves, moving_family
from app.domain.ids import new_id
from app.store.notifications import Brief
from app.store.tables import IS_SENDING, attempts, notifications

_N = notifications.c
_A = attempts.c
_LOCK_NUMBER = 0xED17
_LOOK_BACK = timedelta(days=7)
_lock = text("SELECT pg_advisory_xact_lock(:class, :number)")


def take_turns(conn: Connection, briefs: Collection[Brief], now: datetime) -> set[str]:
    """Those of these about whose subject another one is being sent just now: they would cross each other.

    Until the end of the transaction nobody else may ask about these subjects.
    """
    about = {_subject(brief) for brief in briefs if brief.subject_key is not None and moving_family(brief.type)}
    if not about:
        return set()
    if conn.dialect.name != "sqlite":
        for number in sorted(_number(subject) for subject in about):
            conn.execute(_lock, {"class": _LOCK_NUMBER, "number": number})
    columns = (_N.user_id, _N.channel, _N.subject_key, _N.type)
    users = {user_id for user_id, _, _ in about}
    sending = select(*columns).where(IS_SENDING, _N.lease_until >= now, _N.user_id.in_(users))
    busy = {tuple(row[:3]) for row in conn.execute(sending) if moving_family(row.type)}
    crossing = set()
    for brief in sorted(briefs, key=lambda brief: brief.id):
        if moving_family(brief.type):
            if _subject(brief) in busy:
                crossing.add(brief.id)
            busy.add(_subject(brief))
    return crossing


def references(conn: Connection, briefs: Collection[Brief], now: datetime) -> Mapping[str, str]:
    """The receiver's reference of the message that each of these changes; what begins something has none.

    What ended is not changed any more, nor is what went elsewhere.
    """
    about = [brief for brief in briefs if brief.subject_key is not None and moving_family(brief.type)]
    if not about:
        return {}
    columns = (_N.user_id, _N.channel, _N.subject_key, _N.type, _N.target, _A.provider_ref)
    told = (
        select(*columns)
        .join(attempts, _A.notification_id == _N.id)
        .where(
            _N.user_id.in_({brief.user_id for brief in about}),
            _N.id >= new_id("ntf", now - _LOOK_BACK),
            _N.channel.in_({brief.channel for brief in about}),
            _N.subject_key.in_({brief.subject_key for brief in about}),
            _N.type.in_(sorted({name for brief in about for name in moving_family(brief.type)})),
            _N.status == "delivered",
            _A.outcome == "delivered",
            _A.provider_ref.is_not(None),
        )
        .order_by(_N.delivered_at, _N.id)
    )
    last = {tuple(row[:3]): row for row in conn.execute(told)}
    found = {brief.id: last.get(_subject(brief)) for brief in about}
    targets = {brief.id: brief.target for brief in about}
    return {
        id_: row.provider_ref
        for id_, row in found.items()
        if row is not None and moves(row.type) and row.target == targets[id_]
    }


def _subject(brief: Brief) -> tuple[str, str, str | None]:
    return brief.user_id, brief.channel, brief.subject_key


def _number(subject: tuple[str, str, str | None]) -> int:
    named = "\n".join(part or "" for part in subject)
    return int.from_bytes(hashlib.sha256(named.encode("utf-8", "replace")).digest()[:4], signed=True)
