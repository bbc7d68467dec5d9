"""The command `preview`: one text printed, or all of it as pages and pictures."""

import json
import os
import re
import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import main
from app.cli import gallery_looks
from app.domain.events import EVENT_TYPES
from app.domain.notifications import OWN_TYPES
from channels.discord import escape as escape_for_discord
from channels.registry import channel_names
from channels.slack import escape as escape_for_slack
from tests.fakes.occasions import LANGUAGES


class Page(HTMLParser):
    """The ids of a page, where it links to, and what it loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.ids |= {named["id"]} if "id" in named else set()
        self.links += [named["href"]] if tag == "a" else []
        self.loads += [named[name] for name in ("src", "data", "srcset", "poster") if name in named]
        assert tag not in {"link", "script", "object", "embed"}


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """No browser, and nothing of this machine."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("PUBLIC_URL", "https://im2.example")


def put_browser(folder: Path, script: str, name: str = "google-chrome") -> None:
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def pages_of(folder: Path) -> dict[str, Page]:
    return {path.relative_to(folder).as_posix(): Page(path.read_text("utf-8")) for path in folder.rglob("*.html")}


def test_without_a_browser_the_pages_are_complete_and_it_is_said(tmp_path, capsys):
    folder = tmp_path / "deep" / "gallery"
    assert main.main(["preview", "--gallery", str(folder)]) == 0
    told = capsys.readouterr()
    assert told.out == f"{folder / 'index.html'}\n"
    assert "none of chromium, chromium-browser, google-chrome, google-chrome-stable on the PATH" in told.err
    assert not list(folder.rglob("*.png"))
    pages = pages_of(folder)
    assert {"index.html", "de.html", "en.html", "mails-en-360.html", "mails-de-700.html"} <= set(pages)
    cells = {f"{type_}-{channel}" for type_ in (*EVENT_TYPES, *OWN_TYPES) for channel in channel_names()}
    assert cells <= pages["en.html"].ids
    for name, page in pages.items():
        for link in (*page.links, *page.loads):
            if link.startswith("https://im2.example/"):
                continue
            target, _, anchor = link.partition("#")
            assert (folder / (target or name)).is_file(), link
            assert not anchor or anchor in pages[target or name].ids, link
        assert not [load for load in page.loads if ":" in load]


def test_a_page_shows_what_each_channel_would_be_sent(tmp_path):
    assert main.main(["preview", "--gallery", str(tmp_path), "--language", "de"]) == 0
    assert not (tmp_path / "en.html").exists()
    page = (tmp_path / "de.html").read_text("utf-8")
    assert page.count("Systemfehler in encoder: no worker answers") >= len(channel_names())
    assert "job.progress never goes here." in page
    assert '<a href="https://im2.example/ui/preferences">Einstellen, was wohin gesendet wird</a>' in page
    assert "&#34;event_action&#34;: &#34;trigger&#34;" in page
    assert '<iframe src="mails/de-digest.html"' in page


def test_a_browser_takes_a_picture_of_each_sheet_in_light_and_in_dark(tmp_path, capsys):
    put_browser(
        tmp_path,
        f'echo "$@" >> {tmp_path}/asked; for word; do case $word in --screenshot=*) : > "${{word#*=}}";; esac; done',
    )
    assert main.main(["preview", "--gallery", str(tmp_path / "out"), "--language", "en"]) == 0
    names = [f"mails-en-{width}-{theme}.png" for width in (360, 700) for theme in ("light", "dark")]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == sorted(names)
    assert capsys.readouterr().out.splitlines()[1:] == [str(tmp_path / "out" / name) for name in names]
    asked = (tmp_path / "asked").read_text("utf-8").splitlines()
    assert [re.search(r"preferredColorScheme=(\d)", line)[1] for line in asked] == ["1", "0", "1", "0"]
    assert all("--host-resolver-rules=MAP * ~NOTFOUND" in line for line in asked)
    assert all(("--no-sandbox" in line) == (os.geteuid() == 0) for line in asked)
    assert set(names) <= set(pages_of(tmp_path / "out")["index.html"].loads)


@pytest.mark.parametrize("script", ["exit 7", "exit 0"])
def test_a_browser_that_gives_no_picture_is_a_failure(tmp_path, script, capsys):
    put_browser(tmp_path, script, "chromium")
    assert main.main(["preview", "--gallery", str(tmp_path / "out"), "--language", "en"]) == 1
    assert f"{tmp_path / 'bin' / 'chromium'} took no picture of" in capsys.readouterr().err
    assert (tmp_path / "out" / "index.html").is_file()


def test_one_preview_is_printed_as_text_as_html_or_as_json(capsys):
    at = ["preview", "job.failed", "email", "de-AT", "--timezone", "Europe/Vienna"]
    assert main.main(at) == 0
    assert capsys.readouterr().out.startswith(
        "Job fehlgeschlagen: disk full on node-7 (nightly encode)\n\nnightly encode ist fehlgeschlagen\n"
    )
    assert main.main([*at, "--show", "html", "--data", '{"job_id": "j<1>", "error": "e"}']) == 0
    shown = capsys.readouterr().out
    assert shown.startswith('<!doctype html>\n<html lang="de" dir="ltr">')
    assert "j&lt;1&gt;" in shown
    assert main.main(["preview", "system.error", "pagerduty", "en", "--resolved", "--show", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["title"] == "Resolved: System error in encoder: no worker answers"
    assert said["document"]["event_action"] == "resolve"


OVERDUE = """
[types."billing.overdue"]
subject = "invoice"
names = { en = "Overdue invoices" }

[types."billing.overdue".data]
invoice = { type = "text", sample = "INV-7" }
"""


def put_template(folder: Path, path: str, source: str) -> None:
    file = folder / "var" / "templates" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, "utf-8")


def test_words_of_an_operator_are_previewed_where_they_apply(tmp_path, capsys):
    put_template(tmp_path, "job.failed/email/de/subject.txt", "Kaputt: {{ data.error }}")
    put_template(tmp_path, "digest/short.txt", "{{ count }} in a row")
    assert main.main(["preview", "job.failed", "email", "de-AT"]) == 0
    assert capsys.readouterr().out.startswith("Kaputt: disk full on node-7\n")
    assert main.main(["preview", "job.failed", "slack", "de"]) == 0
    assert capsys.readouterr().out.startswith("Job fehlgeschlagen: ")
    assert main.main(["preview", "digest", "slack", "en"]) == 0
    assert "\n7 in a row\n" in capsys.readouterr().out
    assert main.main(["preview", "--gallery", str(tmp_path / "out"), "--language", "de"]) == 0
    assert "Kaputt: disk full on node-7" in (tmp_path / "out" / "de.html").read_text("utf-8")


def test_words_that_the_service_would_refuse_are_named_and_not_previewed(tmp_path, capsys):
    put_template(tmp_path, "job.failed/subject.txt", "{{ data.nothing }}")
    put_template(tmp_path, "job.failed/tlh/subject.txt", "Qapla'")
    assert main.main(["preview", "job.failed", "email", "en"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("Job failed: disk full on node-7")
    assert "job.failed/_any/_any/subject.txt, line 1: the variable nothing is not defined" in told.err
    assert "job.failed/tlh/subject.txt" in told.err
    assert "template_refused" not in told.err


def test_types_of_an_operator_are_previewed_in_their_own_words(tmp_path, capsys):
    put_template(tmp_path, "billing.overdue/subject.txt", "Please pay {{ data.invoice }}")
    (tmp_path / "var" / "events.toml").write_text(OVERDUE, "utf-8")
    assert main.main(["preview", "billing.overdue", "email", "en"]) == 0
    assert capsys.readouterr().out.startswith("Please pay INV-7\n")


@pytest.mark.parametrize(
    ("type_", "channel", "said"),
    [
        ("digest", "slack", "7 notifications, the newest: Job completed: nightly encode"),
        ("test", "inapp", "Test notification"),
        ("verification", "email", "Confirm this address for notifications"),
        ("contact.disabled", "inapp", "Slack …a1b2 has been turned off"),
    ],
)
def test_what_the_service_says_of_its_own_accord_can_be_looked_at_too(capsys, type_, channel, said):
    assert main.main(["preview", type_, channel, "en"]) == 0
    assert capsys.readouterr().out.startswith(f"{said}\n\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "preview: give either TYPE CHANNEL LOCALE or --gallery DIR\n"),
        (["job.failed", "email"], "preview: give either TYPE CHANNEL LOCALE or --gallery DIR\n"),
        (["job.failed", "--gallery", "x"], "preview: give either TYPE CHANNEL LOCALE or --gallery DIR\n"),
        (["--gallery", "x", "--language", "tlh"], f"--language: no texts in tlh; allowed: {LANGUAGES}\n"),
        (["job.done", "email", "en"], "type: Must be one of job.completed, job.failed,"),
        (["job.failed", "pigeon", "en"], "channel: Must be one of inapp, email,"),
        (["job.failed", "email", "?"], "locale: Must be the BCP 47 tag of a language"),
        (["job.failed", "email", "en", "--timezone", "Mars"], "timezone: Must be the name of an IANA time zone"),
        (["job.failed", "email", "en", "--data", "{"], "data: Must be JSON: "),
        (["job.failed", "email", "en", "--data", "{}"], "data.job_id: Required for job.failed.\ndata.error: "),
        (["digest", "pigeon", "?"], "channel: Must be one of inapp, email,"),
        (["digest", "email", "?"], "locale: Must be the BCP 47 tag of a language"),
        (["verification", "slack", "en"], "channel: Must be one of email.\n"),
    ],
)
def test_words_that_cannot_be_used_are_named(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert main.main(["preview", *words]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(said)
    assert told.out == ""
    assert not (tmp_path / "x").exists()


@given(st.text(), st.text(min_size=1))
def test_words_look_like_themselves_and_act_in_no_page(words, label):
    slack = gallery_looks.slack({"type": "plain_text", "text": escape_for_slack(words)})
    assert shown(slack) == words
    label = label.replace("|", " ")
    linked = gallery_looks.slack({"type": "mrkdwn", "text": f"<https://im2.example/|{escape_for_slack(label)}>"})
    assert shown(linked) == label
    assert shown(gallery_looks.discord(escape_for_discord(words))) == words


def shown(markup: str) -> str:
    """The text of some HTML that has no element but links."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            assert (tag, dict(attrs)) == ("a", {"href": "https://im2.example/"})

        def handle_data(self, data):
            found.append(data)

    reader = Reader()
    reader.feed(markup)
    reader.close()
    return "".join(found)
