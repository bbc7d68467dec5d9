"""Changing SECRET_KEY: everything that was sealed with the old one is sealed anew with another.

At every moment each secret is readable with the new key: the old one is put on a ring that only the new one opens
before the first secret is touched, and taken off when none is left. So it may be killed anywhere, and run again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from app.domain.clock import Clock
from app.store import audit, keyring, link_key, people
from app.store.engine import Database
from app.store.keyring import Ring
from app.store.secretbox import SecretBox, WrongSecretKey

_SLICE = 200
_OBJECT = "secret_key"


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many secrets were sealed anew, and whose could be read with no key."""

    count: int
    lost: tuple[str, ...]


class SecretRotation:
    """The steps from one key to another: begin, reseal, finish."""

    def __init__(self, database: Database, clock: Clock, *, stage: Callable[[str], None]) -> None:
        """`stage` is told each point a drill may stop the process at."""
        self._database = database
        self._clock = clock
        self._stage = stage

    def ring(self) -> Ring | None:
        """How far the last rotation came; None if there was never one."""
        with self._database.read() as conn:
            return keyring.read(conn)

    def begin(self, old_key: str, new_key: str, *, gently: bool, actor: str) -> None:
        """Make the new key the one that counts; processes with the old one can seal no more, unless `gently`.

        Does nothing when this was done before. Raises WrongSecretKey if the old key is not the one in use.
        """
        old, new = self._box(old_key), self._box(new_key)
        with self._database.write() as conn:
            ring = keyring.read_to_change(conn)
            if ring is not None and ring.current == new.key_id:
                if ring.accepted and not gently:
                    keyring.put(conn, Ring(new.key_id, before=ring.before))
                return
            keyring.check(conn, old)
            if old.key_id == new.key_id:
                return
            accepted = (old.key_id, *(ring.accepted if ring else ())) if gently else ()
            keyring.put(conn, Ring(new.key_id, accepted, new.wrap(old)))
            audit.record(conn, [audit.Entry(self._clock.now(), actor, "secret_key.rotate", _OBJECT)])

    def count(self) -> int:
        """How many secrets there are."""
        with self._database.read() as conn:
            return people.count_sealed(conn) + (link_key.sealed(conn) is not None)

    def reseal(self, key: str, seen: Callable[[int], None]) -> Resealed:
        """Seal with this key what is under an older one, in slices; `seen` is told how many were looked at so far."""
        box, looked_at, count = self._box(key), 0, 0
        lost: list[str] = []
        last: people.Sealed | None = None
        while True:
            with self._database.read() as conn:
                rows = people.sealed_after(conn, last, _SLICE)
            if not rows:
                count += self._reseal_link_key(box)
                return Resealed(count, tuple(lost))
            fresh: list[tuple[people.Sealed, str]] = []
            for row in rows:
                try:
                    sealed = box.reseal(row.secret)
                except WrongSecretKey:
                    lost.append(row.user_id)
                    continue
                if sealed is not None:
                    fresh.append((row, sealed))
            if fresh:
                with self._database.write() as conn:
                    people.reseal(conn, fresh)
                count += len(fresh)
                self._stage("after_reseal")
            looked_at += len(rows)
            seen(looked_at)
            last = rows[-1]

    def _reseal_link_key(self, box: SecretBox) -> int:
        """The key of the links in mails, which work on; whether it was under an older one."""
        with self._database.read() as conn:
            old = link_key.sealed(conn)
        if old is None:
            return 0
        try:
            new = box.reseal(old)
        except WrongSecretKey:
            with self._database.write() as conn:
                link_key.forget(conn, old)
            return 0
        if new is None:
            return 0
        with self._database.write() as conn:
            link_key.reseal(conn, old, new)
        return 1

    def finish(self, key: str, done: Resealed, *, actor: str) -> None:
        """Forget the older keys."""
        box = self._box(key)
        with self._database.write() as conn:
            ring = keyring.read_to_change(conn)
            if ring is None or not ring.is_unfinished or ring.current != box.key_id:
                return
            keyring.put(conn, Ring(box.key_id))
            detail = {"resealed": done.count, "lost": len(done.lost)}
            audit.record(conn, [audit.Entry(self._clock.now(), actor, "secret_key.rotated", _OBJECT, detail)])

    def _box(self, key: str) -> SecretBox:
        return SecretBox(key, partial(keyring.wrapped_before, self._database))
