"""Where the audit log begins: what was sealed up to an anchor has been purged, and nothing after it can be.

Anchors are only ever added, and the database takes none that is not a link of the chain.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from app.store.tables import audit, audit_anchor, audit_chain

_A = audit_anchor.c
_C = audit_chain.c
_newest = select(_A.seq, _A.hash).order_by(_A.seq.desc()).limit(1)
_past = select(_C.audit_id)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last link that was purged; 0 and no hash when none was."""

    seq: int = 0
    hash: str = ""


def newest(conn: Connection) -> Anchor:
    """Where the log begins now."""
    row = conn.execute(_newest).one_or_none()
    return Anchor(*row) if row else Anchor()


def before(conn: Connection, moment: datetime, limit: int) -> int:
    """How many of the next links, after the anchor and without a gap, are of entries from before a moment.

    The newest link of the chain is never one of them: sealing goes on from it.
    """
    head = select(func.max(_C.seq)).scalar_subquery()
    following = select(audit.c.at).select_from(audit_chain.outerjoin(audit, audit.c.id == _C.audit_id))
    chosen = following.where(_C.seq > newest(conn).seq, _C.seq < head).order_by(_C.seq).limit(limit)
    times = conn.execute(chosen).scalars().all()
    return next((number for number, at in enumerate(times) if at is None or at >= moment), len(times))


def move_to(conn: Connection, start: Anchor, end: Anchor, now: datetime) -> int:
    """Purge what is between two links that were found to be right; how many entries that were.

    Nothing, when the log does not begin at the first of them any more.
    """
    if newest(conn) != start:
        return 0
    conn.execute(insert(audit_anchor).values(seq=end.seq, hash=end.hash, at=now))
    gone = (_C.seq > start.seq, _C.seq <= end.seq)
    conn.execute(delete(audit).where(audit.c.id.in_(_past.where(*gone))))
    return conn.execute(delete(audit_chain).where(*gone)).rowcount
