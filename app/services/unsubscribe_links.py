"""The links by which a reader turns off mails like the one they are in (RFC 8058): known by a signature alone.

They work for as long as the mail is kept, whatever becomes of SECRET_KEY. Like the link of a verification, one goes in
when the mail goes out: who may read a notification in its history cannot answer in the place of its reader.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.domain.fingerprint import canonical
from app.domain.notifications import OWN_TYPES, VERIFICATION
from app.rendering.links import HIDDEN, Links
from app.store import keyring, link_key
from app.store.engine import Database
from app.store.secretbox import SecretBox
from channels.base import Message

_PURPOSE = "im2-notifications unsubscribe"
_KEY_BYTES = 32
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a link turns off: mails of one type, or all of a channel if no event stands behind that type."""

    user_id: str
    channel: str
    type: str

    @property
    def event_type(self) -> str | None:
        """The type of event it is about; None is everything on the channel."""
        return None if self.type in OWN_TYPES else self.type


class UnsubscribeLinks:
    """Makes tokens for mails, and recognises them. Safe to share between threads."""

    def __init__(
        self,
        database: Database,
        box: SecretBox,
        public_url: str,
        make: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._box = box
        self._blank = Links(public_url).unsubscription
        self._make = make
        self._key: bytes | None = None

    def prepare(self) -> None:
        """Have the key at hand, and make it if there was never one. Raises DatabaseUnavailable."""
        if self._stored() is not None:
            return
        sealed = self._box.seal({"key": base64.b64encode(self._make(_KEY_BYTES)).decode()})
        with self._database.write() as conn:
            keyring.admit(conn, self._box)
            link_key.put_first(conn, str(sealed))
        self._stored()

    def token(self, subscription: Subscription) -> str:
        """What the link says, and a signature over it. Only after `prepare`."""
        if self._key is None:
            raise RuntimeError("no key for links yet: prepare comes first")
        return self._signed(self._key, subscription)

    def subscription(self, token: str) -> Subscription | None:
        """What a link turns off, None if it is not one of ours. Raises DatabaseUnavailable."""
        said = _said(token)
        key = None if said is None else self._stored()
        if said is None or key is None:
            return None
        return said if hmac.compare_digest(token.encode(), self._signed(key, said).encode()) else None

    def filled(self, message: Message, channel: str) -> Message:
        """The mail with its link, in its headers and where the stored text has a blank; verifications have none."""
        # A verification is the answer to an address that was entered, and ends there.
        if message.type == VERIFICATION:
            return message
        link = self._blank.replace(HIDDEN, self.token(Subscription(message.user_id, channel, message.type)))
        html = None if message.html is None else self._put_in(message.html, link)
        return replace(message, unsubscribe_url=link, text=self._put_in(message.text, link), html=html)

    def _put_in(self, text: str, link: str) -> str:
        # The last one is the footer's; an event that quotes the blank gets none.
        before, blank, after = text.rpartition(self._blank)
        return f"{before}{link}{after}" if blank else text

    def _stored(self) -> bytes | None:
        """The key, once it is stored; it never changes."""
        if self._key is None:
            with self._database.read() as conn:
                sealed = link_key.sealed(conn)
            if sealed is not None:
                self._key = base64.b64decode(self._box.open(sealed)["key"])
        return self._key

    @staticmethod
    def _signed(key: bytes, said: Subscription) -> str:
        names = [said.user_id, said.channel, said.type]
        signature = hmac.digest(key, canonical([_PURPOSE, *names]).encode(), "sha256")
        return f"{_text(canonical(names).encode())}.{_text(signature)}"


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _said(token: str) -> Subscription | None:
    """What a token claims, believed by nobody yet."""
    if len(token) > _LONGEST or not token.isascii():
        return None
    head = token.partition(".")[0]
    try:
        names = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except ValueError:
        return None
    if not isinstance(names, list) or len(names) != 3:
        return None
    if not all(isinstance(name, str) and name.isascii() for name in names):
        return None
    return None if names[2] == VERIFICATION else Subscription(*names)
