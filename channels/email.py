"""E-mail over the operator's mail server, or into files where none is configured."""

import ssl
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Self

from email_validator import EmailNotValidError, validate_email

from channels.base import (
    Channel,
    ChannelEnv,
    Contact,
    ContactError,
    Message,
    Permanent,
    Receipt,
    SmtpSettings,
    Transient,
)
from channels.letter import Letter, Sender, compose
from channels.mail_files import MailFiles
from channels.smtp import Gone, SmtpSession
from channels.sockets import ClientTls, Deadline, TimedResolver

_MOST_SECONDS = 20.0
_PRIVATE = frozenset({"localhost", "local", "test", "internal"})
_STAND_IN = ".example"


class Email(Channel):
    """Sends one mail to one recipient over a kept connection."""

    name = "email"
    kind = "mail"
    folds_repeats = False
    must_verify = True

    def __init__(
        self, settings: SmtpSettings, files: MailFiles, now: Callable[[], datetime], tls: ssl.SSLContext | None = None
    ) -> None:
        self._settings = settings
        self._sender = Sender.parse(settings.sender)
        self._files = files
        self._now = now
        self._tls = ClientTls(tls)
        self._resolve = TimedResolver()
        self._lock = threading.Lock()
        self._idle: list[SmtpSession] = []

    @classmethod
    def build(cls, env: ChannelEnv) -> Self:
        """Take the mail server's settings; the first mail connects."""
        return cls(env.smtp, MailFiles(env.mail_dir), env.now)

    def state(self) -> str:
        """`console` when mails are written to files."""
        return "configured" if self._settings.host else "console"

    def read_contact(self, given: object, before: Contact | None) -> Contact:
        """Check the syntax of an address, or of {"address"}; whether it exists is found out by sending."""
        field = ""
        if isinstance(given, Mapping):
            faults = {str(name): ["Unknown field."] for name in given if name != "address"}
            if faults:
                raise ContactError(faults)
            field, given = "address", given.get("address")
        if not isinstance(given, str):
            raise ContactError({field: ["Must be an e-mail address."]})
        try:
            return Contact({"address": _normalised(given.strip())})
        except EmailNotValidError as fault:
            raise ContactError({field: [f"Must be an e-mail address. {fault}"]}) from None

    def show_contact(self, contact: Contact) -> object:
        """The address."""
        return contact.public["address"]

    def label(self, contact: Contact) -> str:
        """The address."""
        return str(contact.public["address"])

    def target(self, contact: Contact) -> str:
        """One place for everybody: the mail server."""
        return "smtp"

    def send(self, message: Message, contact: Contact) -> Receipt:
        """Send one mail; the answers 4yz and 5yz are classed by whose trouble they tell of."""
        now = self._now()
        try:
            letter = compose(message, contact.public["address"], self._sender, now)
        except ValueError as error:
            raise Permanent(f"The mail cannot be written: {error}", reason="bad_address") from None
        if not self._settings.host:
            return self._write(message, letter, now)
        deadline = Deadline.after(min(self._settings.timeout, _MOST_SECONDS))
        session = self._begun(letter, deadline)
        try:
            said = session.finish(letter, deadline)
        finally:
            self._give(session)
        return Receipt(detail=said)

    def forget(self, notification_ids: Collection[str]) -> None:
        """Remove the files of mails that were written for want of a mail server."""
        self._files.remove(notification_ids)

    def close(self) -> None:
        """Say goodbye on the kept connections."""
        with self._lock:
            sessions, self._idle = self._idle, []
        for session in sessions:
            session.leave()

    def _begun(self, letter: Letter, deadline: Deadline) -> SmtpSession:
        """A conversation that took our sender address; a kept one that the server has ended is replaced once."""
        kept = self._take()
        if kept is not None:
            try:
                return self._begin(kept, letter, deadline)
            except Gone:
                pass
        session = SmtpSession(self._settings, self._resolve, self._tls)
        try:
            session.open(deadline)
        except BaseException:
            session.close()
            raise
        try:
            return self._begin(session, letter, deadline)
        except Gone:
            raise Transient("The mail server hung up before it had the message.") from None

    def _begin(self, session: SmtpSession, letter: Letter, deadline: Deadline) -> SmtpSession:
        try:
            session.begin(letter, deadline)
        except Gone:
            session.close()
            raise
        except BaseException:
            self._give(session)
            raise
        return session

    def _take(self) -> SmtpSession | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                session = self._idle.pop()
            if session.may_stay():
                return session
            session.leave()

    def _give(self, session: SmtpSession) -> None:
        if not session.may_stay():
            session.leave()
            return
        with self._lock:
            self._idle.append(session)

    def _write(self, message: Message, letter: Letter, now: datetime) -> Receipt:
        try:
            path = self._files.write(message.notification_id, letter, now)
        except OSError:
            raise Transient("The mail could not be written to its folder.") from None
        return Receipt(detail=f"Written to {path.name}.")


def _normalised(given: str) -> str:
    """The address with its domain in lower case; raises EmailNotValidError.

    Names of private networks are as good as any other here, so they are checked as if they were below a public one.
    """
    private = given.rpartition(".")[2].rpartition("@")[2].lower() in _PRIVATE
    checked = validate_email(given + _STAND_IN if private else given, check_deliverability=False)
    return checked.normalized.removesuffix(_STAND_IN) if private else checked.normalized
