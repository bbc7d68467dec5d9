"""Sealing the audit log: each entry gets a link of a hash chain, a little after it was written.

Links are made before the transaction that adds them, since hashing there would make every writer wait on SQLite. If
somebody else has added some meanwhile, those that were made are dropped, and the entries come next time.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, exists, func, insert, select, text

from app.store import audit as log
from app.store.tables import audit, audit_chain

_LOCK_NUMBER = 0x5EA1
# On PostgreSQL a number may be handed out long before its transaction commits; sealing looks back for latecomers.
_LOOK_BACK = 5_000
_add = insert(audit_chain)


@dataclass(frozen=True, slots=True)
class Link:
    """The seal of one entry: `hash` is made of the entry and of `prev`, the hash of the link before."""

    seq: int
    audit_id: int
    prev: str
    hash: str


def next_links(conn: Connection, limit: int) -> list[Link]:
    """Links for up to `limit` entries that have none yet."""
    newest = conn.execute(select(func.max(audit_chain.c.audit_id))).scalar() or 0
    after = newest - (0 if conn.dialect.name == "sqlite" else _LOOK_BACK)
    last, prev = _last(conn)
    unsealed = ~exists().where(audit_chain.c.audit_id == audit.c.id, audit_chain.c.audit_id > after)
    statement = select(audit).where(audit.c.id > after, unsealed).order_by(audit.c.id).limit(limit)
    links: list[Link] = []
    for seq, entry in enumerate(log.entries_of(conn.execute(statement)), last + 1):
        links.append(Link(seq, entry.id, prev, log.hash_of(prev, entry)))
        prev = links[-1].hash
    return links


def add(conn: Connection, links: Sequence[Link]) -> bool:
    """Add links to the chain; false when it has grown since they were made. Needs a write transaction."""
    if conn.dialect.name != "sqlite":
        conn.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
    last, prev = _last(conn)
    if (links[0].seq, links[0].prev) != (last + 1, prev):
        return False
    conn.execute(_add, [asdict(link) for link in links])
    return True


def _last(conn: Connection) -> tuple[int, str]:
    """Number and hash of the last link."""
    head = select(func.max(audit_chain.c.seq)).scalar_subquery()
    row = conn.execute(select(audit_chain.c.seq, audit_chain.c.hash).where(audit_chain.c.seq == head)).one_or_none()
    return (row.seq, row.hash) if row else (0, "")
