"""The links by which people confirm that an address is theirs: known by a signature, and stored nowhere.

What the API shows of a verification is the mail without its link, or whoever entered an address could confirm it
without reading what is sent there. The link goes in when the mail goes out.
"""

import base64
import hashlib
import hmac
from dataclasses import replace

from app.domain.fingerprint import canonical
from app.rendering.links import HIDDEN, VERIFY_PATH
from channels.base import Contact, Message

_PURPOSE = b"im2-notifications address verification\n"


class VerifyLinks:
    """Makes tokens for verification mails, and recognises them; each is good for one mail, user and address."""

    def __init__(self, secret_key: str) -> None:
        self._key = hashlib.sha256(_PURPOSE + secret_key.encode()).digest()

    def token(self, notification_id: str, user_id: str, contact: Contact) -> str:
        """The mail's notification and a signature over it, the user and where exactly it goes."""
        said = canonical([notification_id, user_id, contact.public]).encode()
        signature = base64.urlsafe_b64encode(hmac.digest(self._key, said, "sha256"))
        return f"{notification_id}.{signature.decode().rstrip('=')}"

    def fits(self, token: str, notification_id: str, user_id: str, contact: Contact) -> bool:
        """Whether it is the token of this mail; takes as long for a token that is nearly right."""
        right = self.token(notification_id, user_id, contact)
        return hmac.compare_digest(token.encode(errors="replace"), right.encode())

    def filled(self, message: Message, contact: Contact) -> Message:
        """The mail with its link where the stored one has a blank."""
        blank = VERIFY_PATH + HIDDEN
        link = VERIFY_PATH + self.token(message.notification_id, message.user_id, contact)
        html = None if message.html is None else message.html.replace(blank, link)
        return replace(message, text=message.text.replace(blank, link), html=html)
