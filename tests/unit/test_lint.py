"""The gate over the words: it lets ours pass, and names the cell of every fault that is planted."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import main
from app.cli.lint import ROOT, subject_of
from app.config import Settings
from app.rendering.lint import gate
from app.rendering.lint.fault import Fault
from app.rendering.lint.gate import Verdict, Wanted

LONG = "far too many words " * 20
HTML = "job.failed/body.html"
TEXT = "job.failed/body.txt"
TITLE = "job.failed/subject.txt"
SHORT = "job.failed/short.txt"
GERMAN = "de/LC_MESSAGES/messages.po"
MAIL = "job.failed × email × *"
SENTENCE = 'msgid "Fix the cause of the error, then start the job again."\n'


def settings(directory: Path) -> Settings:
    return Settings.load({"DATA_DIR": str(directory)})


@pytest.fixture(scope="module")
def verdict(tmp_path_factory) -> Verdict:
    """What the gate says of all that comes along."""
    return gate.run(subject_of(settings(tmp_path_factory.mktemp("var")), ROOT), Wanted(), lambda _done: None)


@pytest.fixture
def root(tmp_path) -> Path:
    """A copy of the words, to plant faults in."""
    for name in ("templates", "translations", "app/rendering", "app/web/pages"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def looked_at(root: Path, *locales: str) -> list[Fault]:
    """What the gate says of failed jobs in these languages, by the words under a root."""
    wanted = Wanted(("job.failed",), (), locales or ("en",))
    return gate.run(subject_of(settings(root / "var"), root), wanted, lambda _done: None).faults


def replaced(path: Path, before: str, after: str) -> None:
    source = path.read_text("utf-8")
    assert before in source
    path.write_text(source.replace(before, after, 1), "utf-8")


def added(path: Path, text: str) -> None:
    path.write_text(path.read_text("utf-8").rstrip("\n") + text, "utf-8")


def test_nothing_is_wrong_with_what_comes_along(verdict: Verdict):
    assert [str(fault) for fault in verdict.faults] == []
    # Seven types on the channels they may go to, and what the service says itself, in twelve languages.
    assert verdict.cells == 12 * (6 * 7 + 5 + 2 * 7 + 1 + 2)
    assert verdict.texts > 3 * verdict.cells


def test_a_copy_is_as_good(root: Path):
    assert looked_at(root, "en", "ar", "pl") == []


Plant = Callable[[Path], None]
IN_TEMPLATES: dict[str, tuple[str, Plant, str, str]] = {
    "a variable that nobody gives": (
        TITLE,
        lambda path: added(path, "{% if false %}{{ jbo }}{% endif %}"),
        "job.failed × * × *",
        "the variable jbo is not defined",
    ),
    "a field that events of the type do not have": (
        TITLE,
        lambda path: added(path, "{% if data.percent is number %}{{ data.percent }}{% endif %}"),
        "job.failed × * × *",
        "events of the type job.failed have no field percent",
    ),
    "an optional field that is taken for granted": (
        SHORT,
        lambda path: added(path, "{% block more %}{% endblock %}{% set x = data.name ~ '' %}"),
        "job.failed × slack × en",
        "cannot be made of what is required",
    ),
    "a title that does not fit": (
        TITLE,
        lambda path: path.write_text(LONG, "utf-8"),
        "job.failed × inapp × en",
        "the title of the sample is cut at 200 letters",
    ),
    "a text that a channel cuts": (
        SHORT,
        lambda path: path.write_text(LONG * 12, "utf-8"),
        "job.failed × discord × en",
        "the channel cuts the sample short",
    ),
    "a mail that is too large": (
        HTML,
        lambda path: replaced(path, "</table>", "</table>" + LONG * 300),
        "job.failed × email × en",
        "gives more than 100,000 bytes",
    ),
    "a plain text that tells less than the HTML": (
        TEXT,
        lambda path: path.write_text("Something happened.", "utf-8"),
        "job.failed × email × en",
        "which the HTML does",
    ),
    "a text that says nothing": (
        SHORT,
        lambda path: path.write_text(" \n", "utf-8"),
        "job.failed × webhook × en",
        "says nothing",
    ),
    "an attribute without quotes": (
        HTML,
        lambda path: replaced(path, '<h1 class="heading">', '<h1 class="heading" title={{ data.error }}>'),
        MAIL,
        "an attribute needs quotes",
    ),
    "escaping turned off by a filter": (
        HTML,
        lambda path: replaced(path, "data.error|clip(4000)", "data.error|clip(4000)|safe"),
        MAIL,
        "turns escaping off",
    ),
    "escaping turned off by a block": (
        HTML,
        lambda path: added(path, "{% autoescape false %}{% endautoescape %}"),
        MAIL,
        "turns escaping off",
    ),
    "a picture from elsewhere": (
        HTML,
        lambda path: replaced(path, "</table>", '</table><img alt="" src="https://x.example/x.png">'),
        MAIL,
        "loads or runs something",
    ),
    "a link as the event has it": (
        HTML,
        lambda path: replaced(path, "</table>", '</table><a href="{{ data.url }}">x</a>'),
        MAIL,
        "a link that an event brings needs |safe_url",
    ),
    "macros of plain text in HTML": (
        HTML,
        lambda path: replaced(path, "{% block content %}", '{% block content %}{% import "_layout/words.txt" as w %}'),
        MAIL,
        "macros of plain text escape nothing",
    ),
    "a template that cannot be read": (
        TITLE,
        lambda path: added(path, "{% if %}"),
        "job.failed × * × *",
        "Expected an expression",
    ),
    "a template that is not there": (
        SHORT,
        Path.unlink,
        "job.failed × opsgenie × en",
        "there is no template job.failed/short.txt",
    ),
}


@pytest.mark.parametrize("fault", sorted(IN_TEMPLATES))
def test_a_fault_in_a_template_is_found_and_its_cell_is_named(root: Path, fault: str):
    file, plant, cell, message = IN_TEMPLATES[fault]
    plant(root / "templates" / file)
    found = [one for one in looked_at(root) if str(one.cell) == cell and message in str(one)]
    assert found, [str(one) for one in looked_at(root)]
    assert all(file in one.file for one in found)
    assert all(one.advice for one in found)


IN_CATALOGUES: dict[str, tuple[Plant, str]] = {
    "missing": (lambda path: replaced(path, SENTENCE, 'msgid "Something else."\n'), "is not translated"),
    "empty": (
        lambda path: replaced(path, SENTENCE, SENTENCE + 'msgstr ""\n\nmsgid "Left."\n'),
        "is translated by nothing",
    ),
    "fuzzy": (lambda path: replaced(path, SENTENCE, "#, fuzzy\n" + SENTENCE), "is marked as fuzzy"),
    "markup": (
        lambda path: replaced(path, SENTENCE + 'msgstr "', SENTENCE + 'msgstr "<b>'),
        "holds markup",
    ),
}


@pytest.mark.parametrize("fault", sorted(IN_CATALOGUES))
def test_a_fault_in_a_catalogue_is_found_and_its_cell_is_named(root: Path, fault: str):
    plant, message = IN_CATALOGUES[fault]
    plant(root / "translations" / GERMAN)
    found = [one for one in looked_at(root, "de") if message in one.message and "Fix the cause" in one.message]
    assert [(one.cell.type, one.cell.locale, one.file) for one in found] == [("job.failed", "de", GERMAN)]


def test_other_placeholders_than_those_of_the_source_are_found(root: Path):
    before = 'msgid "%(job)s failed"\nmsgstr "'
    replaced(root / "translations" / GERMAN, before, before + "%(jbo)s ")
    found = {str(fault.cell) for fault in looked_at(root, "de") if fault.kind == "placeholders"}
    assert found == {"job.failed × email × de"}


def test_plural_forms_that_are_not_given_are_found(root: Path):
    path = root / "translations" / "pl" / "LC_MESSAGES" / "messages.po"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    begin = next(number for number, line in enumerate(lines) if "This happened %(count)s times." in line)
    gone = next(number for number, line in enumerate(lines) if number > begin and line.startswith("msgstr[2]"))
    end = next(number for number, line in enumerate(lines) if number > gone and not line.startswith('"'))
    path.write_text("".join(lines[:gone] + lines[end:]), "utf-8")
    kinds = {(fault.kind, fault.cell.locale) for fault in looked_at(root, "pl")}
    assert kinds & {("plurals", "pl"), ("missing", "pl")}


def test_what_no_source_says_any_more_is_found(root: Path):
    added(root / "translations" / GERMAN, '\n\nmsgid "Gone."\nmsgstr "Weg."\n')
    (fault,) = looked_at(root, "de")
    assert (fault.kind, str(fault.cell)) == ("left over", "* × * × de")


def test_a_language_that_runs_the_other_way_has_to_say_so(root: Path):
    replaced(root / "templates" / "_layout" / "base.html", '<html lang="{{ lang }}" dir="{{ dir }}">', "<html>")
    faults = [fault for fault in looked_at(root, "ar", "de") if fault.kind == "direction"]
    assert [str(fault.cell) for fault in faults] == ["job.failed × email × ar"]


def test_the_command_says_what_was_looked_at(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    words = ["lint-templates", "--type", "job.failed", "--channel", "email", "--language", "de"]
    assert main.main(words) == 0
    assert "5 texts in 1 cells: nothing is wrong" in capsys.readouterr().out
    assert main.main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(("option", "name"), [("--type", "job.gone"), ("--channel", "pigeon"), ("--language", "tlh")])
def test_a_name_that_is_not_known_is_refused(tmp_path, monkeypatch, capsys, option, name):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert main.main(["lint-templates", option, name]) == 2
    assert f"{option}: there is no {name}; allowed: " in capsys.readouterr().err
