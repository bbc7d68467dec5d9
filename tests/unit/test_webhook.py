"""The document, its signature and the contact of a webhook."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier

from channels.base import Permanent
from channels.webhook import Webhook, body_of, sign
from tests.fakes.samples import channel_env, message

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def channel(tmp_path: Path) -> Webhook:
    return Webhook.build(channel_env(tmp_path, allowed_networks=[]))


def test_the_signature_of_the_specification():
    signature = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=24, max_size=64), st.text(max_size=200))
def test_the_library_verifies_what_we_sign(key: bytes, text: str):
    secret = "whsec_" + base64.b64encode(key).decode()
    body = body_of(message(text=text))
    now = int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": "ntf_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(secret, "ntf_1", now, body),
    }
    assert Verifier(secret).verify(body, headers) == json.loads(body)


def test_the_document_is_the_one_of_the_contract():
    assert json.loads(body_of(message())) == {
        "type": "job.failed",
        "timestamp": "2026-11-22T09:30:00Z",
        "data": {
            "notification_id": "ntf_0190",
            "event_id": "evt_0190",
            "user_id": "u-17",
            "subject_key": "j-9",
            "sequence": 4,
            "source": "encoder",
            "priority": "high",
            "locale": "de",
            "title": "Auftrag j-9 ist gescheitert – „disk full“",
            "text": "Der Auftrag ist gescheitert.\n.\nMehr nicht.",
            "event": {"job_id": "j-9", "error": "disk full"},
            "items": None,
        },
    }


def test_a_document_above_256_kib_is_not_sent(channel: Webhook):
    contact = channel.read_contact({"url": "https://hooks.example/"}, None)
    with pytest.raises(Permanent) as caught:
        channel.send(message(text="x" * 256 * 1024), contact)
    assert caught.value.reason == "too_large"


def test_a_new_contact_gets_a_secret_of_its_own(channel: Webhook):
    contacts = [channel.read_contact({"url": "https://hooks.example/"}, None) for _ in range(2)]
    secrets = [channel.created_secrets(contact, None)["secret"] for contact in contacts]
    assert len(set(secrets)) == 2
    assert all(len(base64.b64decode(secret.removeprefix("whsec_"))) == 32 for secret in secrets)


def test_another_url_keeps_the_secret_and_shows_it_no_more(channel: Webhook):
    before = channel.read_contact({"url": "https://hooks.example/"}, None)
    after = channel.read_contact({"url": "https://other.example/"}, before)
    assert after.secret == before.secret
    assert channel.created_secrets(after, before) == {}


def test_a_contact_is_shown_without_its_secrets(channel: Webhook):
    given_contact = {"url": "https://hooks.example/", "headers": {"X-Key": "0123456789abcdef", "X-Short": "abcd"}}
    contact = channel.read_contact(given_contact, None)
    assert channel.show_contact(contact) == {
        "url": "https://hooks.example/",
        "types": None,
        "headers": {"X-Key": {"set": True, "last4": "cdef"}, "X-Short": {"set": True, "last4": ""}},
        "secret": {"set": True, "last4": contact.secret["secret"][-4:]},
    }


def test_headers_that_are_left_out_are_gone_and_masked_ones_stay(channel: Webhook):
    before = channel.read_contact({"url": "https://h.example/", "headers": {"X-A": "1", "X-B": "2", "X-C": "3"}}, None)
    changed = {"url": "https://h.example/", "headers": {"X-A": {"set": True, "last4": ""}, "X-B": "4", "X-C": None}}
    assert channel.read_contact(changed, before).secret["headers"] == {"X-A": "1", "X-B": "4"}


def test_a_secret_can_be_brought_along(channel: Webhook):
    contact = channel.read_contact({"url": "https://hooks.example/", "secret": SECRET}, None)
    assert contact.secret["secret"] == SECRET


def test_a_target_is_scheme_host_and_port(channel: Webhook):
    contact = channel.read_contact({"url": "https://Hooks.Example/T0/secret?key=1"}, None)
    assert channel.target(contact) == "https://hooks.example:443"
