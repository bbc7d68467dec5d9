"""Encryption of contact secrets at rest, with a key derived from SECRET_KEY."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.store.engine import DatabaseUnavailable


class WrongSecretKey(DatabaseUnavailable):
    """What is stored was encrypted with another SECRET_KEY; a process that has that one can go on with it."""


class SecretBox:
    """Seals small JSON objects into text, and opens them. Safe to share between threads."""

    def __init__(self, secret_key: str, before: Callable[[], str | None] = lambda: None) -> None:
        """`before` looks up the keys that were used before, as `wrap` made them; it is asked only when ours fails."""
        secret = secret_key.encode()
        derived = hashlib.sha256(b"im2-notifications secrets at rest\n" + secret).digest()
        self.key_id = hashlib.sha256(b"im2-notifications name of the key\n" + derived).hexdigest()[:16]
        """What the key is called where it must not be told."""
        self._key = base64.urlsafe_b64encode(derived).decode()
        self._current = Fernet(self._key)
        self._keys = MultiFernet([self._current])
        self._before = before

    def seal(self, value: Mapping[str, Any]) -> str | None:
        """The encrypted text, or None when there is nothing to hide."""
        return self._current.encrypt(json.dumps(dict(value)).encode()).decode() if value else None

    def open(self, sealed: str | None) -> dict[str, Any]:
        """What was sealed, with this key or one before it. Raises WrongSecretKey."""
        return {} if sealed is None else dict(json.loads(self._decrypted(sealed)))

    def reseal(self, sealed: str) -> str | None:
        """The same under this key, or None if it is under this key already. Raises WrongSecretKey."""
        try:
            self._current.decrypt(sealed)
        except InvalidToken:
            return self._current.encrypt(self._decrypted(sealed)).decode()
        return None

    def wrap(self, older: "SecretBox") -> str:
        """The key of another box, and those before it, in a form that only this box can use."""
        return self._current.encrypt(json.dumps(older.keys()).encode()).decode()

    def keys(self) -> list[str]:
        """Every key that it opens with, in Fernet's form; its own comes first."""
        wrapped = self._before()
        try:
            return [self._key] if wrapped is None else [self._key, *json.loads(self._current.decrypt(wrapped))]
        except InvalidToken:
            return [self._key]

    def _decrypted(self, sealed: str) -> bytes:
        try:
            return self._keys.decrypt(sealed)
        except InvalidToken:
            self._keys = MultiFernet([*map(Fernet, self.keys())])
        try:
            return self._keys.decrypt(sealed)
        except InvalidToken as error:
            raise WrongSecretKey("SECRET_KEY: it cannot read the secrets in this database") from error
