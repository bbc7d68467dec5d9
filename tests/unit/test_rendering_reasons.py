"""Why something was or was not sent, in words."""

import re
from datetime import UTC, datetime

import pytest

from app.domain.notifications import REASONS, STATUSES
from app.rendering.reasons import Translator
from tests.fakes.occasions import TRANSLATIONS

UNTIL = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
DECISIONS = [
    *(("send", source) for source in ("user", "default", "required", "closes_alert")),
    ("suppress", "nothing_open"),
    *(("hold", reason) for reason in REASONS["held"]),
    *(("suppress", reason) for reason in REASONS["suppressed"]),
]
PAIRS = [
    *((status, None) for status in STATUSES),
    *((status, reason) for status, reasons in REASONS.items() for reason in reasons),
    *DECISIONS,
]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator(translations=TRANSLATIONS, default_locale="en")


@pytest.mark.parametrize("until", [None, UNTIL])
@pytest.mark.parametrize(("status", "reason"), PAIRS)
def test_every_status_and_reason_has_a_sentence_in_every_language(translator, status, reason, until):
    said = [
        translator.because(status, reason, locale, until=until, timezone="Europe/Berlin") for locale in ("en", "de")
    ]
    for sentence in said:
        assert re.fullmatch(r"[A-ZÄÖÜ][^%{}_]*\.", sentence), sentence
    assert said[0] != said[1]


def test_no_two_reasons_of_a_status_sound_the_same(translator):
    for status, reasons in REASONS.items():
        for locale in ("en", "de"):
            said = [translator.because(status, reason, locale) for reason in (None, *reasons)]
            assert len(set(said)) == len(said)


@pytest.mark.parametrize(
    ("locale", "timezone", "sentence"),
    [
        ("en", "Europe/Berlin", "Held until 08:00: your quiet hours."),
        ("en", "UTC", "Held until 07:00: your quiet hours."),
        ("de", "Europe/Berlin", "Zurückgehalten bis 08:00 Uhr: eingestellte Ruhezeit."),
        ("sw", "Asia/Kolkata", "Held until 12:30: your quiet hours."),
    ],
)
def test_times_are_on_the_clock_of_the_reader(translator, locale, timezone, sentence):
    assert translator.because("held", "quiet_hours", locale, until=UNTIL, timezone=timezone) == sentence
    assert translator.because("hold", "quiet_hours", locale, until=UNTIL, timezone=timezone) == sentence


def test_what_may_be_days_away_is_told_with_its_day(translator):
    sentence = translator.because("held", "scheduled", "en", until=UNTIL, timezone="Europe/Berlin")
    assert sentence == "Held until November 23, 2026, 8:00 AM CET, the scheduled time."


@pytest.mark.parametrize(
    ("attempts", "in_doubt", "locale", "sentence"),
    [
        (1, False, "en", "Failed after 1 attempt."),
        (4, False, "en", "Failed after 4 attempts."),
        (1, False, "de", "Fehlgeschlagen nach 1 Versuch."),
        (4, False, "de", "Fehlgeschlagen nach 4 Versuchen."),
        (1, True, "en", "Failed after 1 attempt, which may still have arrived."),
        (4, True, "en", "Failed after 4 attempts, one of which may still have arrived."),
        (1, True, "de", "Fehlgeschlagen nach 1 Versuch, der dennoch angekommen sein kann."),
        (4, True, "de", "Fehlgeschlagen nach 4 Versuchen, von denen einer dennoch angekommen sein kann."),
    ],
)
def test_used_up_attempts_are_counted(translator, attempts, in_doubt, locale, sentence):
    said = translator.because("failed", "attempts_exhausted", locale, attempts=attempts, in_doubt=in_doubt)
    assert said == sentence


def test_a_cell_that_is_off_says_whose_choice_that_was(translator):
    said = [
        translator.because("suppress", "opted_out", "en", source=source) for source in ("user", "default", "required")
    ]
    assert said == [
        "Not sent: turned off in the preferences.",
        "Not sent: this channel is off by default for this type of event.",
        "Not sent: this type of event never goes to this channel.",
    ]


def test_a_reason_nobody_knows_gives_the_sentence_of_its_status(translator):
    assert translator.because("held", "full_moon", "en") == "Held for later."
    assert translator.because("unheard\nof", None, "en") == "unheard of"


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("en", "Not sent: there was no alert left to close, or it has to stay open."),
        ("de", "Nicht gesendet: Es gab keinen Alarm mehr zu schließen, oder er muss offen bleiben."),
    ],
)
def test_the_end_of_an_alert_is_superseded_in_its_own_words(translator, locale, sentence):
    assert translator.because("suppressed", "superseded", locale, closes_alert=True) == sentence
    assert translator.because("suppressed", "superseded", locale) != sentence
