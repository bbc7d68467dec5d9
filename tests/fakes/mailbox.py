"""A real SMTP server whose answers are scripted and whose ledger tells which mails reached it.

In a test:      with Mailbox() as mailbox: mailbox.script("rcpt", Say("451 4.7.1 later", times=1), Say())
As a process:   python -m tests.fakes.mailbox --port 2525 --ledger ledger.jsonl
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import signal
import ssl
import sys
import threading
import time
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.fakes.server import FakeServer
from tests.fakes.turns import Turns

Phase = Literal["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content", "rset"]


@dataclass(frozen=True, slots=True)
class Say:
    """What the mailbox answers in one phase of the conversation; an empty text is what a good server says.

    `act` "drop" ends the connection without a word, "silence" never answers. `times` as in the receiver.
    """

    text: str = ""
    act: Literal["say", "drop", "silence"] = "say"
    delay: float = 0.0
    times: int | None = None


class Mailbox(FakeServer):
    """An SMTP sink: `starttls` offers STARTTLS, `tls` speaks TLS from the start, `login` demands name and password."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        starttls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        smtputf8: bool = True,
        size_limit: int = 32 * 1024 * 1024,
        **options: Any,
    ) -> None:
        super().__init__(host, port, **options)
        self.answers: Turns[Say] = Turns()
        self.starttls = starttls
        self.login = login
        self.smtputf8 = smtputf8
        self.size_limit = size_limit

    def protocol(self) -> asyncio.BaseProtocol:
        """One SMTP conversation."""
        return _Conversation(self)

    def script(self, phase: Phase, *answers: Say, recipient: str = "") -> None:
        """Answer a phase, for "rcpt" and "content" also of one recipient alone, with these from now on.

        "connect" is the greeting, "data" the command, "content" the end of the message, which is in the ledger by then.
        """
        self.answers.set(f"{phase} {recipient}".strip(), answers)

    def load(self, text: str | bytes) -> None:
        """Replace all answers by a JSON object: phase (and recipient) → list of objects with the fields of Say."""
        self.answers.replace({key: [Say(**entry) for entry in entries] for key, entries in json.loads(text).items()})

    def record(self, session: Session, envelope: Envelope) -> None:
        """Write down a mail that is about to be answered."""
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        mail = message_from_bytes(content, policy=default)
        self.ledger.add(
            {
                "t": time.time(),
                "channel": "email",
                "key": (mail["message-id"] or "").strip("<>").partition("@")[0],
                "message_id": mail["message-id"],
                "from": envelope.mail_from,
                "to": list(envelope.rcpt_tos),
                "subject": mail["subject"],
                "secured": session.ssl is not None or self._tls is not None,
                "content": content.decode("utf-8", "replace"),
                "body_sha256": hashlib.sha256(content).hexdigest(),
            }
        )


class _Hung(Exception):
    """The script ended the connection."""


class _Conversation(SMTP):
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._socket: asyncio.BaseTransport | None = None
        self._greeted = False
        super().__init__(
            self,
            hostname="mailbox.test",
            ident="fake",
            data_size_limit=mailbox.size_limit,
            enable_SMTPUTF8=mailbox.smtputf8,
            tls_context=mailbox.starttls,
            auth_required=mailbox.login is not None,
            auth_require_tls=mailbox.starttls is not None,
            auth_exclude_mechanism=None if mailbox.login else ["LOGIN", "PLAIN"],
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._socket is None:
            self._socket = transport
            self._mailbox.opened(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._socket is not None:
            self._mailbox.closed(self._socket)
        super().connection_lost(error)

    async def push(self, status: str | bytes) -> None:
        """Say something; the first thing is the greeting, which the script may change."""
        if self._greeted:
            await super().push(status)
            return
        self._greeted = True
        if not await self._scripted("connect"):
            await super().push(status)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - the name is the library's
        if not await self._scripted("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - the name is the library's
        if not await self._scripted("starttls"):
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802 - the name is the library's
        if not await self._scripted("auth"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - the name is the library's
        if not await self._scripted("mail"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - the name is the library's
        recipient = (arg or "").partition("<")[2].partition(">")[0]
        if not await self._scripted("rcpt", recipient):
            await super().smtp_RCPT(arg)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802 - the name is the library's
        if not await self._scripted("rset"):
            await super().smtp_RSET(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - the name is the library's
        if not await self._scripted("data"):
            await super().smtp_DATA(arg)

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the name is the library's
        """Write the mail down, then answer."""
        self._mailbox.record(session, envelope)
        try:
            said = await self._say("content", *envelope.rcpt_tos)
        except _Hung:
            said = ""
        return said or "250 2.0.0 OK"

    async def handle_exception(self, _error: Exception) -> str:
        """An answer for what the script or the peer broke off."""
        return "451 4.3.0 conversation broken off"

    async def _scripted(self, phase: Phase, *recipients: str) -> bool:
        """Whether the script has answered this phase."""
        try:
            said = await self._say(phase, *recipients)
        except _Hung:
            return True
        if said:
            await self.push(said)
        return bool(said)

    async def _say(self, phase: Phase, *recipients: str) -> str:
        say = self._mailbox.answers.take(*(f"{phase} {recipient}" for recipient in recipients), phase)
        if say is None:
            return ""
        await asyncio.sleep(say.delay)
        if say.act == "silence":
            await asyncio.Event().wait()
        if say.act == "drop":
            if isinstance(self._socket, asyncio.Transport):
                self._socket.abort()
            raise _Hung
        return say.text

    def _authenticate(self, *call: Any) -> AuthResult:
        data = call[-1]
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        return AuthResult(success=given == self._mailbox.login, handled=False)


def main(arguments: list[str] | None = None) -> None:
    """Run one mailbox until SIGTERM or Ctrl-C; prints its port first."""
    parser = argparse.ArgumentParser(description="A fake mail server with scripted answers and a ledger.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path)
    parser.add_argument("--script", type=Path, help="JSON: phase → list of answers")
    given = parser.parse_args(arguments)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with Mailbox(given.host, given.port, ledger=given.ledger) as mailbox, contextlib.suppress(KeyboardInterrupt):
        if given.script is not None:
            mailbox.load(given.script.read_text())
        sys.stdout.write(f"{mailbox.port}\n")
        sys.stdout.flush()
        done.wait()


if __name__ == "__main__":
    main()
