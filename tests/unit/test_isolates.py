"""Values in plain texts of a language that runs from right to left keep their own direction, and change no other's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.events import EVENT_TYPES
from app.domain.notifications import DIGEST
from app.rendering.samples import samples
from app.rendering.text import apart, settled
from tests.fakes.occasions import LANGUAGES, make_occasion, make_renderer

FSI, PDI = "\u2068", "\u2069"
RIGHT_TO_LEFT = {"ar"}
DATA = {"job_id": "j-1", "name": "-5% (v2)", "error": "3 of 7 failed"}
KINDS = ("alert", "chat", "hook", "inbox", "mail")


def words(locale: str, kind: str, **data: str) -> str:
    content = make_renderer().render(
        make_occasion("job.failed", DATA | data, duplicates=2), kind=kind, locale=locale, timezone="UTC"
    )
    return f"{content.title}\n{content.text}"


def depth(line: str) -> int:
    """How many isolates a line leaves open; fails where it closes one that is not."""
    open_ = 0
    for letter in line:
        open_ += (letter == FSI) - (letter == PDI)
        assert open_ >= 0
    return open_


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("locale", LANGUAGES.split(", "))
def test_only_languages_that_run_from_right_to_left_have_them(locale: str, kind: str):
    text = words(locale, kind)
    assert (FSI in text, PDI in text) == ((locale in RIGHT_TO_LEFT,) * 2)
    assert [depth(line) for line in text.split("\n")] == [0] * (text.count("\n") + 1)


def test_a_value_is_set_apart_and_a_link_is_left_alone():
    text = words("ar", "mail")
    assert f"{FSI}-5% (v2){PDI}" in text
    assert f"preferences{PDI}" not in text
    assert f"{FSI}http" not in text


def html(locale: str, type_: str, data: dict[str, object] | None = None) -> str:
    content = make_renderer().render(make_occasion(type_, data), kind="mail", locale=locale, timezone="UTC")
    assert content.html is not None
    return content.html


def test_names_have_an_element_for_it_in_html():
    page = html("ar", "job.failed", DATA)
    assert "<bdi>-5% (v2)</bdi>" in page
    assert f"<bdi>{FSI}" not in page


@pytest.mark.parametrize("locale", LANGUAGES.split(", "))
def test_a_number_in_a_heading_of_html_is_set_apart_where_it_would_turn_round(locale: str):
    heading = html(locale, "job.progress").partition("</h1>")[0].rpartition(">")[2]
    assert (f"{FSI}42.5%{PDI}" in heading) == (locale in RIGHT_TO_LEFT)


def test_the_titles_that_a_digest_quotes_keep_their_values_apart():
    sample = next(samples(DIGEST, EVENT_TYPES))
    content = make_renderer().render_digest(sample.occasion, sample.carried, kind="mail", locale="ar", timezone="UTC")
    items = "\n".join(item["title"] for item in content.items or ())
    for text in (content.html or "", content.text, items):
        assert f"{FSI}42.5%{PDI}" in text
    assert f"{FSI}nightly encode{PDI}" in content.title


@given(st.text(st.sampled_from("a1ب \n\ufdd0\ufdd1\u2066\u2068\u2069\u202e"), max_size=40))
def test_what_an_event_brings_opens_and_closes_nothing(text: str):
    shown = words("ar", "inbox", name=text, error=text)
    assert not {"\ufdd0", "\ufdd1", "\u2066", "\u202e"} & set(shown)
    assert [depth(line) for line in shown.split("\n")] == [0] * (shown.count("\n") + 1)


@given(st.text(st.sampled_from("a1ب \n<\ufdd0\ufdd1\u2066\u2068\u2069\u202e"), max_size=40))
def test_nor_does_it_in_html(text: str):
    page = html("ar", "system.error", {"component": text or "x", "message": text})
    assert not {"\ufdd0", "\ufdd1", "\u2066", "\u202e"} & set(page)
    assert [depth(line) for line in page.split("\n")] == [0] * (page.count("\n") + 1)


@given(st.lists(st.text(max_size=5), max_size=5))
def test_marks_become_pairs_also_within_each_other(values: list[str]):
    text = ""
    for value in values:
        text = apart(f"{value} {text}")
    assert all(depth(line) == 0 for line in settled(text).split("\n") if not {FSI, PDI} & set("".join(values)))
