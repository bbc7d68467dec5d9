"""The channel of mails, with a mail server that is really there."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from channels.base import SmtpSettings
from channels.email import Email
from channels.mail_files import MailFiles
from tests.contract.harness import ServedHarness
from tests.contract.status_table import (
    AWAY_FOR,
    BUSY_FOR,
    BUSY_UNTIL,
    DRIPS,
    ELSEWHERE,
    ENDLESS,
    ENDLESS_NO,
    HANGS_UP,
    LARGE,
    NONSENSE,
    NOT_TRUSTED,
    OWN_ERROR,
    REFUSES,
    RESETS,
    SILENT_AFTER,
    SILENT_BEFORE,
    TAKES,
    NotThere,
    delivered,
    permanent,
    transient,
)
from tests.fakes.certificate import self_signed
from tests.fakes.mailbox import Mailbox, Say

ADDRESS = "ana@b.example"


def _say(text: str = "", **options: Any) -> Say:
    return Say(text, **options)


class EmailHarness(ServedHarness):
    good_contact = ADDRESS
    bad_contacts = (
        None,
        5,
        {},
        "",
        "ana",
        "ana@",
        "ana@b",
        "a b@c.example",
        "ana@b.example\r\nBcc: x@y.example",
        "a@[127.0.0.1]",
        {"address": None},
        {"address": "ana"},
        {"address": ADDRESS, "surprise": 1},
        [ADDRESS],
    )
    secrets = ("hunter2-hunter2",)
    rows = {
        **dict.fromkeys(
            (BUSY_FOR, BUSY_UNTIL, AWAY_FOR), NotThere("No answer of SMTP says a time; 421 and 451 say later.")
        ),
        TAKES: (("content", _say()), delivered()),
        REFUSES: (lambda harness: harness.refuse(), transient()),
        OWN_ERROR: (("mail", _say("451 4.3.0 later")), transient()),
        SILENT_BEFORE: (("rcpt", _say(act="silence")), transient()),
        SILENT_AFTER: (("content", _say(act="silence")), transient(unknown=True)),
        RESETS: (("content", _say(act="drop")), transient(unknown=True)),
        HANGS_UP: (("content", _say("421 4.3.2 closing")), transient()),
        ELSEWHERE: (
            ("rcpt", _say("551 5.1.6 try <ana@elsewhere.example>")),
            permanent(reason="bad_address", disables=True),
        ),
        ENDLESS: (("content", _say("250 " + LARGE)), transient(unknown=True)),
        ENDLESS_NO: (("rcpt", _say("550 " + LARGE)), transient()),
        DRIPS: NotThere("It comes to the same as silence: one deadline holds for all that is read."),
        NONSENSE: (("ehlo", _say("hello")), transient()),
        NOT_TRUSTED: (lambda harness: harness.distrust(), transient()),
    }
    answers = {
        "421 as the greeting": (("connect", _say("421 4.3.2 too busy")), transient()),
        "554 as the greeting": (("connect", _say("554 5.7.1 go away")), transient()),
        "no SMTP as the greeting": (("connect", _say("HTTP/1.1 400 Bad Request")), transient()),
        "drop at the greeting": (("connect", _say(act="drop")), transient()),
        "silence at the greeting": (("connect", _say(act="silence")), transient()),
        "421 at EHLO": (("ehlo", _say("421 4.3.2 closing")), transient()),
        "no EHLO, so no STARTTLS": (("ehlo", _say("502 5.5.1 what?")), transient()),
        "drop at EHLO": (("ehlo", _say(act="drop")), transient()),
        "454 at STARTTLS": (("starttls", _say("454 4.7.0 no TLS now")), transient()),
        "502 at STARTTLS": (("starttls", _say("502 5.5.1 no TLS")), transient()),
        "drop at STARTTLS": (("starttls", _say(act="drop")), transient()),
        "no login: our password is wrong": (("auth", _say("535 5.7.8 no: hunter2-hunter2")), transient()),
        "534 at AUTH": (("auth", _say("534 5.7.9 too weak: hunter2-hunter2")), transient()),
        "454 at AUTH": (("auth", _say("454 4.7.0 later")), transient()),
        "drop at AUTH": (("auth", _say(act="drop")), transient()),
        "530 at MAIL": (("mail", _say("530 5.7.0 authenticate first")), transient()),
        "535 at MAIL": (("mail", _say("535 5.7.8 no")), transient()),
        "550 at MAIL": (("mail", _say("550 5.7.1 sender refused")), transient()),
        "553 at MAIL": (("mail", _say("553 5.1.8 no such sender")), transient()),
        "451 at MAIL": (("mail", _say("451 4.3.0 later")), transient()),
        "421 at MAIL": (("mail", _say("421 4.3.2 closing")), transient()),
        "552 at MAIL": (("mail", _say("552 5.3.4 too big")), permanent(reason="too_large")),
        "drop at MAIL": (("mail", _say(act="drop")), transient()),
        "450 greylisted": (("rcpt", _say("450 4.2.0 greylisted")), transient(scope="recipient")),
        "451 at RCPT": (("rcpt", _say("451 4.7.1 later")), transient(scope="recipient")),
        "452 mailbox full": (("rcpt", _say("452 4.2.2 full")), transient(scope="recipient")),
        "452 the server is full": (("rcpt", _say("452 4.3.1 no space left")), transient()),
        "421 at RCPT": (("rcpt", _say("421 4.3.2 closing")), transient()),
        "530 at RCPT": (("rcpt", _say("530 5.7.0 authenticate first")), transient()),
        "550 no such user": (("rcpt", _say("550 5.1.1 no such user")), permanent(reason="bad_address", disables=True)),
        "550 no such domain": (
            ("rcpt", _say("550 5.1.2 no such host")),
            permanent(reason="bad_address", disables=True),
        ),
        "550 no such user, with a word of relays": (
            ("rcpt", _say("550 5.1.1 <ana@b.example> unknown in relay table")),
            permanent(reason="bad_address", disables=True),
        ),
        "550 takes no mail": (("rcpt", _say("556 5.1.10 null MX")), permanent(reason="bad_address", disables=True)),
        "550 by policy": (("rcpt", _say("550 5.7.1 not wanted")), permanent()),
        "550 without more": (("rcpt", _say("550 no")), permanent()),
        "553 at RCPT": (("rcpt", _say("553 5.1.3 bad name")), permanent(reason="bad_address", disables=True)),
        "554 does not relay": (("rcpt", _say("554 5.7.1 <ana@b.example>: Relay access denied")), transient()),
        "550 does not relay, in other words": (("rcpt", _say("550 relay not permitted")), transient()),
        "our sender refused at RCPT": (
            ("rcpt", _say("553 5.7.1 <im2@sender.example>: Sender address rejected: not owned by user im2")),
            transient(),
        ),
        "our sender unknown at RCPT": (("rcpt", _say("550 5.1.8 sender domain not found")), transient()),
        "our machine refused at RCPT": (("rcpt", _say("554 5.7.1 <us>: Client host rejected")), transient()),
        "a block of our mails for one recipient": (
            ("rcpt", _say("550 5.7.1 ana@b.example does not want mail of im2@sender.example")),
            permanent(),
        ),
        "552 mailbox full for good": (("rcpt", _say("552 5.2.2 full")), permanent()),
        "451 at DATA": (("data", _say("451 4.3.0 later")), transient(scope="recipient")),
        "421 at DATA": (("data", _say("421 4.3.2 closing")), transient()),
        "530 at DATA": (("data", _say("530 5.7.0 authenticate first")), transient()),
        "554 at DATA": (("data", _say("554 5.5.1 no valid recipients")), permanent()),
        "drop at DATA": (("data", _say(act="drop")), transient()),
        "451 after the message": (("content", _say("451 4.7.1 later")), transient(scope="recipient")),
        "552 after the message": (("content", _say("552 5.3.4 too big")), permanent(reason="too_large")),
        "554 after the message": (("content", _say("554 5.7.1 spam")), permanent()),
        "550 no such user after the message": (
            ("content", _say("550 5.1.1 no such user")),
            permanent(reason="bad_address", disables=True),
        ),
        "not allowed to send, after the message": (
            ("content", _say("550 5.7.60 Client does not have permissions to send as this sender")),
            transient(),
        ),
        "our address is not verified there": (
            ("content", _say("554 Message rejected: address is not verified: im2@sender.example")),
            transient(),
        ),
    }

    def __init__(self, folder: Path) -> None:
        server, client = self_signed(folder, "127.0.0.1")
        self.server = self.mailbox = Mailbox(
            starttls=server, login=("im2", self.secrets[0]), ledger=folder / "ledger.jsonl"
        )
        self.mailbox.start()
        self._settings = SmtpSettings(
            "127.0.0.1", self.mailbox.port, "im2", self.secrets[0], "IM2 <im2@sender.example>", True, False, timeout=1.0
        )
        self._files = MailFiles(folder / "mail")
        self.channel = Email(self._settings, self._files, lambda: datetime.now(UTC), client)

    def answer(self, how: Any) -> None:
        phase, say = how
        self.mailbox.script(phase, say)

    def distrust(self) -> None:
        """Let the channel know nothing of the server's authority."""
        self.channel = Email(self._settings, self._files, lambda: datetime.now(UTC))
