"""Templates as files of an operator: where they apply, what takes their place when they are no good, and when."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from app.rendering.render import Content
from app.services.template_shelf import TemplateShelf
from app.store.engine import Database
from tests.fakes.occasions import LANGUAGES, make_occasion, make_renderer

KINDS = {"inapp": "inbox", "email": "mail", "webhook": "hook", "slack": "chat", "pagerduty": "alert"}
BUILT_IN = "Job failed: disk full on node-7 (nightly encode)"


class Rig:
    """A folder, a shelf over it, and a renderer that goes by the shelf."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.folder = folder
        self.seconds = 0.0
        as_delivered = make_renderer()
        self.shelf = TemplateShelf(database, folder, as_delivered, KINDS, monotonic=lambda: self.seconds)
        self.renderer = as_delivered.using(self.shelf.in_force)

    def write(self, path: str, source: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, "utf-8")
        self.seconds += 2

    def content(self, channel: str = "inapp", locale: str = "en", type_: str = "job.failed") -> Content:
        return self.renderer.render(
            make_occasion(type_), kind=KINDS[channel], channel=channel, locale=locale, timezone="UTC"
        )

    def refused(self) -> dict[str, list[str]]:
        self.shelf.look_now()
        return {f"{one.where}": [why for said in one.faults.values() for why in said] for one in self.shelf.refused}


@pytest.fixture
def rig(database: Database, tmp_path: Path) -> Rig:
    return Rig(database, tmp_path / "templates")


def test_without_a_folder_all_is_as_delivered(rig: Rig):
    assert (rig.content().title, rig.content().template_version) == (BUILT_IN, None)


@pytest.mark.parametrize(
    ("path", "applies"),
    [
        ("job.failed/subject.txt", {("inapp", "en"), ("email", "en"), ("email", "de"), ("email", "de-AT")}),
        ("job.failed/email/subject.txt", {("email", "en"), ("email", "de"), ("email", "de-AT")}),
        ("job.failed/email/de/subject.txt", {("email", "de"), ("email", "de-AT")}),
        ("job.failed/email/de_at/subject.txt", {("email", "de-AT")}),
        ("job.failed/de/subject.txt", {("email", "de"), ("email", "de-AT")}),
        ("job.failed/_any/de/subject.txt", {("email", "de"), ("email", "de-AT")}),
    ],
)
def test_where_a_file_applies(rig: Rig, path: str, applies: set[tuple[str, str]]):
    rig.write(path, "{{ data.job_id }} broke")
    readers = {("inapp", "en"), ("email", "en"), ("email", "de"), ("email", "de-AT")}
    assert {reader for reader in readers if rig.content(*reader).title == "j-2041 broke"} == applies
    assert rig.content(type_="job.completed").template_version is None


def test_the_narrowest_applies_and_what_it_lacks_is_as_delivered(rig: Rig):
    rig.write("job.failed/short.txt", "wide")
    rig.write("job.failed/inapp/de/subject.txt", "narrow")
    assert (rig.content().title, rig.content().text) == (BUILT_IN, "wide")
    german = rig.content(locale="de")
    assert german.title == "narrow"
    assert german.text.startswith("Job: j-2041")


def test_a_reader_of_a_language_that_is_not_there_reads_what_the_default_says(rig: Rig):
    rig.write("job.failed/en/subject.txt", "in English")
    assert rig.content(locale="sw").title == "in English"


def test_the_version_tells_one_wording_from_another(rig: Rig):
    rig.write("job.failed/email/de/subject.txt", "one")
    first = rig.content("email", "de").template_version
    rig.write("job.failed/email/de/subject.txt", "two, longer")
    second = rig.content("email", "de").template_version
    assert first != second
    assert all(version.startswith("job.failed/email/de@file-") for version in (first or "", second or ""))


def test_a_change_is_taken_up_within_two_seconds_and_not_looked_for_before(rig: Rig):
    rig.write("job.failed/subject.txt", "one")
    assert rig.content().title == "one"
    rig.write("job.failed/subject.txt", "two, longer")
    rig.seconds -= 1
    assert rig.content().title == "one"
    rig.seconds += 1
    assert rig.content().title == "two, longer"
    (rig.folder / "job.failed/subject.txt").unlink()
    rig.seconds += 2
    assert rig.content().title == BUILT_IN


def test_html_gets_its_styles_and_may_build_on_what_comes_along(rig: Rig):
    rig.write(
        "job.failed/body.html",
        '{% extends "job.failed/body.html" %}{% block next %}<p class="lead">Call {{ data.error }}.</p>{% endblock %}',
    )
    html = rig.content("email").html or ""
    assert "Call disk full on node-7." in html
    assert html.count('<p class="lead" style="margin') == 1
    assert "<bdi>nightly encode</bdi> failed</h1>" in html


def test_an_equals_sign_in_a_text_is_no_attribute(rig: Rig):
    rig.write("job.failed/body.html", "<p>job = {{ data.job_id }}</p>")
    assert rig.content("email").html == "<p>job = j-2041</p>"


def test_an_event_fills_no_html_of_its_own_in(rig: Rig):
    rig.write("job.failed/body.html", "<p>{{ data.error }}</p>")
    occasion = make_occasion("job.failed", {"job_id": "j", "error": "<b>bold</b>"})
    html = rig.renderer.render(occasion, kind="mail", channel="email", locale="en", timezone="UTC").html
    assert html == "<p>&lt;b&gt;bold&lt;/b&gt;</p>"


def test_a_digest_tells_of_what_it_carries_in_the_words_of_the_operator(rig: Rig):
    rig.write("job.failed/subject.txt", "{{ data.job_id }} broke")
    rig.write("digest/inapp/subject.txt", "{{ count }} of them")
    digest = make_occasion("job.failed")
    content = rig.renderer.render_digest(
        replace(digest, type="digest"), [digest, digest], kind="inbox", channel="inapp", locale="en", timezone="UTC"
    )
    assert (content.title, content.template_version is not None) == ("2 of them", True)
    assert [item["title"] for item in content.items or []] == ["j-2041 broke"] * 2


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        (
            "job.failed/email/de/subject.txt",
            "\n{{ data.jbo_id }}",
            "job.failed/email/de/subject.txt, line 2: the variable jbo_id is not defined",
        ),
        ("job.failed/short.txt", "{% if %}", "job.failed/_any/_any/short.txt, line 1: Expected an expression"),
        ("job.failed/short.txt", "{{ data.name }}", "line 1: the variable name is not defined"),
        ("job.failed/short.txt", "{{ data.error[:9000] * 999 }}", "makes a text of more than 1,000,000 characters"),
        ("job.failed/short.txt", " ", "job.failed/_any/_any/short.txt: says nothing"),
        ("job.failed/body.html", "<p\nclass= {{ data.error }}>", "line 2: an attribute needs quotes around"),
        ("job.failed/body.html", '<a href="{{ data.url }}">x</a>', "a link that an event brings needs |safe_url"),
        (
            "job.failed/body.html",
            '{% if data.url is defined %}<a href="{{ data.url }}">x</a>{% endif %}',
            "a link that an event brings needs |safe_url",
        ),
        ("job.failed/body.html", "x" * 65_537, "has more than 65,536 bytes"),
        ("job.failed/body.md", "x", "must be one of subject.txt, short.txt, body.txt, body.html"),
        ("job.failed/slack/body.html", "x", "must be one of subject.txt, short.txt"),
        (
            "job.failed/sw/short.txt",
            "x",
            f"sw must be a channel (inapp, email, webhook, slack, pagerduty) or a language ({LANGUAGES})",
        ),
        ("job.failed/de/email/short.txt", "x", "email must be a channel"),
        ("verification/subject.txt", "x", "must be in a folder of a type: job.completed"),
        ("subject.txt", "x", "must be in a folder of a type: job.completed"),
        ("job.failed/short.txt", "{% for a in range(10**9) %}{% endfor %}", "asks for a range of more than 10,000"),
    ],
)
def test_what_is_no_good_is_named_and_what_comes_along_stays_in_force(rig: Rig, caplog, path, source, fault):
    rig.write(path, source)
    with caplog.at_level(logging.ERROR):
        content = rig.content("email", "de")
    assert (content.template_version, content.title.startswith("Job fehlgeschlagen")) == (None, True)
    ((_, [said]),) = rig.refused().items()
    assert fault in said
    (record,) = [record for record in caplog.records if record.message == "template_refused"]
    assert said in str(record.__dict__["errors"])


def test_what_is_no_good_does_no_harm_to_its_neighbours_and_is_named_once(rig: Rig, caplog):
    rig.write("job.failed/short.txt", "{% if %}")
    rig.write("job.completed/short.txt", "done")
    rig.write("job.completed/.short.txt.swp", "x")
    rig.write("job.completed/short.txt~", "x")
    for _ in range(3):
        assert rig.content(type_="job.completed").text == "done"
        rig.write("job.completed/subject.txt", f"{rig.seconds}")
    assert list(rig.refused()) == ["job.failed/_any/_any"]
    assert [record.message for record in caplog.records].count("template_refused") == 1


def test_files_that_are_links_are_read_and_noticed_when_they_point_elsewhere(rig: Rig, tmp_path: Path):
    # As Kubernetes mounts a ConfigMap.
    mounted = rig.folder / "..data"
    for number in ("1", "22"):
        (rig.folder / f"..{number}" / "job.failed").mkdir(parents=True)
        (rig.folder / f"..{number}" / "job.failed/short.txt").write_text(number, "utf-8")
    mounted.symlink_to("..1")
    (rig.folder / "job.failed").symlink_to("..data/job.failed")
    assert rig.content().text == "1"
    mounted.unlink()
    mounted.symlink_to("..22")
    rig.seconds += 2
    assert rig.content().text == "22"


def test_what_is_no_file_is_named(rig: Rig):
    (rig.folder / "job.failed").mkdir(parents=True)
    (rig.folder / "job.failed/short.txt").symlink_to("nowhere")
    assert rig.refused() == {"job.failed/short.txt": ["is no ordinary file"]}
