"""Claims and outcomes: the only gate to the network, and the record of what came of it.

The statements are built once: building one costs SQLAlchemy more than running it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Boolean, Connection, bindparam, delete, insert, or_, select, tuple_, update

from app.domain.notifications import Status
from app.store.erasure import being_erased
from app.store.notifications import Moved
from app.store.tables import UtcTime, attempts, notifications
from channels.base import Contact

_N = notifications.c
_A = attempts.c
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_NOW = bindparam("now", type_=UtcTime)
_is_due = or_(
    _N.status.in_(("pending", "retrying")) & (_N.next_at <= _NOW),
    # Whoever held it is gone.
    (_N.status == "sending") & (_N.lease_until < _NOW),
)
_claim = (
    update(notifications)
    .where(
        _N.id.in_(_IDS),
        _N.expires_at > _NOW,
        _N.attempts < bindparam("most"),
        _is_due,
        _N.cancel_requested_at.is_(None),
    )
    .values(
        status="sending",
        reason=None,
        fence=_N.fence + 1,
        attempts=_N.attempts + bindparam("opening"),
        lease_until=bindparam("lease_end", type_=UtcTime),
        updated_at=_NOW,
    )
    .returning(_N.id, _N.fence, _N.attempts, _N.content, _N.announced_at)
)
# In the order of their ids, so that two workers that hold some of the same rows do not wait for each other in a circle.
_held = select(_N.id, _N.fence).where(_N.id.in_(_IDS), _N.status == "sending").order_by(_N.id).with_for_update()
# Locked, so that nobody can take it back between this look and the outcome.
_marked = (
    select(_N.id, _N.reason, being_erased().label("erased"))
    .where(_N.id.in_(_IDS), _N.status == "sending", _N.cancel_requested_at.is_not(None))
    .order_by(_N.id)
    .with_for_update(of=notifications)
)
_GOES_ON = ("retrying", "pending")
_free = select(_N.id).where(_N.id.in_(_IDS)).with_for_update(skip_locked=True)
_count_attempt = update(notifications).where(_N.id.in_(_IDS)).values(attempts=_N.attempts + 1)
_begin_attempts = insert(attempts)


@dataclass(frozen=True, slots=True)
class Claim:
    """A notification that this worker alone may send until its lease ends."""

    id: str
    fence: int
    attempts: int
    """How many attempts it has had, the one that is open included."""
    content: dict[str, Any] | None
    announced_at: datetime | None
    opened: bool = False
    """Whether the last of them was opened under this claim."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a claim. `result` is the attempt's outcome, None when nothing was attempted."""

    claim: Claim
    status: Status
    reason: str | None = None
    result: str | None = None
    http_status: int | None = None
    detail: str | None = None
    provider_ref: str | None = None
    ended_at: datetime | None = None
    next_at: datetime | None = None
    announced_at: datetime | None = None
    possible_duplicate: bool = False
    disables: bool = False
    """The contact is not to be used again."""
    contact: Contact | None = None
    """What it was sent to, where the result says something about that."""
    was_in_trouble: bool = False
    """The contact did not take what was sent there before."""


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt that began and never ended, because its worker died."""

    id: str
    number: int


def claim(
    conn: Connection,
    ids: Sequence[str],
    *,
    now: datetime,
    lease_until: datetime,
    most_attempts: int,
    opening: bool = False,
) -> list[Claim]:
    """Take the lease on those of these that are due and have an attempt left, in the order given.

    With `opening` the next attempt of each is counted; `begin_attempts` then puts them on record.
    """
    if len(ids) > 1 and conn.dialect.name != "sqlite":
        # A row that is locked is in somebody's hands already; waiting for it, while holding others, could be a circle.
        free = set(conn.execute(_free, {"ids": list(ids)}).scalars())
        ids = [id_ for id_ in ids if id_ in free]
        if not ids:
            return []
    rows = conn.execute(
        _claim,
        {"ids": list(ids), "now": now, "lease_end": lease_until, "most": most_attempts, "opening": int(opening)},
    ).all()
    place = {id_: index for index, id_ in enumerate(ids)}
    return sorted(
        (Claim(row.id, row.fence, row.attempts, row.content, row.announced_at, opening) for row in rows),
        key=lambda claim: place[claim.id],
    )


def without_attempts_left(conn: Connection, ids: Sequence[str], most_attempts: int, now: datetime) -> list[Moved]:
    """Close those of these that are due and have had all the attempts there are, as after a plan was shortened."""
    spent = select(_N.id).where(
        _N.id.in_(ids), _N.status.in_(("pending", "retrying")), _N.next_at <= now, _N.attempts >= most_attempts
    )
    if conn.dialect.name != "sqlite":
        # As in a claim: what is locked is in somebody's hands, and waiting for it could be a circle.
        spent = spent.with_for_update(skip_locked=True)
    rows = conn.execute(
        update(notifications)
        .where(_N.id.in_(spent))
        .values(status="failed", reason="attempts_exhausted", updated_at=now, announced_at=None)
        .returning(_N.id, _N.type, _N.channel, _N.created_at)
    )
    return [Moved(*row) for row in rows]


def holds(conn: Connection, claimed: Claim) -> bool:
    """Whether the claim is still ours."""
    statement = select(_N.id).where(_N.id == claimed.id, _N.fence == claimed.fence, _N.status == "sending")
    return conn.execute(statement.with_for_update()).one_or_none() is not None


def open_attempt(conn: Connection, claimed: Claim, now: datetime) -> Claim:
    """Begin the next attempt of a claim that has none open; returns the claim with it counted."""
    conn.execute(_count_attempt, {"ids": [claimed.id]})
    begun = replace(claimed, attempts=claimed.attempts + 1, opened=True)
    begin_attempts(conn, [begun], now)
    return begun


def begin_attempts(conn: Connection, claims: Sequence[Claim], now: datetime) -> None:
    """Put on record that the attempts counted in these claims begin now."""
    if claims:
        conn.execute(
            _begin_attempts, [{"notification_id": c.id, "number": c.attempts, "started_at": now} for c in claims]
        )


def close_lost(conn: Connection, claims: Sequence[Claim], now: datetime, *, exactly_once: bool) -> list[Lost]:
    """End the attempts that earlier holders of these claims left open, as unknown.

    Unless the channel is exactly-once, the notification is marked as a possible duplicate. Call it before you open new
    ones.
    """
    again = [claim.id for claim in claims if claim.fence > 1]
    return close_open_attempts(conn, again, now, mark=not exactly_once) if again else []


def close_open_attempts(conn: Connection, ids: Sequence[str], now: datetime, *, mark: bool) -> list[Lost]:
    """End the open attempts of these notifications as unknown."""
    rows = conn.execute(
        update(attempts)
        .where(_A.notification_id.in_(ids), _A.ended_at.is_(None))
        .values(ended_at=now, outcome="unknown", detail="the worker stopped before it could record the answer")
        .returning(_A.notification_id, _A.number)
    ).all()
    lost = [Lost(*row) for row in rows]
    if lost and mark:
        conn.execute(update(notifications).where(_N.id.in_([one.id for one in lost])).values(possible_duplicate=True))
    return lost


_settle = (
    update(notifications)
    .where(_N.id == bindparam("row"), _N.status == "sending", _N.fence == bindparam("held_fence"))
    .values(
        status=bindparam("new_status"),
        reason=bindparam("new_reason"),
        attempts=bindparam("counted"),
        next_at=bindparam("due_at"),
        announced_at=bindparam("announced"),
        delivered_at=bindparam("delivered"),
        possible_duplicate=or_(_N.possible_duplicate, bindparam("doubtful", type_=Boolean)),
        lease_until=None,
        updated_at=bindparam("at"),
    )
)
_end_attempt = (
    update(attempts)
    .where(_A.notification_id == bindparam("row"), _A.number == bindparam("counted"))
    .values(
        ended_at=bindparam("ended"),
        outcome=bindparam("result"),
        http_status=bindparam("http"),
        detail=bindparam("said"),
        provider_ref=bindparam("ref"),
    )
)


def settle(conn: Connection, outcomes: Sequence[Outcome], now: datetime) -> list[Outcome]:
    """Record outcomes of claims whose lease still holds, and return those; the others lost theirs and change nothing.

    A claim that goes back unsent loses the attempt that was opened for it.
    """
    kept = outcomes if len(outcomes) == 1 else _still_held(conn, outcomes)
    if not kept:
        return []
    kept = _without_cancelled(conn, kept)
    changed = conn.execute(_settle, [_settled(outcome, now) for outcome in kept])
    if changed.rowcount == 0:
        return []
    unsent = [outcome.claim for outcome in kept if outcome.result is None and outcome.claim.opened]
    if unsent:
        pairs = [(claimed.id, claimed.attempts) for claimed in unsent]
        conn.execute(delete(attempts).where(tuple_(_A.notification_id, _A.number).in_(pairs)))
    ended = [outcome for outcome in kept if outcome.result is not None]
    if ended:
        conn.execute(
            _end_attempt,
            [
                {
                    "row": outcome.claim.id,
                    "counted": outcome.claim.attempts,
                    "ended": outcome.ended_at,
                    "result": outcome.result,
                    "http": outcome.http_status,
                    "said": outcome.detail,
                    "ref": outcome.provider_ref,
                }
                for outcome in ended
            ],
        )
    return list(kept)


def _still_held(conn: Connection, outcomes: Sequence[Outcome]) -> list[Outcome]:
    rows = conn.execute(_held, {"ids": [outcome.claim.id for outcome in outcomes]})
    fences = {row.id: row.fence for row in rows}
    return [outcome for outcome in outcomes if fences.get(outcome.claim.id) == outcome.claim.fence]


def _without_cancelled(conn: Connection, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """What would go on, but was taken back while it was being sent, ends here."""
    going_on = [outcome.claim.id for outcome in outcomes if outcome.status in _GOES_ON]
    rows = conn.execute(_marked, {"ids": going_on}).all() if going_on else ()
    reasons = {row.id: "erased" if row.erased else row.reason or "requested" for row in rows}
    return [
        replace(outcome, status="cancelled", reason=reasons[outcome.claim.id], next_at=None, announced_at=None)
        if outcome.claim.id in reasons and outcome.status in _GOES_ON
        else outcome
        for outcome in outcomes
    ]


def _settled(outcome: Outcome, now: datetime) -> dict[str, Any]:
    return {
        "row": outcome.claim.id,
        "held_fence": outcome.claim.fence,
        "new_status": outcome.status,
        "new_reason": outcome.reason,
        "counted": outcome.claim.attempts - (outcome.result is None and outcome.claim.opened),
        "due_at": outcome.next_at or now,
        "announced": outcome.announced_at,
        "delivered": outcome.ended_at if outcome.status == "delivered" else None,
        "doubtful": outcome.possible_duplicate,
        "at": now,
    }
