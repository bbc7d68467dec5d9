"""Translations: read from the .po files as they are, compiled in memory, found by locale with a fallback."""

import gettext
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from threading import Lock

from babel.core import Locale, UnknownLocaleError, get_global
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

SOURCE_LOCALE = "en"
"""The language the templates are written in; it needs no catalogue."""


def N_(message: str) -> str:  # noqa: N802  # the name that translation tools look for
    """Mark a message for translation later."""
    return message


@lru_cache(maxsize=256)
def normalise(tag: str) -> str:
    """The BCP 47 spelling of a locale: `pt_BR` and `PT-br` are both `pt-BR`, `zh_hans` is `zh-Hans`."""
    parts = tag.strip().replace("_", "-").split("-")
    rest = (part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part.lower() for part in parts[1:])
    return "-".join((parts[0].lower(), *rest))


def with_parents(tag: str) -> Iterator[str]:
    """The locale itself, then ever shorter: pt-PT, pt."""
    parts = normalise(tag).split("-")
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])


def _in_script(tag: str) -> Iterator[str]:
    """The language in the script that is usual where the reader is, if they did not say."""
    language, *rest = normalise(tag).split("-")
    usual = get_global("likely_subtags")
    known = usual.get("_".join((language, *rest))) or usual.get(language)
    if known and not any(len(part) == 4 for part in rest):
        yield f"{language}-{known.split('_')[1]}"


class Catalogues:
    """The languages under one folder; each is read at its first use and then kept. Safe to share between threads."""

    def __init__(self, folder: Path, default_locale: str) -> None:
        self._files = {normalise(path.parts[-3]): path for path in folder.glob("*/LC_MESSAGES/messages.po")}
        self._default = default_locale
        self._compiled: dict[str, gettext.NullTranslations] = {}
        self._lock = Lock()

    @property
    def locales(self) -> tuple[str, ...]:
        """Every language there is, the source language included, sorted."""
        return tuple(sorted({*self._files, SOURCE_LOCALE}))

    def resolve(self, wanted: str) -> str:
        """The language a reader of `wanted` gets: itself, its parents, the default and its parents, then English.

        Of Chinese, what is written in the script of the reader's region: zh-CN and zh are zh-Hans.
        """
        for tag in (*with_parents(wanted), *_in_script(wanted), *with_parents(self._default)):
            if tag in self._files or tag == SOURCE_LOCALE:
                return tag
        return SOURCE_LOCALE

    def translations(self, locale: str) -> gettext.NullTranslations:
        """The messages of a locale that `resolve` gave; what it lacks comes from its parents, then from the source."""
        found = self._compiled.get(locale)
        if found is not None:
            return found
        with self._lock:
            if locale not in self._compiled:
                self._compiled[locale] = self._compile(locale)
            return self._compiled[locale]

    def _compile(self, locale: str) -> gettext.NullTranslations:
        chain = [_read(self._files[tag], tag) for tag in with_parents(locale) if tag in self._files]
        if not chain:
            return gettext.NullTranslations()
        for child, parent in pairwise(chain):
            child.add_fallback(parent)
        return chain[0]


def runs_from_right(locale: str) -> bool:
    """Whether the script of a locale that `resolve` gave runs from right to left."""
    return Locale.parse(locale, sep="-").text_direction == "rtl"


def formats_for(wanted: str, used: str) -> Locale:
    """How to write dates and numbers: as the reader's region does, if the text is in the reader's language at all.

    A reader of de-AT gets the German text with Austrian formats; a reader of a language that is not there gets the
    formats of the text, so that one sentence never mixes two languages.
    """
    wanted = normalise(wanted)
    candidates = (wanted, used) if wanted.partition("-")[0] == used.partition("-")[0] else (used,)
    for tag in candidates:
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(SOURCE_LOCALE)


def _read(path: Path, tag: str) -> gettext.GNUTranslations:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=tag.replace("-", "_"))
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
