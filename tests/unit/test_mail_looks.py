"""What mails look like in a language: whose letters come first, where lines may end, and how long a mail gets."""

import re

import pytest

from app.domain.events import EVENT_TYPES
from app.domain.notifications import DIGEST
from app.rendering.lint.rendered import MOST_HTML_BYTES
from app.rendering.samples import samples
from tests.fakes.occasions import LANGUAGES, make_occasion, make_renderer

NO_BREAK = "\xa0"
FIRST_FONTS = {"ja": "Hiragino Sans", "zh-Hans": "PingFang SC"}
EVERY_LANGUAGE = LANGUAGES.split(", ")


LENGTHS = {
    "ordinary": ("job-{}", "disk full on node-7"),
    "long": ("x" * 190 + "{}", "e" * 200),
    "written with many bytes": ("ジ" * 190 + "{}", "😀" * 200),
    "escaped": ("&'" * 95 + "{}", "\"'&<>" * 40),
}
"""Names of jobs, and what they failed with."""


def html(locale: str, type_: str = "job.failed") -> str:
    content = make_renderer().render(make_occasion(type_), kind="mail", locale=locale, timezone="Europe/Berlin")
    assert content.html is not None
    return content.html


@pytest.mark.parametrize("locale", EVERY_LANGUAGE)
def test_the_fonts_of_a_script_come_before_those_of_others(locale: str):
    body = re.search(r"<body[^>]*>", html(locale))
    assert body is not None
    first = re.search(r"font-family: '?([^',;]+)", body[0])
    assert first is not None
    assert first[1] == FIRST_FONTS.get(locale, "-apple-system")
    assert body[0].count("font-family") == 1


@pytest.mark.parametrize("locale", EVERY_LANGUAGE)
def test_only_japanese_headings_are_kept_from_ending_lines_inside_words(locale: str):
    assert ("word-break: keep-all !important" in html(locale)) == (locale == "ja")


@pytest.mark.parametrize("locale", EVERY_LANGUAGE)
def test_a_mail_says_its_language_also_where_the_page_around_it_is_lost(locale: str):
    page = html(locale)
    assert len(re.findall(rf'<table [^>]*lang="{locale}"', page)) == 2


@pytest.mark.parametrize("locale", EVERY_LANGUAGE)
def test_no_line_of_html_ends_between_a_time_and_its_zone(locale: str):
    content = make_renderer().render(make_occasion("job.failed"), kind="mail", locale=locale, timezone="UTC")
    assert content.html is not None
    assert f"{NO_BREAK}UTC" in content.html
    assert " UTC" not in content.html
    assert " UTC" in content.text


@pytest.mark.parametrize("locale", ["ar", "en", "ja"])
@pytest.mark.parametrize("length", LENGTHS)
def test_a_digest_of_a_thousand_subjects_is_short_enough_for_mail_programs_to_show_all_of_it(length: str, locale: str):
    name, error = LENGTHS[length]
    carried = [
        make_occasion("job.failed", {"job_id": name.format(number), "error": error}, duplicates=3)
        for number in range(1_000)
    ]
    digest = next(samples(DIGEST, EVENT_TYPES)).occasion
    content = make_renderer().render_digest(digest, carried, kind="mail", locale=locale, timezone="Europe/Berlin")
    assert content.html is not None
    assert len(content.html.encode()) < MOST_HTML_BYTES
    rows = content.html.count('<td class="fact"')
    assert 25 <= rows <= 50
    assert str(1_000 - rows) in content.html
