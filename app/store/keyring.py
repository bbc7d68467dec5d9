"""Which SECRET_KEY the secrets in the database are sealed with, and which may still seal; a row beside them says it.

There is no such row before the first rotation. The keys that were used before are in it as long as a rotation is under
way, sealed with the new one.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select, text

from app.store import link_key, people
from app.store.engine import Database
from app.store.secretbox import SecretBox, WrongSecretKey
from app.store.tables import markers

_NAME = "secret_key"
_LOCK_NUMBER = 0x5EC2


@dataclass(frozen=True, slots=True)
class Ring:
    """The id of the key that counts, those of older ones that may seal all the same, and the wrapped older keys."""

    current: str
    accepted: Sequence[str] = ()
    before: str | None = None

    @property
    def is_unfinished(self) -> bool:
        """Whether something may still be sealed with an older key."""
        return self.before is not None


def read(conn: Connection) -> Ring | None:
    """The ring, or None if there was never a rotation."""
    found = conn.execute(select(markers.c.value).where(markers.c.name == _NAME)).scalar()
    return None if found is None else Ring(**json.loads(found))


def read_to_change(conn: Connection) -> Ring | None:
    """The same, and it stays so until this transaction ends; what is being sealed under it is committed before."""
    if conn.dialect.name != "sqlite":
        conn.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
    return read(conn)


def put(conn: Connection, ring: Ring) -> None:
    """Store the ring. Call `read_to_change` first."""
    conn.execute(delete(markers).where(markers.c.name == _NAME))
    conn.execute(insert(markers), {"name": _NAME, "value": json.dumps(asdict(ring))})


def wrapped_before(database: Database) -> str | None:
    """The wrapped older keys, for a SecretBox to look up."""
    with database.read() as conn:
        ring = read(conn)
    return None if ring is None else ring.before


def admit(conn: Connection, box: SecretBox) -> None:
    """Let a transaction go on to store what this box seals. Raises WrongSecretKey if its key has been replaced."""
    if conn.dialect.name != "sqlite":
        # Or a rotation could look for the last old secret just before this transaction commits one.
        conn.execute(text("SELECT pg_advisory_xact_lock_shared(:number)"), {"number": _LOCK_NUMBER})
    ring = read(conn)
    if ring is not None and box.key_id not in {ring.current, *ring.accepted}:
        raise WrongSecretKey("SECRET_KEY: it was rotated; this process has an older one and has to be restarted")


def check(conn: Connection, box: SecretBox) -> None:
    """Return if this box's key is one that processes may work with. Raises WrongSecretKey."""
    ring = read(conn)
    if ring is None:
        box.open(people.some_sealed(conn))
        box.open(link_key.sealed(conn))
    elif box.key_id not in {ring.current, *ring.accepted}:
        raise WrongSecretKey("SECRET_KEY: the secrets in this database are sealed with another one")
