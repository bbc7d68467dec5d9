"""The steps of a notification's way, in words."""

import pytest

from app.rendering.reasons import Translator
from tests.fakes.occasions import TRANSLATIONS

SENTENCES = [
    ("plan", {"decision": "pending", "reason": None}, "Accepted, to be sent immediately."),
    ("plan", {"decision": "held", "reason": "quiet_hours"}, "Held: quiet hours."),
    ("plan", {"decision": "suppressed", "reason": "muted"}, "Not sent: this subject is muted in the preferences."),
    ("render", {"decision": "rendered", "locale": "pt-BR"}, "The text was written. Language: Portuguese (Brazil)."),
    ("render", {"decision": "rendered", "locale": "x-none"}, "The text was written. Language: x-none."),
    (
        "render",
        {"decision": "failed", "reason": "render_error", "detail": "body.html:3"},
        "Failed: the template could not be rendered.",
    ),
    (
        "rate_limit",
        {"decision": "held", "reason": "rate_limited", "until": "2026-11-23T07:00:00+00:00"},
        "Held until 08:00: too many messages in a short time.",
    ),
    ("deliver", {"decision": "delivered", "attempt": 1}, "Delivered."),
    ("deliver", {"decision": "delivered"}, "Delivered."),
    ("deliver", {"decision": "delivered", "attempt": 3}, "Delivered on attempt 3."),
    (
        "deliver",
        {"decision": "retrying", "attempt": 2, "http_status": 503, "next_at": "2026-11-23T07:00:00+00:00"},
        "Attempt 2 failed; another one will follow.",
    ),
    ("deliver", {"decision": "retrying"}, "The last attempt failed; another one will follow."),
    (
        "deliver",
        {"decision": "unknown", "reason": "worker_lost", "attempt": 1},
        "Attempt 1 was interrupted; it may or may not have arrived.",
    ),
    ("deliver", {"decision": "pending"}, "Put back in the queue: it will be sent when its turn comes."),
    ("deliver", {"decision": "failed", "reason": "rejected", "attempt": 1}, "Failed: the receiver refused it."),
    ("relay", {"decision": "released", "reason": None}, "The wait is over: it will be sent now."),
    ("digest", {"decision": "released", "reason": None}, "The wait is over: it will be sent now."),
    ("digest", {"decision": "digested", "reason": None, "digest_id": "ntf_1"}, "Added to a digest."),
    ("cancel", {"decision": "cancelled", "reason": "read"}, "Cancelled: it was already read in the inbox."),
    ("replay", {"created": "ntf_2"}, "Sent again as a new notification."),
]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator(translations=TRANSLATIONS, default_locale="en")


@pytest.mark.parametrize(("step", "detail", "sentence"), SENTENCES)
def test_every_step_is_told(translator, step, detail, sentence):
    assert translator.step(step, detail, "en", timezone="Europe/Berlin") == sentence


def test_a_step_nobody_knows_is_named(translator):
    assert translator.step("polish\nit", {}, "en") == "polish it"
    assert translator.step("polish", {"decision": "shiny"}, "en") == "shiny"
