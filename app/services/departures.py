"""People who were erased: their sessions, tokens and tickets are signed and stored nowhere, and yet count no more.

What is kept to know it is a keyed digest of the id and a moment, for as long as anything signed before it could live.
"""

import hashlib
import hmac
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.domain.clock import Clock
from app.services.user_tokens import derived_key
from app.store import departures
from app.store.engine import Database

KEPT_FOR = timedelta(hours=9)
"""Longer than whatever is signed for a user."""
_REMEMBERED_FOR = timedelta(seconds=2)
_PURPOSE = "departures"


class Departures:
    """Tells what was signed for somebody before they were erased. An erasure elsewhere counts within two seconds."""

    def __init__(self, database: Database, clock: Clock, *, secret_key: str) -> None:
        self._database = database
        self._clock = clock
        self._key = derived_key(secret_key, _PURPOSE)
        self._turn = threading.Lock()
        self._marks: Mapping[str, datetime] = {}
        self._read_at: datetime | None = None

    def note(self, conn: Connection, user_id: str) -> None:
        """Put somebody down, in the transaction that erases them; `look_again` once it is committed."""
        departures.put(conn, self._mark(user_id), self._clock.now())

    def look_again(self) -> None:
        """Have what was just noted count at once."""
        with self._turn:
            self._read_at = None

    def is_outdated(self, user_id: str, signed_at: datetime) -> bool:
        """Whether something was signed for a user before they were erased. Raises DatabaseUnavailable."""
        left_at = self._known().get(self._mark(user_id))
        return left_at is not None and signed_at < left_at

    def forget_old(self) -> None:
        """Remove what is about nothing that could still be used. Raises DatabaseUnavailable."""
        oldest = self._clock.now() - KEPT_FOR
        old = [mark for mark, left_at in self._known().items() if left_at < oldest]
        if old:
            with self._database.write() as conn:
                departures.forget(conn, old)
            self.look_again()

    def _known(self) -> Mapping[str, datetime]:
        now = self._clock.now()
        # One looks for all that wait.
        with self._turn:
            if self._read_at is None or not timedelta() <= now - self._read_at < _REMEMBERED_FOR:
                with self._database.read() as conn:
                    self._marks = departures.everyone(conn)
                self._read_at = now
            return self._marks

    def _mark(self, user_id: str) -> str:
        return hmac.new(self._key, user_id.encode(), hashlib.sha256).hexdigest()[:32]
