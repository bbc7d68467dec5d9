"""What is held for somebody's sake: rows whose wait has ended, by person and channel, and the digests made of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select, text, tuple_, update

from app.domain.digests import Held
from app.store.notifications import Moved, lock_in_order
from app.store.tables import IS_DIGESTED, IS_HELD, IS_WAITING, notifications

_N = notifications.c
_LOCK_NUMBER = 0xD16E57
TOGETHER = ("quiet_hours", "digest", "muted", "rate_limited")
"""What waits for one of these reasons may go out as one message with others."""
PLANNED = (*TOGETHER, "scheduled")
"""What waits for one of these reasons is looked at once more before it goes; everything else just goes on."""
_AT_ITS_OWN_PACE = ("quiet_hours", "digest", "muted")
Place = tuple[str, str]
"""A user and a channel."""


@dataclass(frozen=True, slots=True)
class Member:
    """A notification that goes out as part of a digest."""

    id: str
    event_id: str | None
    type: str
    priority: str
    subject_key: str | None
    duplicates: int
    created_at: datetime
    expires_at: datetime


_HELD = [_N[name] for name in Held.__slots__]
_MEMBER = [_N[name] for name in Member.__slots__]


def take_turn(conn: Connection) -> bool:
    """Whether nobody else makes digests at this moment; nobody does then until the end of the transaction.

    Two relays that did it at once would make two digests of what belongs into one. SQLite has one writer anyway.
    """
    if conn.dialect.name == "sqlite":
        return True
    return bool(conn.execute(text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER}).scalar())


def due_places(conn: Connection, now: datetime, rows: int) -> list[Place]:
    """For whom, and on which channels, something planned is due; found among the `rows` that wait the longest."""
    due = (IS_WAITING, _N.status == "held", _N.reason.in_(PLANNED), _N.next_at <= now)
    first = select(_N.user_id, _N.channel).where(*due).order_by(_N.next_at).limit(rows).subquery()
    return [(row.user_id, row.channel) for row in conn.execute(select(first.c.user_id, first.c.channel).distinct())]


def due(conn: Connection, places: Sequence[Place], now: datetime, most: int) -> list[Held]:
    """What goes out at these places now, in the order of people, channels and age: what is due, and all over a limit.

    What somebody else has locked, who may be cancelling it, is left out.
    """
    chosen = (
        select(*_HELD)
        .where(
            IS_HELD,
            tuple_(_N.user_id, _N.channel).in_(places),
            or_(and_(_N.reason.in_(PLANNED), _N.next_at <= now), _N.reason == "rate_limited"),
        )
        .order_by(_N.user_id, _N.channel, _N.id)
        .limit(most)
    )
    if conn.dialect.name != "sqlite":
        chosen = chosen.with_for_update(skip_locked=True)
    return [Held(*row) for row in conn.execute(chosen)]


def wait_on(conn: Connection, ids: Sequence[str], reason: str, until: datetime, now: datetime) -> list[Moved]:
    """Let what is held wait for something else, or longer."""
    return _move(conn, ids, {"reason": reason, "next_at": until, "updated_at": now})


def let_go(conn: Connection, ids: Sequence[str], now: datetime) -> list[Moved]:
    """Let what is held go on as itself; it is announced as backlog."""
    return _move(conn, ids, {"status": "pending", "reason": None, "announced_at": None, "updated_at": now})


def put_into(conn: Connection, ids: Sequence[str], digest_id: str, now: datetime) -> list[Moved]:
    """End what is held as part of a digest."""
    return _move(conn, ids, {"status": "digested", "reason": None, "digest_id": digest_id, "updated_at": now})


def members(conn: Connection, digest_ids: Iterable[str]) -> dict[str, list[Member]]:
    """What each of these digests carries, oldest first."""
    found: dict[str, list[Member]] = {id_: [] for id_ in digest_ids}
    chosen = select(_N.digest_id, *_MEMBER).where(IS_DIGESTED, _N.digest_id.in_(list(found))).order_by(_N.id)
    for digest_id, *row in conn.execute(chosen):
        found[digest_id].append(Member(*row))
    return found


def first_of(conn: Connection, digest_id: str) -> str:
    """The digest that a replay sends again, however often that was done: its members name that one."""
    while (before := conn.execute(select(_N.replay_of).where(_N.id == digest_id)).scalar()) is not None:
        digest_id = before
    return digest_id


def look_again(conn: Connection, user_id: str | None, now: datetime) -> None:
    """Let everything that waits for a wish of this user, None: of anybody, be looked at now: it may have changed."""
    whose = () if user_id is None else (_N.user_id == user_id,)
    at_a_wish = or_(_N.reason.in_(_AT_ITS_OWN_PACE), _N.fallback)
    waiting = select(_N.id).where(IS_HELD, *whose, at_a_wish).order_by(_N.id)
    if conn.dialect.name != "sqlite":
        # What is locked is being released or cancelled just now.
        waiting = waiting.with_for_update(skip_locked=True)
    conn.execute(update(notifications).where(_N.id.in_(waiting), _N.next_at > now).values(next_at=now))


def _move(conn: Connection, ids: Sequence[str], values: dict[str, object]) -> list[Moved]:
    lock_in_order(conn, ids)
    rows = conn.execute(
        update(notifications)
        .where(_N.id.in_(ids), _N.status == "held")
        .values(**values)
        .returning(_N.id, _N.type, _N.channel, _N.created_at)
    )
    return [Moved(*row) for row in rows]
