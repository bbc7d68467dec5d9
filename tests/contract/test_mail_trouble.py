"""Mail that is not taken: a bad address is not tried again, and what is wrong at the server fails nobody's mail."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.store.engine import Database
from channels.base import Message, Permanent, SmtpSettings
from channels.email import Email
from channels.mail_files import MailFiles
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.mailbox import Mailbox, Phase, Say
from tests.fakes.spine import Spine

USERS = [f"u-{number}" for number in range(8)]
BOUNCE = "550 5.1.1 no such user"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as started:
        yield started


@pytest.fixture
def spine(
    database: Database, clock: FakeClock, gate_server: GateServer, mailbox: Mailbox, tmp_path: Path
) -> Iterator[Spine]:
    """With the real channel, against a mail server."""
    sender = "IM2 <im2@sender.example>"
    settings = SmtpSettings("127.0.0.1", mailbox.port, None, None, sender, use_tls=False, use_ssl=False, timeout=5.0)
    email = Email(settings, MailFiles(tmp_path), clock.now)
    spine = Spine(database, clock, gate_server.url, more=[email])
    yield spine
    email.close()
    spine.close()


def address_of(user: str) -> str:
    return f"{user}@b.example"


def tell(spine: Spine, *users: str, job: str = "j-9") -> list[str]:
    return spine.submit(*users, channel="email", data={"job_id": job, "error": "disk full"})


def meet(spine: Spine, *users: str) -> None:
    for user in users:
        spine.preferences.replace(user, {"contacts": {"email": address_of(user)}}, actor="key:key_1")


def work(spine: Spine, ids: list[str]) -> None:
    for step in (spine.pipeline.render, spine.pipeline.dedupe, spine.pipeline.rate_limit):
        step(ids)
    spine.delivery.deliver("email", ids)


def recipients(mailbox: Mailbox, since: int = 0) -> list[str]:
    return sorted(to for entry in mailbox.ledger.entries()[since:] for to in entry["to"])


def test_an_address_that_bounced_is_not_used_again_until_it_is_another(spine: Spine, mailbox: Mailbox):
    bad, good = USERS[:2]
    meet(spine, bad, good)
    mailbox.script("rcpt", Say(BOUNCE), recipient=address_of(bad))
    waiting = tell(spine, bad, job="j-8")
    first = tell(spine, bad, good)
    work(spine, first)
    assert spine.states(first) == [("failed", "bad_address"), ("delivered", None)]
    shown = spine.preferences.get(bad).body["contacts"]["email"]
    assert shown == {"address": address_of(bad), "disabled": BOUNCE, "disabled_at": spine.clock.now()}
    (entry,) = [entry for entry in spine.audit(f"user:{bad}") if entry.action == "contact.disable"]
    assert entry.detail == {"channel": "email", "reason": "bad_address", "notification_id": first[0]}
    # Neither what was on its way already nor what comes later is offered to the server.
    mailbox.script("rcpt", Say("421 4.3.2 nobody should come"), recipient=address_of(bad))
    later = tell(spine, bad, job="j-10")
    work(spine, [*waiting, *later])
    assert spine.states([*waiting, *later]) == [("suppressed", "no_contact")] * 2
    assert [spine.attempts(one) for one in (*waiting, *later)] == [[], []]
    mailbox.script("rcpt")
    spine.preferences.replace(bad, {"contacts": {"email": "new@b.example"}}, actor="key:key_1")
    again = tell(spine, bad, job="j-11")
    work(spine, again)
    assert spine.states(again) == [("delivered", None)]
    assert recipients(mailbox) == ["new@b.example", address_of(good)]


def test_a_bounce_of_an_address_that_was_changed_meanwhile_is_not_the_new_ones(spine: Spine):
    user, old, new = USERS[0], {"target": "old"}, {"target": "new"}

    def change(_message: Message) -> None:
        spine.preferences.replace(user, {"contacts": {"letters": new}}, actor="key:key_1")

    spine.preferences.replace(user, {"contacts": {"letters": old}}, actor="key:key_1")
    (mail,) = spine.submit(user)
    spine.letters.answer(mail, Permanent(BOUNCE, reason="bad_address", disables=True))
    spine.letters.during = change
    spine.delivery.deliver("letters", [mail])
    assert spine.states([mail]) == [("failed", "bad_address")]
    assert spine.preferences.get(user).body["contacts"]["letters"] == new


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ("connect", "554 5.7.1 not from your network"),
        ("mail", "530 5.7.0 authenticate first"),
        ("mail", "550 5.7.1 sender refused"),
        ("rcpt", "554 5.7.1 <anybody>: Relay access denied"),
        ("rcpt", "553 5.7.1 <im2@sender.example>: Sender address rejected: not yours"),
        ("content", "550 5.7.60 Client does not have permissions to send as this sender"),
    ],
)
def test_what_is_wrong_at_the_server_holds_everybodys_mail_and_fails_nobodys(
    spine: Spine, mailbox: Mailbox, clock: FakeClock, phase: Phase, said: str
):
    meet(spine, *USERS)
    ids = tell(spine, *USERS)
    mailbox.script(phase, Say(said))
    for one in ids[:5]:
        work(spine, [one])
        clock.advance(seconds=5)
    spine.delivery.deliver("email", ids)
    assert {status for status, _ in spine.states(ids)} == {"retrying", "held"}
    assert spine.states(ids[5:]) == [("held", "breaker_open")] * 3
    desk = spine.channel_desk.one("email")
    assert (desk["breaker"], desk["open_targets"]) == ("open", 1)
    assert said in desk["trouble"]["detail"]
    assert [contact for user in USERS for contact in spine.preferences.get(user).body["contacts"].values()] == [
        address_of(user) for user in USERS
    ]
    mailbox.script(phase)
    refused = len(mailbox.ledger.entries())
    for _ in range(3):
        clock.advance(seconds=60)
        spine.relay.feed()
        spine.delivery.deliver("email", ids)
    assert spine.states(ids) == [("delivered", None)] * len(ids)
    assert recipients(mailbox, refused) == sorted(map(address_of, USERS))
    assert spine.channel_desk.one("email")["trouble"] is None


def test_who_is_not_relayed_for_keeps_back_nobody_else(spine: Spine, mailbox: Mailbox, clock: FakeClock):
    meet(spine, *USERS)
    mailbox.script("rcpt", Say("554 5.7.1 Relay access denied"), recipient=address_of(USERS[1]))
    ids = tell(spine, *USERS)
    work(spine, ids)
    assert spine.states(ids) == [("delivered", None), ("retrying", None), *[("delivered", None)] * 6]
    for _ in range(3):
        clock.advance(minutes=10)
        spine.relay.feed()
        spine.delivery.deliver("email", ids)
    assert spine.states(ids[1:2]) == [("failed", "attempts_exhausted")]
    assert spine.preferences.get(USERS[1]).body["contacts"]["email"] == address_of(USERS[1])


def test_the_message_id_is_the_same_at_every_attempt(spine: Spine, mailbox: Mailbox, clock: FakeClock):
    meet(spine, USERS[0])
    mailbox.script("content", Say("451 4.7.1 later", times=1), Say(act="drop", times=1), Say())
    ids = tell(spine, USERS[0])
    work(spine, ids)
    for wait in (10, 60):
        clock.advance(seconds=wait)
        spine.delivery.deliver("email", ids)
    assert spine.states(ids) == [("delivered", None)]
    assert spine.attempts(ids[0]) == ["transient", "unknown", "delivered"]
    entries = mailbox.ledger.entries()
    assert [entry["message_id"] for entry in entries] == [f"<{ids[0]}@sender.example>"] * 3
    assert clock.now() - spine.row(ids[0]).created_at == timedelta(seconds=70)
