"""A conversation with a mail server that keeps to a deadline, and what its answers mean (RFC 5321, 3463)."""

import io
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any

from channels.base import DeliveryError, Permanent, SmtpSettings, Transient
from channels.http import excerpt
from channels.letter import Letter
from channels.sockets import ClientTls, Deadline, DeadlineReader, NoSuchName, TimedResolver, dial, send_all

MAX_MESSAGES = 100
MAX_AGE = 60.0
_QUIET = 1.0  # after a longer pause than this, the server is asked whether it is still there
_ENHANCED = re.compile(r"\s*([245]\.[0-9]{1,3}\.[0-9]{1,3})\b")
_LINE_DOT = re.compile(rb"(?m)^\.")
_NOBODY = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
_TOO_LARGE = frozenset({"5.3.4", "5.2.3"})
_OURS = frozenset({530, 534, 535, 538})
# Our address, login or right to send (RFC 3463, 4954; the last three are Exchange's).
_NOT_FROM_US = frozenset({"5.1.7", "5.1.8", "5.7.8", "5.7.9", "5.7.57", "5.7.60", "5.2.252"})
# Servers tell of it late, in answer to a recipient or to the message, and with a code that has many meanings.
_VAGUE = frozenset({None, "5.0.0", "5.7.0", "5.7.1"})
_ABOUT_US = re.compile(rb"(?i)relay|sender address rejected|sender verify failed|client host rejected|helo command")
_STORAGE = frozenset({"4.3.1", "4.3.2"})
_LOGINS = frozenset({"CRAM-MD5", "PLAIN", "LOGIN"})
_GREETED, _TAKEN, _GO_ON = 220, 250, 354


class Gone(Exception):
    """The server had ended the conversation before it was given any of the message."""


class SmtpSession(smtplib.SMTP):
    """One connection, used for up to 100 messages or 60 seconds, by one thread at a time."""

    def __init__(self, settings: SmtpSettings, resolve: TimedResolver, tls: ClientTls) -> None:
        super().__init__(local_hostname="localhost")  # named after its own address once it is connected
        self._settings = settings
        self._resolve = resolve
        self._tls = tls
        self._deadline = Deadline(0.0)
        self._born = self._used = time.monotonic()
        self._messages = 0
        self._unfinished = False
        self.usable = False

    def open(self, deadline: Deadline) -> None:
        """Connect, secure and log in, as the settings say; raises Transient, since all that can go wrong is ours."""
        self._deadline = deadline
        try:
            self._greet()
            self._secure()
            self._log_in()
        except DeliveryError:
            raise
        except NoSuchName:
            raise Transient("The mail server's name could not be resolved.") from None
        except ssl.SSLCertVerificationError:
            raise Transient("The mail server's certificate is not valid for its name.") from None
        except smtplib.SMTPResponseException as error:
            raise self._ours("The mail server refused us", error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPException:
            raise Transient("The mail server did not answer as it should.") from None
        except OSError:
            raise Transient("No connection to the mail server could be made.") from None
        self.usable = True

    def begin(self, letter: Letter, deadline: Deadline) -> None:
        """Announce a message, which gives away nothing of it; raises Gone, Transient or Permanent."""
        self._deadline = deadline
        options = self._options(letter)
        try:
            if self._unfinished or time.monotonic() - self._used > _QUIET:
                code, said = self.rset()
                if code != _TAKEN:
                    raise Gone
            self._unfinished = True
            code, said = self.mail(letter.sender, options)
        except (OSError, smtplib.SMTPException):
            raise Gone from None
        if code == 421:
            raise Gone
        if code != _TAKEN:
            raise self._refused_sender(code, said)

    def finish(self, letter: Letter, deadline: Deadline) -> str:
        """Name the recipient and hand the message over; gives back the server's last words.

        Raises Transient, which is `unknown` when the whole message was handed over, or Permanent.
        """
        self._deadline = deadline
        try:
            code, said = self.rcpt(letter.recipient)
            if code not in (250, 251, 252):
                raise self._refused(letter, code, said)
            code, said = self.docmd("DATA")
            if code != _GO_ON:
                raise self._refused(letter, code, said)
            content = _LINE_DOT.sub(b"..", letter.content)
            self.send(content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"))
        except (OSError, smtplib.SMTPException):
            self.usable = False
            raise Transient("The mail server hung up before it had the message.") from None
        try:
            code, said = self.getreply()
        except (OSError, smtplib.SMTPException):
            self.usable = False
            raise Transient("The mail server did not say whether it took the message.", unknown=True) from None
        self._unfinished = False
        if code != _TAKEN:
            raise self._refused(letter, code, said)
        self._used = time.monotonic()
        self._messages += 1
        return self._text(said)

    def may_stay(self) -> bool:
        """Whether the connection may serve another message."""
        return self.usable and self._messages < MAX_MESSAGES and time.monotonic() - self._born < MAX_AGE

    def leave(self) -> None:
        """Say goodbye if that costs no time, and close."""
        if self.usable and self.sock is not None:
            try:
                self.sock.settimeout(0)
                self.sock.send(b"QUIT\r\n")
            except OSError:
                pass
        self.close()

    def send(self, s: Any) -> None:
        """Send within the deadline."""
        send_all(self._connection, s.encode(self.command_encoding) if isinstance(s, str) else s, self._deadline)

    def getreply(self) -> tuple[int, bytes]:
        """Read one answer within the deadline."""
        if self.file is None:
            self.file = io.BufferedReader(DeadlineReader(self._connection, lambda: self._deadline))
        return super().getreply()

    @property
    def _connection(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        return self.sock

    def _greet(self) -> None:
        host, port = self._settings.host or "", self._settings.port
        connection = dial(self._resolve(host, port, self._deadline), port, self._deadline)
        self.sock = connection
        self._host = host
        self.local_hostname = _literal(connection.getsockname()[0])
        if self._settings.use_ssl:
            connection.settimeout(self._deadline.left())
            self.sock = self._tls().wrap_socket(connection, server_hostname=host)
        code, said = self.getreply()
        if code != _GREETED:
            raise smtplib.SMTPConnectError(code, said)
        self.ehlo_or_helo_if_needed()

    def _secure(self) -> None:
        if self._settings.use_ssl or not self._settings.use_tls:
            return
        if not self.has_extn("starttls"):
            raise Transient("The mail server offers no STARTTLS, and nothing is sent without it.")
        self._connection.settimeout(self._deadline.left())
        code, said = self.starttls(context=self._tls())
        if code != _GREETED:
            raise smtplib.SMTPResponseException(code, said)
        self.ehlo_or_helo_if_needed()

    def _log_in(self) -> None:
        name, password = self._settings.username, self._settings.password
        if not name:
            return
        offered = self.esmtp_features.get("auth", "").strip()
        if not isinstance(self.sock, ssl.SSLSocket):
            if not offered:
                return
            if not _on_this_machine(self._connection):
                raise Transient("The password is not sent over an unencrypted connection: set SMTP_USE_TLS.")
        if not _LOGINS & set(offered.upper().split()):
            raise Transient("The mail server offers no way to log in that we know.")
        self.login(name, password or "")

    def _options(self, letter: Letter) -> Sequence[str]:
        options = []
        if self.has_extn("size"):
            options.append(f"SIZE={len(letter.content)}")
            limit = self.esmtp_features["size"]
            if limit.isdigit() and 0 < int(limit) < len(letter.content):
                raise Permanent("The mail is larger than the mail server takes.", reason="too_large")
        if letter.needs_utf8:
            if not self.has_extn("smtputf8"):
                raise Permanent(
                    "The mail server takes no address whose part before the @ is not ASCII (it offers no SMTPUTF8).",
                    reason="bad_address",
                )
            options += ["SMTPUTF8", *(["BODY=8BITMIME"] if self.has_extn("8bitmime") else [])]
        return options

    def _refused_sender(self, code: int, said: bytes) -> DeliveryError:
        if _enhanced(said) in _TOO_LARGE or code == 552:
            return Permanent(self._detail(code, said), reason="too_large")
        return self._ours("The mail server refused our sender address", code, said)

    def _refused(self, letter: Letter, code: int, said: bytes) -> DeliveryError:
        """What a refusal of the recipient, or of the message, means."""
        enhanced = _enhanced(said)
        if code == 421 or code in _OURS or not 400 <= code < 600:
            return self._ours("The mail server refused us", code, said)
        if code < 500:
            only_this = code in (450, 451, 452) and enhanced not in _STORAGE
            return Transient(self._detail(code, said), scope="recipient" if only_this else "target")
        if enhanced in _NOBODY:
            return Permanent(self._detail(code, said), reason="bad_address", disables=True)
        if enhanced in _TOO_LARGE or (code == 552 and enhanced is None):
            return Permanent(self._detail(code, said), reason="too_large")
        if enhanced in _NOT_FROM_US or (enhanced in _VAGUE and _is_about_us(letter, said)):
            return self._not_for_us(code, said)
        return Permanent(self._detail(code, said))

    def _not_for_us(self, code: int, said: bytes) -> Transient:
        """The server does not take from us, or does not relay for us, what others may send."""
        what = "The mail server does not relay for us"
        if self._messages == 0:
            return self._ours(what, code, said)
        # It has just done so for somebody else: it is about this recipient, and no reason to keep back the others.
        return Transient(f"{what}: {self._detail(code, said)}", scope="recipient")

    def _ours(self, what: str, code: int, said: bytes | str) -> Transient:
        """Everybody's mail would fail alike: it is kept until the server or the settings are put right."""
        self.usable = False
        return Transient(f"{what}: {self._detail(code, said)}")

    def _detail(self, code: int, said: bytes | str) -> str:
        return f"{code} {self._text(said)}".strip() if code > 0 else "it did not speak SMTP"

    def _text(self, said: bytes | str) -> str:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return excerpt(text, (self._settings.password or "", self._settings.username or ""))


def _enhanced(said: bytes) -> str | None:
    """The enhanced status code (RFC 3463) an answer begins with."""
    found = _ENHANCED.match(said.decode("ascii", "replace"))
    return found[1] if found else None


def _is_about_us(letter: Letter, said: bytes) -> bool:
    """Whether an answer speaks of relaying, or of our address and not of the recipient's."""
    words = said.lower()
    ours, theirs = (address.lower().encode() in words for address in (letter.sender, letter.recipient))
    return (ours and not theirs) or _ABOUT_US.search(said) is not None


def _literal(address: str) -> str:
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _on_this_machine(connection: socket.socket) -> bool:
    address: str = connection.getpeername()[0]
    return address == "::1" or address.startswith("127.")
