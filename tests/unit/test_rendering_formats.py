"""Dates, numbers and sizes as readers in different places write them, and text made safe to show."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from app.rendering.catalogues import formats_for, normalise, with_parents
from app.rendering.filters import Reader, share
from app.rendering.render import zone_of
from app.rendering.text import clean, clip, one_line, tidy
from tests.fakes.occasions import MOMENT


def reader(locale: str, zone: str = "UTC") -> Reader:
    return Reader(Locale.parse(locale, sep="-"), ZoneInfo(zone))


@pytest.mark.parametrize(
    ("locale", "zone", "moment", "written"),
    [
        ("en", "Europe/Berlin", MOMENT, "November 22, 2026, 9:05 PM CET"),
        ("en", "America/New_York", MOMENT, "November 22, 2026, 3:05 PM EST"),
        ("en", "Asia/Kolkata", MOMENT, "November 23, 2026, 1:35 AM IST"),
        ("en", "UTC", MOMENT, "November 22, 2026, 8:05 PM UTC"),
        ("en", "America/Sao_Paulo", MOMENT, "November 22, 2026, 5:05 PM UTC-03"),
        ("en-GB", "Europe/Berlin", MOMENT, "22 November 2026, 21:05 CET"),
        ("de", "Europe/Berlin", MOMENT, "22. November 2026, 21:05 MEZ"),
        ("de-AT", "Europe/Vienna", MOMENT, "22. November 2026, 21:05 MEZ"),
        # The hour that does not exist and the hour that comes twice.
        ("de", "Europe/Berlin", datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "29. März 2026, 01:59 MEZ"),
        ("de", "Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "29. März 2026, 03:00 MESZ"),
        ("de", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "25. Oktober 2026, 02:30 MESZ"),
        ("de", "Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "25. Oktober 2026, 02:30 MEZ"),
        ("en", "Pacific/Kiritimati", datetime(2026, 12, 31, 12, 0, tzinfo=UTC), "January 1, 2027, 2:00 AM UTC+14"),
    ],
)
def test_a_moment_is_told_on_the_clock_of_the_reader(locale, zone, moment, written):
    assert reader(locale, zone).moment(moment) == written


def test_one_reader_keeps_summer_and_winter_apart():
    berlin = reader("de", "Europe/Berlin")
    assert berlin.moment(MOMENT).endswith("MEZ")
    assert berlin.moment(MOMENT - timedelta(days=120)).endswith("MESZ")
    assert berlin.moment(MOMENT).endswith("MEZ")


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "a\x00b", "x" * 400])
def test_an_unknown_zone_reads_as_utc(name):
    assert zone_of(name) == ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("locale", "value", "written"),
    [
        ("en", 42.5, "42.5%"),
        ("en", 42, "42%"),
        ("en", 0, "0%"),
        ("en", 100.0, "100%"),
        ("en", 99.96, "100%"),
        ("de", 42.5, "42,5\xa0%"),
        ("en", 1234.5, "1,234.5%"),
    ],
)
def test_percent_has_at_most_one_decimal(locale, value, written):
    assert reader(locale).percent(value) == written


@pytest.mark.parametrize(
    ("locale", "value", "unit", "written"),
    [
        ("en", 1_073_741_824, "bytes", "1.07\xa0GB"),
        ("en", 1_000_000_000, "bytes", "1\xa0GB"),
        ("en", 999, "bytes", "999\xa0bytes"),
        ("en", 1, "bytes", "1\xa0byte"),
        ("en", 0, "bytes", "0\xa0bytes"),
        ("de", 1_234_000.0, "bytes", "1,23\xa0MB"),
        ("en", 5 * 10**18, "bytes", "5,000\xa0PB"),
        ("en", 1_234_567.5, "credits", "1,234,567.5 credits"),
        ("de", 1_234_567.5, None, "1.234.567,5"),
        ("en", 91, {"no": "text"}, "91"),
        ("en", 91, "\r\nhours\u202e", "91 hours"),
    ],
)
def test_an_amount_comes_with_its_unit(locale, value, unit, written):
    assert reader(locale).quantity(value, unit).replace(" ", "\xa0") == written.replace(" ", "\xa0")


@pytest.mark.parametrize(
    ("locale", "seconds", "written"),
    [
        ("en", 1834, "30 minutes, 34 seconds"),
        ("de", 1834, "30 Minuten, 34 Sekunden"),
        ("en", 60, "1 minute"),
        ("de", 1, "1 Sekunde"),
        ("en", 0, "0 seconds"),
        ("en", 0.4, "0 seconds"),
        ("en", 3600 + 59, "1 hour"),
        ("en", 90_000, "1 day, 1 hour"),
        ("en", 86_400 * 400, "400 days"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(locale, seconds, written):
    assert reader(locale).duration(seconds) == written


@pytest.mark.parametrize(
    ("used", "limit", "percent"),
    [
        (1, 2, 50),
        (91, 100, 91),
        (0, 5, 0),
        (3, 0, None),
        (10**400, 1, None),
        (1e308, 1e-10, None),
        (1, float("inf"), 0),
    ],
)
def test_a_share_is_a_number_of_percent_or_nothing(used, limit, percent):
    assert share(used, limit) == percent


@given(st.one_of(st.integers(), st.floats()), st.sampled_from(["en", "de"]))
def test_every_number_can_be_written_on_one_short_line(value, locale):
    person = reader(locale)
    for written in (
        person.number(value),
        person.percent(value),
        person.filesize(value),
        person.duration(value),
        person.quantity(value, "x"),
    ):
        assert 0 < len(written) < 80
        assert "\n" not in written


@given(st.text())
def test_one_line_is_one_clean_line(text):
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == line.strip() == one_line(line)
    assert not set(line) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\x00\x1b\x7f")


@given(st.text())
def test_clean_text_stays_as_it_is(text):
    assert clean(clean(text)) == clean(text)
    assert tidy(tidy(text)) == tidy(text)
    assert "\n\n\n" not in tidy(text)
    clean(text).encode()


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_clip_never_exceeds_its_limit(text, most):
    assert len(clip(text, most)) <= most
    assert clip(text, len(text) + 1) == text


def test_emoji_and_foreign_scripts_are_left_alone():
    assert one_line("👩\u200d👩\u200d👧 مرحبا 漢字") == "👩\u200d👩\u200d👧 مرحبا 漢字"


@pytest.mark.parametrize(
    ("tag", "spelling"),
    [("pt_BR", "pt-BR"), ("PT-br", "pt-BR"), ("zh_hans", "zh-Hans"), ("zh-hans-cn", "zh-Hans-CN"), ("DE", "de")],
)
def test_locales_are_read_in_any_spelling(tag, spelling):
    assert normalise(tag) == spelling


def test_parents_are_ever_shorter():
    assert list(with_parents("zh_Hans_CN")) == ["zh-Hans-CN", "zh-Hans", "zh"]


def test_formats_never_speak_another_language_than_the_text():
    assert str(formats_for("de-AT", "de")) == "de_AT"
    assert str(formats_for("fr-CA", "en")) == "en"
    assert str(formats_for("en-ZZ-bogus", "en")) == "en"


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es", "pt-BR", "it", "nl", "pl", "ja", "zh-Hans", "ar", "uk"])
def test_no_language_shows_the_name_of_a_unit_in_place_of_its_word(locale: str):
    counts = (0, 1, 2, 3, 5, 11, 21, 100)
    spans = [count * length for count in counts for length in (1, 60, 3600, 86_400)]
    sizes = [count * 1000**power for count in counts for power in range(5)]
    words = [reader(locale).duration(span) for span in spans] + [reader(locale).filesize(size) for size in sizes]
    assert [word for word in words if "-" in word or "duration" in word or "digital" in word] == []


@pytest.mark.parametrize(
    ("locale", "written"),
    [
        ("nl", "1 dag en 1 uur"),
        ("ja", "1 日 1 時間"),
        ("pt-BR", "1 dia e 1 hora"),
        ("es", "1 día y 1 hora"),
        ("ar", "يوم وساعة"),
    ],
)
def test_what_babel_lacks_is_written_another_way(locale: str, written: str):
    assert reader(locale).duration(90_000) == written


def test_utc_is_utc_in_every_language():
    assert reader("fr").moment(MOMENT) == "22 novembre 2026, 20:05 UTC"
