"""What every channel promises, proven against a receiver that is really there."""

import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest

from channels.base import Channel, Contact, ContactError, DeliveryError, Permanent, Receipt
from channels.registry import CHANNELS, build_channels, channel_names, channel_type
from tests.contract.harness import Harness, ServedHarness
from tests.contract.harnesses import HARNESSES
from tests.contract.status_table import HAS_NOTHING, ROWS, Expected, NotThere
from tests.fakes.samples import channel_env, message

ANSWERS = [
    pytest.param(name, what, *row, id=f"{name}-{what}")
    for name, harness in HARNESSES.items()
    for what, row in {**harness.rows, **harness.answers}.items()
    if not isinstance(row, NotThere)
]


@pytest.fixture(params=list(HARNESSES))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    made = HARNESSES[request.param](tmp_path)
    yield made
    made.stop()


with_contacts = pytest.mark.parametrize(
    "harness", [name for name, harness in HARNESSES.items() if harness.has_contacts], indirect=True
)
with_servers = pytest.mark.parametrize(
    "harness", [name for name, harness in HARNESSES.items() if issubclass(harness, ServedHarness)], indirect=True
)


def outcome(harness: Harness, contact: Contact | None = None) -> Receipt | DeliveryError:
    try:
        return harness.channel.send(message(), contact or harness.contact())
    except DeliveryError as error:
        return error


def test_every_channel_has_a_harness():
    assert {name.partition(" ")[0] for name in HARNESSES} == set(channel_names())


def test_channel_names_are_unique_and_fit_into_labels_and_variables():
    assert len(set(channel_names())) == len(CHANNELS)
    assert all(re.fullmatch(r"[a-z]{1,20}", name) for name in channel_names())
    assert all(channel_type(channel.name) is channel for channel in CHANNELS)


def test_all_channels_are_built_without_connecting_anywhere(tmp_path: Path):
    channels = build_channels(channel_env(tmp_path))
    assert {name: type(channel) for name, channel in channels.items()} == {one.name: one for one in CHANNELS}
    assert all(channel.state() in ("configured", "console", "off") for channel in channels.values())


@pytest.mark.parametrize("name", HARNESSES)
def test_every_channel_says_what_it_makes_of_every_row(name: str):
    harness = HARNESSES[name]
    assert set(harness.rows) == set(ROWS)
    assert not set(harness.rows) & set(harness.answers)
    assert all(row.why for row in harness.rows.values() if isinstance(row, NotThere))


@pytest.mark.parametrize(("name", "what", "how", "expected"), ANSWERS)
def test_an_answer_becomes_its_outcome(
    name: str, what: str, how: Any, expected: Expected, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.CRITICAL, "mail.log")  # the fake's own, which hears the password
    harness = HARNESSES[name](tmp_path)
    harness.play(how)
    began = time.monotonic()
    try:
        result = outcome(harness)
        assert not (what in HAS_NOTHING and harness.received())
    finally:
        harness.stop()
    assert time.monotonic() - began < 3
    check(result, expected, harness)
    told = caplog.text + "".join(format_exception(result) if isinstance(result, Exception) else ())
    assert not [secret for secret in (*harness.secrets, *harness.private) if secret in told]


def check(result: Receipt | DeliveryError, expected: Expected, harness: Harness) -> None:
    if expected.kind is None:
        assert isinstance(result, Receipt), result
    else:
        assert isinstance(result, expected.kind), result
        assert {name: getattr(result, name) for name in expected.attributes} == dict(expected.attributes)
        assert result.detail
    assert len(result.detail.encode()) <= 1024
    assert not [secret for secret in (*harness.secrets, *harness.private) if secret in result.detail]


def test_the_key_stays_the_same_when_a_message_is_sent_again(harness: Harness):
    contact = harness.contact()
    for _ in range(2):
        harness.channel.send(message(), contact)
    assert harness.received() == ["ntf_0190", "ntf_0190"]


def test_awkward_words_arrive(harness: Harness):
    contact = harness.contact()
    words = "\x00\x07\u2028 \ud800 =?utf-8?q?a=0ABcc=3A_evil=40x.org?= \r\nBcc: x@y.example\n" + "x" * 5_000
    harness.channel.send(message(title=words, text=words, html=words, data={"error": words}), contact)
    assert harness.received() == ["ntf_0190"]


def test_a_target_is_one_short_line_without_secrets(harness: Harness):
    target = harness.channel.target(harness.contact())
    assert re.fullmatch(r"[!-~]{1,300}", target)
    assert not [secret for secret in (*harness.secrets, *harness.private) if secret in target]


def test_a_label_is_one_short_line_without_secrets(harness: Harness):
    label = harness.channel.label(harness.contact())
    assert re.fullmatch(r"[^\n]{1,300}", label)
    assert not [secret for secret in harness.secrets if secret in label]


@with_contacts
def test_a_contact_sent_back_as_read_is_the_same_contact(harness: Harness):
    contact = harness.contact()
    shown = harness.channel.show_contact(contact)
    assert harness.channel.read_contact(shown, contact) == contact
    assert not [secret for secret in (*harness.secrets, *_texts(contact.secret)) if secret in str(shown)]


def test_a_contact_that_is_plain_text_may_be_an_object_with_its_address(tmp_path: Path):
    channels = build_channels(channel_env(tmp_path)).values()
    contacts = {channel.name: HARNESSES[channel.name].good_contact for channel in channels}
    texts = {name: given for name, given in contacts.items() if isinstance(given, str)}
    assert set(texts) == {"email"}
    for channel in channels:
        if channel.name in texts:
            given = texts[channel.name]
            assert channel.read_contact({"address": given}, None) == channel.read_contact(given, None)


@with_contacts
def test_secrets_made_for_a_contact_are_shown_once(harness: Harness):
    contact = harness.contact()
    made = harness.channel.created_secrets(contact, None)
    assert set(made.values()) <= set(_texts(contact.secret))
    assert harness.channel.created_secrets(contact, contact) == {}


def test_a_bad_contact_is_refused_with_words_for_its_fields(harness: Harness):
    assert harness.bad_contacts
    for given in harness.bad_contacts:
        with pytest.raises(ContactError) as caught:
            harness.channel.read_contact(given, None)
        assert caught.value.messages
        assert all(texts and all(texts) for texts in caught.value.messages.values()), given


def test_a_list_is_all_or_nothing_where_the_channel_takes_lists(harness: Harness):
    messages = [message(notification_id=f"ntf_{number}") for number in range(3)]
    if harness.channel.bulk:
        harness.channel.send_bulk(messages)
        assert harness.received() == [one.notification_id for one in messages]
    else:
        with pytest.raises(TypeError):
            harness.channel.send_bulk(messages)


@with_servers
def test_a_long_list_keeps_its_connection(harness: ServedHarness):
    contact = harness.contact()
    for number in range(50):
        harness.channel.send(message(notification_id=f"ntf_{number}"), contact)
    assert harness.received() == [f"ntf_{number}" for number in range(50)]
    assert harness.server.connections == 1


@with_servers
def test_an_idle_connection_that_the_receiver_ended_costs_no_attempt(harness: ServedHarness):
    contact = harness.contact()
    for number in range(5):
        harness.channel.send(message(notification_id=f"ntf_{number}"), contact)
        harness.server.drop_idle()
    assert harness.received() == [f"ntf_{number}" for number in range(5)]


def test_the_common_part_of_a_channel_is_typed():
    assert all(issubclass(channel, Channel) for channel in CHANNELS)
    assert all(channel.kind in ("inbox", "mail", "hook", "chat", "alert") for channel in CHANNELS)
    assert issubclass(Permanent, DeliveryError)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for inner in (value.values() if hasattr(value, "values") else ()) for text in _texts(inner)]
