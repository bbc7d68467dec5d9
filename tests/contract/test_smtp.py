"""E-mail against an SMTP server on loopback: security, kept connections, what goes over the wire."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from channels.base import Contact, DeliveryError, Permanent, SmtpSettings, Transient
from channels.email import Email
from channels.mail_files import MailFiles
from tests.fakes.certificate import self_signed
from tests.fakes.mailbox import Mailbox, Say
from tests.fakes.samples import message

ANA = Contact({"address": "ana@b.example"})
LOGIN = ("im2", "hunter2-hunter2")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as started:
        yield started


def channel_for(mailbox: Mailbox, folder: Path, tls=None, **changes: Any) -> Email:
    given: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": mailbox.port,
        "username": None,
        "password": None,
        "sender": "IM2 <im2@sender.example>",
        "use_tls": False,
        "use_ssl": False,
        "timeout": 1.0,
    }
    return Email(SmtpSettings(**(given | changes)), MailFiles(folder), lambda: datetime.now(UTC), tls)


def failure(channel: Email, contact: Contact = ANA, **changes: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        channel.send(message(**changes), contact)
    return caught.value


def test_the_mail_arrives_as_it_was_written(mailbox: Mailbox, tmp_path: Path):
    channel_for(mailbox, tmp_path).send(message(unsubscribe_url="https://im2.example/u/t"), ANA)
    (entry,) = mailbox.ledger.entries()
    mail = message_from_string(entry["content"], policy=default)
    assert (entry["from"], entry["to"]) == ("im2@sender.example", ["ana@b.example"])
    assert entry["message_id"] == "<ntf_0190@sender.example>"
    assert mail["subject"] == message().title
    text, html = mail.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == message().text
    assert html.get_content() == message().html
    assert mail["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"


def test_without_starttls_nothing_is_sent_when_it_is_demanded(mailbox: Mailbox, tmp_path: Path):
    error = failure(channel_for(mailbox, tmp_path, use_tls=True))
    assert isinstance(error, Transient)
    assert "STARTTLS" in error.detail
    assert mailbox.ledger.entries() == []


@pytest.mark.parametrize("implicit", [False, True])
def test_a_mail_goes_over_tls(implicit: bool, tmp_path: Path):
    server, client = self_signed(tmp_path, "127.0.0.1")
    with Mailbox(**{"tls" if implicit else "starttls": server}) as mailbox:
        channel = channel_for(mailbox, tmp_path, client, use_tls=True, use_ssl=implicit)
        channel.send(message(), ANA)
        channel.close()
        assert mailbox.ledger.entries()[0]["secured"]


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_nobody_vouches_for_is_refused(implicit: bool, tmp_path: Path):
    server, _ = self_signed(tmp_path, "127.0.0.1")
    with Mailbox(**{"tls" if implicit else "starttls": server}) as mailbox:
        error = failure(channel_for(mailbox, tmp_path, use_tls=True, use_ssl=implicit))
        assert isinstance(error, Transient)
        assert "certificate" in error.detail
        assert mailbox.ledger.entries() == []


def test_a_wrong_password_is_our_trouble_and_is_not_repeated(tmp_path: Path):
    server, client = self_signed(tmp_path, "127.0.0.1")
    with Mailbox(starttls=server, login=LOGIN) as mailbox:
        error = failure(channel_for(mailbox, tmp_path, client, use_tls=True, username="im2", password="wrong-wrong"))
        assert isinstance(error, Transient)
        assert (error.scope, error.unknown) == ("target", False)
        assert "535" in error.detail
        assert "wrong-wrong" not in error.detail


def test_a_name_and_password_for_a_server_without_login_are_kept_to_ourselves(mailbox: Mailbox, tmp_path: Path):
    channel_for(mailbox, tmp_path, username=LOGIN[0], password=LOGIN[1]).send(message(), ANA)
    assert len(mailbox.ledger.entries()) == 1


def test_a_hundred_mails_share_a_connection_and_then_it_is_changed(mailbox: Mailbox, tmp_path: Path):
    channel = channel_for(mailbox, tmp_path)
    for number in range(101):
        channel.send(message(notification_id=f"ntf_{number}"), ANA)
    assert mailbox.connections == 2


def test_after_a_refused_recipient_the_next_mail_uses_the_same_connection(mailbox: Mailbox, tmp_path: Path):
    mailbox.script("rcpt", Say("550 5.1.1 nobody"), recipient="bob@b.example")
    channel = channel_for(mailbox, tmp_path)
    assert isinstance(failure(channel, Contact({"address": "bob@b.example"})), Permanent)
    channel.send(message(), ANA)
    assert mailbox.connections == 1
    assert [entry["to"] for entry in mailbox.ledger.entries()] == [["ana@b.example"]]


def test_421_before_a_kept_connection_takes_a_mail_costs_no_attempt(mailbox: Mailbox, tmp_path: Path):
    channel = channel_for(mailbox, tmp_path)
    channel.send(message(), ANA)
    mailbox.script("mail", Say("421 4.3.2 tired", times=1), Say())
    channel.send(message(), ANA)
    assert len(mailbox.ledger.entries()) == 2
    assert mailbox.connections == 2


def test_421_on_a_new_connection_is_reported(mailbox: Mailbox, tmp_path: Path):
    mailbox.script("mail", Say("421 4.3.2 tired"))
    error = failure(channel_for(mailbox, tmp_path))
    assert isinstance(error, Transient)
    assert not error.unknown
    assert mailbox.connections == 1


def test_a_mail_that_was_handed_over_is_not_sent_again_by_itself(mailbox: Mailbox, tmp_path: Path):
    channel = channel_for(mailbox, tmp_path)
    channel.send(message(), ANA)
    mailbox.script("content", Say(act="drop"))
    error = failure(channel)
    assert isinstance(error, Transient)
    assert error.unknown
    assert len(mailbox.ledger.entries()) == 2


def test_a_mail_above_the_announced_size_is_not_begun(tmp_path: Path):
    with Mailbox(size_limit=2_000) as mailbox:
        error = failure(channel_for(mailbox, tmp_path), text="x" * 5_000)
        assert isinstance(error, Permanent)
        assert error.reason == "too_large"


def test_a_name_that_is_not_ascii_needs_a_server_that_takes_it(tmp_path: Path):
    joes = Contact({"address": "jös@münchen.example"})
    with Mailbox() as mailbox:
        channel_for(mailbox, tmp_path).send(message(), joes)
        assert mailbox.ledger.entries()[0]["to"] == ["jös@xn--mnchen-3ya.example"]
    with Mailbox(smtputf8=False) as mailbox:
        error = failure(channel_for(mailbox, tmp_path), joes)
        assert isinstance(error, Permanent)
        assert error.reason == "bad_address"


def test_a_mail_to_such_a_name_arrives_as_it_was_written(mailbox: Mailbox, tmp_path: Path):
    channel = channel_for(mailbox, tmp_path)
    channel.send(message(title="Größe"), Contact({"address": "用户@例子.example"}))
    channel.send(message(), ANA)
    first, second = mailbox.ledger.entries()
    assert first["to"] == ["用户@xn--fsqu00a.example"]
    mail = message_from_string(first["content"], policy=default)
    assert (mail["to"], mail["subject"]) == ("用户@xn--fsqu00a.example", "Größe")
    assert (second["to"], mailbox.connections) == (["ana@b.example"], 1)


def test_a_name_that_the_server_does_not_take_costs_nobody_else_anything(tmp_path: Path):
    with Mailbox(smtputf8=False) as mailbox:
        channel = channel_for(mailbox, tmp_path)
        error = failure(channel, Contact({"address": "jös@b.example"}))
        assert isinstance(error, Permanent)
        # The address may be right all the same: another server would take it.
        assert not error.disables
        assert "SMTPUTF8" in error.detail
        channel.send(message(), Contact({"address": "jo@münchen.example"}))
        assert [entry["to"] for entry in mailbox.ledger.entries()] == [["jo@xn--mnchen-3ya.example"]]
        assert mailbox.connections == 1


NO_RELAY = Say("554 5.7.1 <bob@elsewhere.example>: Relay access denied")


def test_a_server_that_relays_for_nobody_is_our_trouble(mailbox: Mailbox, tmp_path: Path):
    mailbox.script("rcpt", NO_RELAY)
    error = failure(channel_for(mailbox, tmp_path))
    assert isinstance(error, Transient)
    assert error.scope == "target"
    assert error.detail.startswith("The mail server does not relay for us: 554 5.7.1")


def test_a_server_that_relays_for_others_only_refuses_this_one(mailbox: Mailbox, tmp_path: Path):
    channel = channel_for(mailbox, tmp_path)
    channel.send(message(), ANA)
    mailbox.script("rcpt", NO_RELAY, recipient="bob@elsewhere.example")
    error = failure(channel, Contact({"address": "bob@elsewhere.example"}))
    assert isinstance(error, Transient)
    assert error.scope == "recipient"
    channel.send(message(), ANA)
    assert mailbox.connections == 1


def test_a_login_that_we_do_not_know_is_said_to_be_that(mailbox: Mailbox, tmp_path: Path):
    mailbox.script("ehlo", Say("250-mailbox.test\r\n250 AUTH XOAUTH2 NTLM"))
    error = failure(channel_for(mailbox, tmp_path, username=LOGIN[0], password=LOGIN[1]))
    assert isinstance(error, Transient)
    assert "no way to log in" in error.detail


def test_421_in_the_middle_of_a_kept_connection_is_tried_again_on_a_new_one(mailbox: Mailbox, tmp_path: Path):
    channel = channel_for(mailbox, tmp_path)
    channel.send(message(), ANA)
    mailbox.script("rcpt", Say("421 4.3.2 tired", times=1), Say())
    error = failure(channel)
    assert isinstance(error, Transient)
    assert not error.unknown
    channel.send(message(), ANA)
    assert (len(mailbox.ledger.entries()), mailbox.connections) == (2, 2)


def test_lines_of_dots_stay_lines_of_dots(mailbox: Mailbox, tmp_path: Path):
    text = "one\n.\n..\n.end"
    channel_for(mailbox, tmp_path).send(message(text=text), ANA)
    mail = message_from_string(mailbox.ledger.entries()[0]["content"], policy=default)
    assert next(mail.iter_parts()).get_content().replace("\r\n", "\n") == text


def test_mails_are_sent_from_several_threads(mailbox: Mailbox, tmp_path: Path):
    channel = channel_for(mailbox, tmp_path, timeout=10.0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: channel.send(message(notification_id=f"ntf_{number}"), ANA), range(60)))
    assert {entry["key"] for entry in mailbox.ledger.entries()} == {f"ntf_{number}" for number in range(60)}
    assert mailbox.connections <= 4
