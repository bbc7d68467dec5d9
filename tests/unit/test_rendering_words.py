"""What the texts say, and where they say it: nothing twice, nothing only in the HTML, and an end like an end."""

import re
from dataclasses import replace

import pytest

from app.domain.events import EVENT_TYPES, KINDS
from app.rendering.render import Renderer
from tests.fakes.occasions import MOMENT, PUBLIC_URL, TEMPLATES, make_occasion, make_renderer, with_every_text
from tests.unit.test_rendering import LOCALES, Outline


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return make_renderer()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("resolved", [False, True])
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_fact_of_the_html_is_in_its_plain_twin(renderer, event_type, resolved, locale):
    data = {**EVENT_TYPES[event_type].sample, "name": "nightly encode", "duration_seconds": 61, "unit": "seats"}
    occasion = replace(
        make_occasion(event_type, data, duplicates=2, source="scheduler"),
        resolved=resolved,
        earlier_times=4,
        earlier_at=MOMENT,
    )
    content = renderer.render(occasion, kind="mail", locale=locale, timezone="Europe/Berlin")
    text = " ".join(content.text.split())
    said = [" ".join(words.split()) for words in Outline(content.html or "").words if words.strip()]
    title, _preheader, sign, severity, *facts = said
    assert title == content.title
    assert sign in "✕!✓•"
    assert len(facts) > 10
    # The severity is what the title begins with, but for an end: that one has a line of its own.
    for fact in (*facts, *([severity] if resolved else [])):
        assert fact in text, fact


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_mail_loads_nothing_and_is_small(renderer, event_type):
    for text in ("short", "&" * 60_000, "漢" * 60_000):
        data = with_every_text(event_type, text)
        html = renderer.render(make_occasion(event_type, data), kind="mail", locale="de", timezone="UTC").html or ""
        tags = Outline(html).tags
        assert not [(tag, name) for tag, attrs in tags for name in attrs if name in {"src", "srcset", "background"}]
        assert not re.search(r"url\(|@import|@font-face|<link|<img", html)
        # Gmail shows no more than 102 KB of a mail.
        assert len(html.encode()) < (10_000 if text == "short" else 100_000)


def test_chats_and_alerts_say_why_it_came_and_where_to_change_that(renderer):
    content = renderer.render(make_occasion("job.failed"), kind="chat", locale="de", timezone="UTC")
    assert content.signs.why == "Gesendet, weil „Fehlgeschlagene Jobs“ hier eingeschaltet ist."
    assert content.signs.settings_label == "Einstellen, was wohin gesendet wird"
    assert content.signs.settings_link == f"{PUBLIC_URL}/ui/preferences"


def test_nothing_is_said_twice_unless_a_title_may_be_cut(renderer):
    def text(kind: str, error: str) -> str:
        occasion = make_occasion("job.failed", {"job_id": "j-1", "error": error})
        return renderer.render(occasion, kind=kind, locale="en", timezone="UTC").text

    for kind in ("inbox", "hook", "chat"):
        assert text(kind, "disk full").startswith("When: ")
        assert text(kind, "no " * 60).startswith("no no ")
    assert text("alert", "disk full").startswith("disk full\nWhen: ")


def test_who_reported_it_is_said_if_it_was_somebody_else(renderer):
    for kind, source, told in (
        ("inbox", "scheduler", True),
        ("inbox", "encoder", False),
        ("mail", "encoder", False),
        # There it stands in small print.
        ("chat", "scheduler", False),
    ):
        occasion = make_occasion("system.error", source=source)
        content = renderer.render(occasion, kind=kind, locale="en", timezone="UTC")
        assert ("Reported by" in content.text) is told
        assert "Reported by" not in (content.html or "")


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_end_reads_like_an_end(renderer, event_type):
    occasion = replace(make_occasion(event_type), resolved=True)
    for kind in KINDS:
        content = renderer.render(occasion, kind=kind, locale="en", timezone="UTC")
        assert content.title.startswith("Resolved: ") is (event_type != "job.completed")
        if event_type not in {"job.completed", "job.progress"}:
            assert "The problem is resolved; no action is needed." in content.text
            assert "Fix the cause" not in content.text
    mail = renderer.render(occasion, kind="mail", locale="en", timezone="UTC")
    assert mail.text.startswith("Resolved\n\n")
    assert '<td class="banner good"' in (mail.html or "")
    assert '<td class="banner bad"' not in (mail.html or "")


@pytest.mark.parametrize(
    ("event_type", "used", "limit", "said"),
    [
        ("quota.exceeded", 107, 100, "Over the limit: 7"),
        ("quota.exceeded", 100, 100, None),
        ("quota.approaching", 91.5, 100, "Left: 8.5"),
        ("quota.approaching", 120, 100, None),
        ("quota.exceeded", 10**400, 0.5, None),
    ],
)
def test_how_much_is_over_or_left_is_said_where_there_is_any(renderer, event_type, used, limit, said):
    occasion = make_occasion(event_type, {"resource": "seats", "used": used, "limit": limit})
    text = renderer.render(occasion, kind="chat", locale="en", timezone="UTC").text
    assert (said in text) if said else not re.search("Over the limit|Left:", text)


def test_a_language_from_right_to_left_turns_the_mail_round(tmp_path):
    folder = tmp_path / "ar" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    (folder / "messages.po").write_text(f'{header}msgid "%(job)s failed"\nmsgstr "فشلت المهمة %(job)s"\n', "utf-8")
    turned = make_renderer(translations=tmp_path)
    content = turned.render(make_occasion("job.failed"), kind="mail", locale="ar-EG", timezone="Africa/Cairo")
    tags = Outline(content.html or "").tags
    assert [attrs["dir"] for tag, attrs in tags if tag == "html" or attrs.get("class") in {"card", "footer"}] == [
        "rtl"
    ] * 3
    assert "فشلت المهمة <bdi>nightly encode</bdi></h1>" in (content.html or "")
    # What the event says runs as its own letters do.
    assert [attrs.get("dir") for _, attrs in tags if attrs.get("class") == "error"] == ["auto"]


def test_the_layout_knows_no_left_and_no_right():
    stylesheet = (TEMPLATES / "_layout" / "mail.css").read_text("utf-8")
    assert not re.search(r"\b(?:left|right)\b", stylesheet)
    for rule in stylesheet.splitlines():
        for sides in re.findall(r"(?:padding|margin): ([^\s;]+ [^\s;]+ [^\s;]+ [^\s;]+);", rule):
            _, right, _, left = sides.split()
            assert right == left or "-inline" in rule
