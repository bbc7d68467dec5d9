"""Sessions of the pages: what a browser keeps in a cookie, in the place of the token it was made from."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.clock import Clock
from app.services.identity import AUDIENCE, Identity, Principal
from app.services.user_tokens import UserTokens, derived_key
from app.store import audit
from app.store.audit_people import person
from app.store.engine import Database

LIFETIME = timedelta(hours=8)
_PURPOSE, _CSRF_PURPOSE = "session", "session csrf"


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody in a browser: `text` is the cookie, and `csrf_token` what each of its writes has to bring along."""

    who: Principal
    text: str
    csrf_token: str


class Sessions:
    """Opens sessions and recognises them. Nothing of them is stored: the cookie is signed."""

    def __init__(self, database: Database, identity: Identity, clock: Clock, *, secret_key: str) -> None:
        self._database = database
        self._identity = identity
        self._clock = clock
        self._csrf_key = derived_key(secret_key, _CSRF_PURPOSE)
        self._texts = UserTokens(
            clock,
            key=derived_key(secret_key, _PURPOSE),
            audience=f"{AUDIENCE} {_PURPOSE}",
            lifetime=LIFETIME,
            fits=bool,
        )

    def open(self, token: str) -> tuple[Session, datetime] | None:
        """A session for whom the token belongs to, and when it ends; None when the token is no good.

        It outlives a user's token, which is gone after minutes; a key's ends with the key. Raises DatabaseUnavailable.
        """
        who = self._identity.authenticate(token)
        if who is None:
            return None
        text, ends_at = self._texts.issue(self._identity.reference(who), who.since)
        with self._database.write() as conn:
            whose = person(who.id) if who.kind == "user" else who.id
            audit.record(conn, [audit.Entry(self._clock.now(), who.actor, "session.opened", whose)])
        return self._session(who, text), ends_at

    def recognise(self, text: str) -> Session | None:
        """The session a cookie stands for, with the rights its owner has by now; None when that is none, or nobody.

        Raises DatabaseUnavailable.
        """
        signed = self._texts.read(text)
        who = None if signed is None else self._identity.current(signed.holder, signed.issued_at)
        return None if who is None else self._session(who, text)

    def _session(self, who: Principal, text: str) -> Session:
        return Session(who, text, hmac.new(self._csrf_key, text.encode(), hashlib.sha256).hexdigest())
