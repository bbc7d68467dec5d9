"""Two secrets while receivers change over: both sign for a day, and nothing else changes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from channels.webhook import BOTH_SIGN, Webhook
from tests.fakes.ledger import Entry
from tests.fakes.receiver import Receiver
from tests.fakes.samples import channel_env, message


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Webhook]:
    channel = Webhook.build(channel_env(tmp_path))
    yield channel
    channel.close()


def verifies(secret: str, entry: Entry) -> bool:
    headers = {name: entry["headers"][name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    try:
        Verifier(secret).verify(entry["body"].encode(), headers)
    except WebhookVerificationError:
        return False
    return True


@pytest.mark.parametrize(
    ("age", "old_signs"), [(timedelta(), True), (BOTH_SIGN - timedelta(minutes=1), True), (BOTH_SIGN, False)]
)
def test_both_sign_for_a_day(receiver: Receiver, channel: Webhook, age: timedelta, old_signs: bool):
    before = channel.read_contact({"url": receiver.url("/hook")}, None)
    after = channel.rotate(before, datetime.now(UTC) - age)
    channel.send(message(), after)
    (entry,) = receiver.ledger.entries()
    assert after.secret["secret"] != before.secret["secret"]
    assert verifies(after.secret["secret"], entry)
    assert verifies(before.secret["secret"], entry) is old_signs


def test_a_second_rotation_takes_nothing_from_the_day_of_the_first(receiver: Receiver, channel: Webhook):
    # As when the answer to the first got lost, and was asked for again.
    now = datetime.now(UTC)
    first = channel.read_contact({"url": receiver.url("/hook")}, None)
    contacts = [first, channel.rotate(first, now - timedelta(hours=20))]
    contacts.append(channel.rotate(contacts[-1], now - timedelta(hours=1)))
    channel.send(message(), contacts[-1])
    channel.send(message(), channel.rotate(contacts[-1], now + timedelta(hours=5)))
    once, later = receiver.ledger.entries()
    assert [verifies(one.secret["secret"], once) for one in contacts] == [True, True, True]
    assert [verifies(one.secret["secret"], later) for one in contacts] == [False, True, True]


def test_what_is_sent_back_as_it_was_read_keeps_both(receiver: Receiver, channel: Webhook):
    rotated = channel.rotate(channel.read_contact({"url": receiver.url("/hook")}, None), datetime.now(UTC))
    assert channel.read_contact(channel.show_contact(rotated), rotated) == rotated


def test_neither_secret_is_shown(channel: Webhook, receiver: Receiver):
    rotated = channel.rotate(channel.read_contact({"url": receiver.url("/hook")}, None), datetime.now(UTC))
    shown = str(channel.show_contact(rotated))
    assert rotated.secret["secret"] not in shown
    assert rotated.secret["replaced"][0]["secret"] not in shown
