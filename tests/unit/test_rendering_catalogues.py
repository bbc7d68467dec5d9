"""Every sentence we say exists in every language, with the same gaps to fill."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from app.domain.events import EVENT_TYPES, KINDS
from app.rendering.catalogues import Catalogues
from tests.fakes.occasions import ROOT, TRANSLATIONS, make_occasion, make_renderer, required_only

_GAP = re.compile(r"%\(\w+\)s|%%|\{\w+\}")
_FULL_STOPS = ".。"
_COLONS = ":："
LANGUAGES = sorted(path.parts[-3] for path in TRANSLATIONS.glob("*/LC_MESSAGES/messages.po"))

Id = str | tuple[str, ...]


@pytest.fixture(scope="module")
def used_messages() -> set[Id]:
    """What the templates and the code say, as the extraction finds it."""
    with (TRANSLATIONS / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)

    def is_ours(folder: str | Path) -> bool:
        return Path(folder).relative_to(ROOT).parts[:1] in ((), ("app",), ("templates",))

    found = extract_from_dir(ROOT, methods, options, directory_filter=is_ours)
    return {message for _, _, message, _, _ in found if message}


def catalogue(language: str) -> Catalog:
    with (TRANSLATIONS / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def messages(language: str) -> Iterator[Message]:
    return (message for message in catalogue(language) if message.id)


def forms(text: Id) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def test_the_extraction_finds_templates_layouts_and_reasons(used_messages):
    assert "Job completed: %(job)s" in used_messages
    assert "Change what you get and where" in used_messages
    assert ("This happened %(count)s time.", "This happened %(count)s times.") in used_messages
    assert "Held until %(time)s: your quiet hours." in used_messages


def test_there_is_more_than_english():
    assert "de" in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_none_is_left_over(used_messages, language):
    translated = {message.id if isinstance(message.id, str) else tuple(message.id) for message in messages(language)}
    assert used_messages - translated == set()
    assert translated - used_messages == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_fuzzy_or_empty(language):
    plurals = catalogue(language).num_plurals
    for message in messages(language):
        assert not message.fuzzy, message.id
        assert all(form.strip() for form in forms(message.string)), message.id
        assert len(forms(message.string)) == (plurals if message.pluralizable else 1), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_gaps_of_their_source(language):
    for message in messages(language):
        gaps = sorted(_GAP.findall(forms(message.id)[-1]))
        for form in forms(message.string):
            assert sorted(_GAP.findall(form)) == gaps, message.id
            assert "%" not in _GAP.sub("", form), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_hold_no_markup(language):
    # They count as escaped where they stand in HTML.
    for message in messages(language):
        for form in (*forms(message.id), *forms(message.string)):
            assert not set(_GAP.sub("", form)) & set("<>&{}"), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_ends_as_its_source_does(language):
    for message in messages(language):
        source = forms(message.id)[-1]
        for form in forms(message.string):
            assert (form[-1] in _FULL_STOPS) == (source[-1] == "."), message.id
            assert (form[-1] in _COLONS) == (source[-1] == ":"), message.id


def test_german_addresses_nobody():
    words = {word for message in messages("de") for form in forms(message.string) for word in re.findall(r"\w+", form)}
    assert not words & {"Sie", "Ihr", "Ihre", "Ihrem", "Ihren", "Ihnen", "du", "dein", "deine", "dir", "dich", "euch"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_text_can_be_made_in_every_language(language: str, kind: str):
    renderer, asked = make_renderer(), language.replace("_", "-")
    for type_ in EVENT_TYPES:
        for data in (None, required_only(type_)):
            for repeats in (0, 1, 2, 5, 21):
                occasion = make_occasion(type_, data, duplicates=repeats)
                content = renderer.render(occasion, kind=kind, locale=asked, timezone="Asia/Tokyo")
                words = f"{content.title}\n{content.text}\n{content.html}"
                assert content.locale == asked
                assert not re.search(r"%\(|duration-|digital-", words), words


def write_catalogue(folder: Path, name: str, **translations: str) -> None:
    path = folder / name / "LC_MESSAGES"
    path.mkdir(parents=True)
    entries = "".join(
        f'\nmsgid "{source.replace("_", " ")}"\nmsgstr "{text}"\n' for source, text in translations.items()
    )
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
    (path / "messages.po").write_text(header + entries, "utf-8")


def test_a_region_falls_back_to_its_language_then_to_the_default_then_to_english(tmp_path):
    for name in ("pt", "pt_BR", "zh_Hans"):
        write_catalogue(tmp_path, name)
    languages = Catalogues(tmp_path, default_locale="pt-BR")
    assert languages.locales == ("en", "pt", "pt-BR", "zh-Hans")
    asked = ("pt-PT", "pt_BR", "PT-br", "pt", "en-GB", "zh-Hans-CN", "ja", "", "..", "x" * 300)
    assert [languages.resolve(tag) for tag in asked] == [
        *("pt", "pt-BR", "pt-BR", "pt", "en", "zh-Hans", "pt-BR", "pt-BR", "pt-BR", "pt-BR"),
    ]
    assert Catalogues(tmp_path, default_locale="ja").resolve("fr") == "en"


def test_chinese_is_read_in_the_script_of_its_region(tmp_path):
    write_catalogue(tmp_path, "zh_Hans")
    languages = Catalogues(tmp_path, default_locale="en")
    asked = ("zh", "zh-CN", "zh_SG", "zh-Hans-CN", "zh-TW", "zh-HK", "zh-Hant")
    assert [languages.resolve(tag) for tag in asked] == ["zh-Hans"] * 4 + ["en"] * 3


def test_a_region_that_says_nothing_of_its_own_says_it_as_its_language_does(tmp_path):
    write_catalogue(tmp_path, "pt", Job="Tarefa", Limit="Limite")
    write_catalogue(tmp_path, "pt_BR", Job="Trabalho")
    speech = Catalogues(tmp_path, default_locale="en").translations("pt-BR")
    assert [speech.gettext(word) for word in ("Job", "Limit", "Share")] == ["Trabalho", "Limite", "Share"]


@pytest.mark.parametrize(
    ("asked", "used"),
    [("de-AT", "de"), ("de_CH", "de"), ("pt-PT", "en"), ("en-GB", "en"), ("tlh", "en"), ("pt_BR", "pt-BR")],
)
def test_the_language_really_used_is_kept_with_the_content(asked, used):
    content = make_renderer().render(make_occasion("job.failed"), kind="mail", locale=asked, timezone="UTC")
    assert content.locale == used
    assert f'<html lang="{used}"' in (content.html or "")


def test_the_default_language_serves_readers_of_languages_we_do_not_have():
    renderer = make_renderer(default_locale="de")
    assert renderer.render(make_occasion("job.failed"), kind="inbox", locale="sw", timezone="UTC").locale == "de"
