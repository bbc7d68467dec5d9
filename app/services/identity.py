"""Who is asking: service keys, the operator's key from the environment, and users' short-lived tokens."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from app import secret_files
from app.domain.clock import Clock
from app.domain.ids import is_id, new_id
from app.services.departures import Departures
from app.services.user_tokens import Signed, UserTokens, derived_key
from app.store import api_keys, audit
from app.store.api_keys import StoredKey
from app.store.audit_people import person
from app.store.engine import Database

SCOPES = ("events:write", "users:read", "users:write", "admin")
AUDIENCE = "im2-notifications"
TOKEN_LIFETIME = timedelta(minutes=15)
TICKET_LIFETIME = timedelta(seconds=60)
ENVIRONMENT_KEY_ID = "admin"
_KEY = re.compile(r"im2n_(key_[0-9a-f-]{36})_([!-~]{1,128})")
_REMEMBERED_FOR = timedelta(seconds=2)
_MOST_REMEMBERED = 10_000
_TICKET_PURPOSE = "inbox stream"
_MARK_PURPOSE = "operators' key"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request comes from: a service key with its scopes, or a user."""

    kind: Literal["key", "user"]
    id: str
    scopes: frozenset[str] = frozenset()
    since: datetime | None = field(default=None, compare=False)
    """When the token was signed by which a user came in, if it was by one."""

    @property
    def actor(self) -> str:
        """The name under which the audit log knows them."""
        return f"{self.kind}:{self.id}"

    def may(self, scope: str) -> bool:
        """Whether the key has the scope; `admin` includes all of them, and users have none."""
        return scope in self.scopes or "admin" in self.scopes


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; its text can never be read again."""

    id: str
    name: str
    scopes: tuple[str, ...]
    key: str


class Identity:
    """Knows keys and tokens. `secret_key` signs the tokens, `admin_api_key` is an admin key that is in no table."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        departures: Departures,
        *,
        secret_key: str,
        admin_api_key: str | None = None,
    ) -> None:
        self._database = database
        self._departures = departures
        self._clock = clock
        self._tokens = UserTokens(clock, key=secret_key.encode(), audience=AUDIENCE, lifetime=TOKEN_LIFETIME)
        self._tickets = UserTokens(
            clock,
            key=derived_key(secret_key, _TICKET_PURPOSE),
            audience=f"{AUDIENCE} {_TICKET_PURPOSE}",
            lifetime=TICKET_LIFETIME,
        )
        self._environment_digest = _digest(admin_api_key) if admin_api_key else None
        # A cookie can be read by who holds it, and a plain digest could be guessed from.
        mark = hmac.new(derived_key(secret_key, _MARK_PURPOSE), (admin_api_key or "").encode(), hashlib.sha256)
        self._environment_mark = mark.hexdigest()
        self._remembered: dict[str, tuple[datetime, StoredKey]] = {}

    def authenticate(self, token: str) -> Principal | None:
        """Who the token belongs to, or None when it is no good. What happens elsewhere counts within two seconds.

        A revoked key is no good, nor is what was signed for somebody before they were erased.
        """
        digest = _digest(token)
        if self._environment_digest is not None and hmac.compare_digest(digest, self._environment_digest):
            return Principal("key", ENVIRONMENT_KEY_ID, frozenset({"admin"}))
        if token.startswith("im2n_"):
            return self._owner_of_key(token, digest)
        return self._user(self._tokens.read(token))

    def holder_of_ticket(self, ticket: str) -> Principal | None:
        """Whose inbox stream the ticket opens, or None when it is no good. It is good for nothing else."""
        return self._user(self._tickets.read(ticket))

    def reference(self, who: Principal) -> str:
        """What somebody is known by in a session: `current` finds them by it."""
        if who.id == ENVIRONMENT_KEY_ID and who.kind == "key":
            # Another key in the environment is another somebody.
            return f"{who.actor}:{self._environment_mark}"
        return who.actor

    def current(self, reference: str, since: datetime) -> Principal | None:
        """Somebody with the rights they have by now; None once their key is revoked or replaced, or they are erased."""
        kind, _, name = reference.partition(":")
        if kind == "user":
            return self._user(Signed(name, since))
        everything = Principal("key", ENVIRONMENT_KEY_ID, frozenset({"admin"}))
        if self._environment_digest is not None and hmac.compare_digest(reference, self.reference(everything)):
            return everything
        stored = self._look_up(name) if is_id("key", name) else None
        return None if stored is None or stored.revoked_at is not None else _service(stored)

    def is_erased(self, who: Principal) -> bool:
        """Whether a user who got in was erased since what they came with was signed. Raises DatabaseUnavailable."""
        return who.since is not None and self._departures.is_outdated(who.id, who.since)

    def create_key(self, name: str, scopes: Sequence[str], *, actor: str) -> NewKey:
        """Make a service key with some of SCOPES."""
        now = self._clock.now()
        made = _new_key(name, scopes, now)
        with self._database.write() as conn:
            api_keys.add(conn, StoredKey(made.id, made.name, made.scopes, _digest(made.key), now))
            audit.record(conn, [_creation(made, actor, now)])
        return made

    def keys(self) -> list[StoredKey]:
        """All service keys, oldest first."""
        with self._database.read() as conn:
            return api_keys.everything(conn)

    def revoke_key(self, key_id: str, *, actor: str) -> bool:
        """Revoke a key; false when there is no such key in use."""
        now = self._clock.now()
        with self._database.write() as conn:
            revoked = api_keys.revoke(conn, key_id, now)
            if revoked:
                audit.record(conn, [audit.Entry(now, actor, "key.revoked", key_id)])
        self._remembered.pop(key_id, None)
        return revoked

    def issue_user_token(self, user_id: str, *, actor: str) -> tuple[str, datetime]:
        """A token for a user, and when it stops working; who asked for it is on record."""
        with self._database.write() as conn:
            audit.record(conn, [audit.Entry(self._clock.now(), actor, "token.issued", person(user_id))])
        return self._tokens.issue(user_id)

    def issue_ticket(self, user_id: str, *, asked_by: Principal) -> tuple[str, datetime]:
        """A ticket for a user's inbox stream, fit for a URL, and when it stops opening it."""
        return self._tickets.issue(user_id, asked_by.since)

    def ensure_admin_key(self, path: Path) -> str | None:
        """The first admin key, made and written to the file when there is no other way in; None when there is.

        A key that a start before this one could write but not store any more is stored now.
        """
        if self._environment_digest is not None:
            return None
        with self._database.read() as conn:
            if api_keys.any_exists(conn):
                return None
        now = self._clock.now()
        # The file comes first: a key that is stored and nowhere written down would lock everybody out.
        text = secret_files.keep(path, lambda: _new_key("first admin key", ["admin"], now).key)
        form = _KEY.fullmatch(text)
        if form is None:
            raise ValueError(f"{path} holds no key; remove it to have one made")
        made = NewKey(form[1], "first admin key", ("admin",), text)
        with self._database.write() as conn:
            first = StoredKey(made.id, made.name, made.scopes, _digest(text), now)
            # Whoever starts at the same moment has read the same file, so that theirs is this very key.
            if api_keys.any_exists(conn) or not api_keys.add(conn, first):
                return None
            audit.record(conn, [_creation(made, "system:start", now)])
        return text

    def _user(self, signed: Signed | None) -> Principal | None:
        if signed is None:
            return None
        who = Principal("user", signed.holder, since=signed.issued_at)
        return None if self.is_erased(who) else who

    def _owner_of_key(self, token: str, digest: str) -> Principal | None:
        form = _KEY.fullmatch(token)
        if form is None or not is_id("key", form[1]):
            return None
        stored = self._look_up(form[1])
        if stored is None or stored.revoked_at is not None or not hmac.compare_digest(stored.digest, digest):
            return None
        return _service(stored)

    def _look_up(self, key_id: str) -> StoredKey | None:
        now = self._clock.now()
        if remembered := self._remembered.get(key_id):
            since, stored = remembered
            if timedelta() <= now - since < _REMEMBERED_FOR:
                return stored
        with self._database.read() as conn:
            found = api_keys.find(conn, key_id)
        # What is not there is not remembered: a new key works at once, and strangers can't fill the memory.
        if found is not None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[key_id] = (now, found)
        return found


def _service(stored: StoredKey) -> Principal:
    return Principal("key", stored.id, frozenset(stored.scopes))


def _new_key(name: str, scopes: Sequence[str], now: datetime) -> NewKey:
    key_id = new_id("key", now)
    return NewKey(key_id, name, tuple(scopes), f"im2n_{key_id}_{secrets.token_hex(32)}")


def _creation(made: NewKey, actor: str, now: datetime) -> audit.Entry:
    return audit.Entry(now, actor, "key.created", made.id, {"name": made.name, "scopes": list(made.scopes)})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
