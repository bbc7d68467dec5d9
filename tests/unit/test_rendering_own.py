"""What tests and verifications say, in each language."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.notifications import CONTACT_DISABLED, CONTACT_FAILING, OWN_LIFETIME, TEST, VERIFICATION
from app.rendering.occasion import Occasion
from app.rendering.render import Content
from tests.fakes.occasions import MOMENT, PUBLIC_URL, make_renderer

LINK = f"{PUBLIC_URL}/ui/verify/…"


def rendered(type_: str, kind: str, locale: str, **data: Any) -> Content:
    occasion = Occasion(
        type=type_,
        data=data,
        priority="normal",
        subject_key=None,
        source=None,
        occurred_at=MOMENT,
        expires_at=MOMENT + OWN_LIFETIME,
        user_id="u-17",
        notification_id="ntf_019ad1f0",
        duplicates=0,
    )
    return make_renderer().render(occasion, kind=kind, locale=locale, timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("locale", "title", "text"),
    [
        ("en", "Test notification", "This is a test from November 22, 2026, 9:05 PM CET. Notifications arrive here."),
        (
            "de",
            "Testbenachrichtigung",
            "Dies ist ein Test vom 22. November 2026, 21:05 MEZ. Benachrichtigungen kommen hier an.",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["inbox", "hook", "chat", "alert", "mail"])
def test_a_test_says_that_it_is_one(kind: str, locale: str, title: str, text: str):
    content = rendered(TEST, kind, locale)
    assert (content.title, content.locale) == (title, locale)
    assert content.text.startswith(text)
    assert (content.text == text) is (kind in {"inbox", "hook", "chat"})
    assert (content.html is not None) is (kind == "mail")


@pytest.mark.parametrize(
    ("locale", "until"),
    [
        ("en", "The link works for 24 hours, until November 23, 2026, 9:05 PM CET."),
        ("de", "Der Link funktioniert 24 Stunden lang, bis zum 23. November 2026, 21:05 MEZ."),
    ],
)
def test_a_verification_says_how_long_its_link_works_and_has_a_blank_for_it(locale: str, until: str):
    content = rendered(VERIFICATION, "mail", locale)
    html = content.html or ""
    for text in (content.text, html.replace("\xa0", " ")):
        assert until in text
        assert text.count(LINK) == 1
    assert '<a class="button" style="' in html
    assert f'href="{LINK}"' in html


@pytest.mark.parametrize("locale", ["en", "de"])
def test_a_verification_says_nothing_of_the_user_and_links_to_nothing_else(locale: str):
    # It may go to a stranger: nothing in it is chosen by whoever entered the address.
    content = rendered(VERIFICATION, "mail", locale)
    for text in (content.text, content.html or ""):
        assert "u-17" not in text
        assert text.count(PUBLIC_URL) == 1


CONTACT = {"contact": "Slack …a1b2", "answer": "Answered\n410: <gone>."}
ANSWER = {"en": "Last response: Answered 410: <gone>.", "de": "Letzte Antwort: Answered 410: <gone>."}
SINCE, UNTIL = {"since": MOMENT}, {"until": MOMENT + timedelta(days=5)}


@pytest.mark.parametrize(
    ("type_", "facts", "locale", "title", "why"),
    [
        (
            CONTACT_DISABLED,
            {"since": None},
            "en",
            "Slack …a1b2 has been turned off",
            "Nothing is sent there any more, because the receiver refuses it.",
        ),
        (
            CONTACT_DISABLED,
            SINCE,
            "de",
            "Slack …a1b2 wurde abgeschaltet",
            (
                "Dorthin wird nichts mehr gesendet, weil seit 22. November 2026, 21:05 MEZ jede Zustellung"
                " fehlgeschlagen ist."
            ),
        ),
        (
            CONTACT_FAILING,
            SINCE | UNTIL,
            "en",
            "Slack …a1b2 isn't accepting notifications",
            (
                "Every delivery there since November 22, 2026, 9:05 PM CET has failed. If this continues, it will be"
                " turned off after November 27, 2026, 9:05 PM CET."
            ),
        ),
        (
            CONTACT_FAILING,
            {"since": None},
            "de",
            "Slack …a1b2 nimmt keine Benachrichtigungen an",
            (
                "Der Empfänger lehnt ab, was dorthin gesendet wird. Der Kontakt stammt aus den Einstellungen des"
                " Dienstes und wird deshalb weiter mit jeder Benachrichtigung versucht."
            ),
        ),
    ],
)
def test_a_notice_about_a_contact_says_what_is_wrong_and_what_to_do(
    type_: str, facts: dict[str, Any], locale: str, title: str, why: str
):
    content = rendered(type_, "inbox", locale, **CONTACT, **facts)
    assert (content.title, content.html) == (title, None)
    lines = [line for line in content.text.splitlines() if line]
    assert lines[:2] == [why, ANSWER[locale]]
    assert len(lines) == (3 if type_ == CONTACT_DISABLED else 2)


def test_the_words_about_a_day_are_true():
    assert OWN_LIFETIME.total_seconds() == 24 * 3600
