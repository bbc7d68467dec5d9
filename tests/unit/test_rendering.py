"""Every cell renders, in every language, whatever the event carries."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.events import EVENT_TYPES, KINDS
from app.rendering.render import MOST_TEXT, MOST_TITLE, Content, Renderer
from tests.fakes.occasions import PUBLIC_URL, make_occasion, make_renderer, required_only, with_every_text

LOCALES = ("en", "de")
HOSTILE = (
    "{{7*7}}{% for x in y %}${7*7}<%= 7*7 %>#{7*7}",
    "<img src=x onerror=alert(1)>",
    "\"'><script>alert(1)</script>",
    "javascript:alert(1)",
    "a\r\nBcc: everyone@example.com\r\n\r\nbody",
    "\u202egnp.exe\u2066\u200f",
    "%(job)s %s %d 100% %%",
    "x" * 60_000,
    "👩‍👩‍👧 🎉 مرحبا שלום 漢字",
    "\x00\x07\x1b[31m\x7f\x85\u2028",
    "&lt;b&gt; &amp; </title></style></td></table>",
)
_ANGLES = re.compile(r"<[^>]*>")


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return make_renderer()


class Outline(HTMLParser):
    """The elements and texts of a page; fails on a tag that is closed out of turn."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def check(content: Content) -> None:
    """What holds for every content, whatever was put in."""
    assert 0 < len(content.title) <= MOST_TITLE
    assert content.title == " ".join(content.title.split())
    assert 0 < len(content.text) <= MOST_TEXT
    for piece in (content.title, content.text.replace("\n", ""), (content.html or "").replace("\n", "")):
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\u2028\u2029]", piece)
    json.dumps([content.title, content.text, content.html]).encode()
    if content.html is None:
        return
    page = Outline(content.html)
    assert {tag for tag, _ in page.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "h1", "p", "a", "bdi", "span")
    }
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert len(links) == 3
    assert all(link and link.startswith(f"{PUBLIC_URL}/") for link in links)
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_cell_renders_with_and_without_optional_fields(renderer, event_type, kind, locale):
    for data in (None, required_only(event_type)):
        content = renderer.render(make_occasion(event_type, data), kind=kind, locale=locale, timezone="Europe/Berlin")
        check(content)
        assert content.locale == locale
        assert (content.html is not None) == (kind == "mail")


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_hostile_strings_stay_text(renderer, event_type, locale):
    for text in HOSTILE:
        occasion = make_occasion(event_type, with_every_text(event_type, text), duplicates=2, source=text)
        for kind in ("mail", "chat"):
            check(renderer.render(occasion, kind=kind, locale=locale, timezone="UTC"))


def test_a_template_expression_in_an_event_arrives_literally(renderer):
    occasion = make_occasion("job.failed", {"job_id": "j-1", "error": "{{7*7}}"})
    content = renderer.render(occasion, kind="mail", locale="en", timezone="UTC")
    assert "{{7*7}}" in content.title
    assert "{{7*7}}" in content.text
    assert "{{7*7}}" in Outline(content.html or "").text


def test_markup_in_an_event_is_shown_and_not_obeyed(renderer):
    occasion = make_occasion("job.failed", {"job_id": "j-1", "error": "<img onerror=x>", "name": "<b>bold</b>"})
    html = renderer.render(occasion, kind="mail", locale="en", timezone="UTC").html or ""
    assert "&lt;img onerror=x&gt;" in html
    assert "&lt;b&gt;bold&lt;/b&gt;" in html


@given(text=st.text(min_size=1), number=st.one_of(st.integers(min_value=0), st.floats(min_value=0, allow_nan=False)))
@settings(max_examples=60, deadline=None)
def test_no_text_and_no_number_breaks_a_mail(renderer, text, number):
    for event_type in ("job.completed", "job.failed", "system.warning", "quota.exceeded"):
        data = {**with_every_text(event_type, text or "x"), "used": number, "limit": number, "duration_seconds": number}
        for locale in LOCALES:
            content = renderer.render(
                make_occasion(event_type, data), kind="mail", locale=locale, timezone="Asia/Tokyo"
            )
            assert Outline(content.html or "").tags
            assert "\n" not in content.title


@pytest.mark.parametrize(
    "optional",
    [
        {"name": None, "duration_seconds": None, "unit": None, "url": None},
        {"name": "", "duration_seconds": "soon", "unit": 7, "url": ["x"]},
        {"name": {"a": 1}, "duration_seconds": {}, "unit": {}, "url": {}},
        {"name": " \n ", "duration_seconds": True, "unit": "", "url": "https://im2.example.evil.test/"},
    ],
)
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_optional_field_of_another_shape_does_no_harm(renderer, event_type, optional):
    data = {**required_only(event_type), **optional}
    for kind in ("mail", "inbox"):
        check(renderer.render(make_occasion(event_type, data), kind=kind, locale="de", timezone="UTC"))


def test_a_mail_says_what_happened_to_what_when_what_to_do_where_and_why(renderer):
    content = renderer.render(make_occasion("job.failed"), kind="mail", locale="en", timezone="Europe/Berlin")
    assert content.title == "Job failed: disk full on node-7 (nightly encode)"
    assert content.text.split("\n") == [
        "nightly encode failed",
        "",
        "    disk full on node-7",
        "",
        "Job: j-2041",
        "When: November 22, 2026, 9:05 PM CET",
        "",
        "Fix the cause of the error, then start the job again.",
        "",
        "See the job's history: https://im2.example/notify/ui/history?subject_key=j-2041",
        "",
        "--",
        "You received this e-mail because notifications about failed jobs are turned on for you.",
        "Change what you get and where: https://im2.example/notify/ui/preferences",
        "Unsubscribe from e-mails like this: https://im2.example/notify/unsubscribe/…",
    ]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_plain_text_tells_what_the_html_tells(renderer, event_type, locale):
    content = renderer.render(make_occasion(event_type), kind="mail", locale=locale, timezone="Europe/Berlin")
    page = Outline(content.html or "").text
    for value in make_occasion(event_type).data.values():
        if isinstance(value, str) and value != "bytes":
            assert value in content.text
            assert value in page
    for line in content.text.split("\n")[-2:]:
        assert line.split(": https://")[0] in page


def test_german_reads_german(renderer):
    content = renderer.render(make_occasion("quota.exceeded"), kind="inbox", locale="de", timezone="Europe/Berlin")
    assert content.title == "Kontingent überschritten: storage bei 107,4 %"
    assert content.text == (
        "Belegt: 1,07\xa0GB von 1\xa0GB (107,4\xa0%)\nÜber dem Limit: 73,74 MB\n"
        "Stand: 22. November 2026, 21:05 MEZ\n\n"
        "Etwas freigeben oder ein höheres Limit beantragen. Bis dahin wird neue Arbeit, die dieses Kontingent"
        " braucht, möglicherweise abgelehnt."
    )


@pytest.mark.parametrize(
    ("duplicates", "locale", "said"),
    [
        (0, "en", None),
        (1, "en", "This happened 2 times."),
        (1, "de", "Dies ist 2-mal vorgekommen."),
        (11, "de", "Dies ist 12-mal vorgekommen."),
    ],
)
def test_repeats_are_told_as_the_number_of_times_it_happened(renderer, duplicates, locale, said):
    for event_type in EVENT_TYPES:
        occasion = make_occasion(event_type, duplicates=duplicates)
        for kind in ("mail", "inbox"):
            content = renderer.render(occasion, kind=kind, locale=locale, timezone="UTC")
            texts = [content.text] + ([Outline(content.html).text] if content.html else [])
            for text in texts:
                assert (said in text) if said else ("happened 1" not in text)


def test_links_go_to_the_event_s_own_page_only_if_it_is_ours(renderer):
    ours = f"{PUBLIC_URL}/jobs/j-1"
    history = f"{PUBLIC_URL}/ui/history?subject_key=j-1"
    for url, label, shown in (
        (ours, "Open the job", ours),
        ("https://evil.test/j-1", "See the job's history", history),
        (None, "See the job's history", history),
    ):
        occasion = make_occasion("job.completed", {"job_id": "j-1", "url": url})
        content = renderer.render(occasion, kind="mail", locale="en", timezone="UTC")
        assert f"{label}: {shown}\n" in content.text
        assert f'href="{shown}"' in (content.html or "")
        assert label in Outline(content.html or "").text


def test_alerts_carry_the_link_in_the_short_text(renderer):
    shown = {
        kind: "https://" in renderer.render(make_occasion("job.failed"), kind=kind, locale="en", timezone="UTC").text
        for kind in KINDS
    }
    assert shown == {"inbox": False, "mail": True, "hook": False, "chat": False, "alert": True}


@pytest.mark.parametrize(
    ("event_type", "locale", "resolved", "severity"),
    [
        ("system.error", "en", False, "Critical"),
        ("system.error", "de", False, "Kritisch"),
        ("job.failed", "de", False, "Hoch"),
        ("job.completed", "en", False, "Completed"),
        ("job.completed", "de", False, "Abgeschlossen"),
        ("job.completed", "en", True, "Resolved"),
        ("system.warning", "en", False, "Normal"),
        ("job.progress", "en", False, "Low"),
        ("system.error", "en", True, "Resolved"),
        ("system.error", "de", True, "Behoben"),
    ],
)
def test_chats_and_alerts_say_in_a_word_how_urgent_it_is(renderer, event_type, locale, resolved, severity):
    occasion = replace(make_occasion(event_type), resolved=resolved)
    signs = {kind: renderer.render(occasion, kind=kind, locale=locale, timezone="UTC").signs for kind in KINDS}
    assert [kind for kind, beside in signs.items() if beside] == ["chat", "alert"]
    assert signs["chat"].severity == severity
    assert signs["chat"].link == f"{PUBLIC_URL}/ui/history?subject_key={occasion.subject_key}"
    assert signs["chat"].link_label == {"en": "Details", "de": "Details"}[locale]


def test_a_long_text_and_a_long_title_are_cut_with_an_ellipsis(renderer):
    occasion = make_occasion("system.error", {"component": "c" * 9_000, "message": "m" * 60_000})
    content = renderer.render(occasion, kind="mail", locale="en", timezone="UTC")
    assert len(content.title) <= MOST_TITLE
    assert "…" in content.title
    assert "m…" in content.text


def test_the_same_occasion_always_gives_the_same_content():
    occasion = make_occasion("quota.approaching", duplicates=3)
    contents = {make_renderer().render(occasion, kind="mail", locale="de", timezone="Asia/Kolkata") for _ in range(3)}
    assert len(contents) == 1


def test_a_limit_of_zero_has_no_share(renderer):
    occasion = make_occasion("quota.exceeded", {"resource": "seats", "used": 3, "limit": 0})
    content = renderer.render(occasion, kind="inbox", locale="en", timezone="UTC")
    assert content.title == "Quota exceeded: seats"
    assert content.text.startswith("Used: 3 of 0\nOver the limit: 3\n")
