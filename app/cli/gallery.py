"""The gallery: what people see of every type, on every channel, in their language; pages, and pictures of mails."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.cli import browser, gallery_looks
from app.domain.notifications import OWN_TYPES
from app.services.intake import Invalid
from app.services.previews import Preview, Previews
from channels.registry import channel_names

NARROW, WIDE = 360, 700
_HEIGHTS = {NARROW: 800, WIDE: 760}
_COLUMNS = {NARROW: 4, WIDE: 2}
_GAP = 16
_PAGES = Path(__file__).parent / "gallery_pages"
Shown = Mapping[str, Mapping[str, Preview | None]]
"""Previews by type and channel; None where a type never goes."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """All mails of a language side by side, and the pictures of that."""

    locale: str
    width: int
    mails: Sequence[str]

    @property
    def page(self) -> str:
        """The name of its page."""
        return f"mails-{self.locale}-{self.width}.html"

    @property
    def pictures(self) -> tuple[tuple[str, bool], ...]:
        """The names of its pictures, and whether it is dark there."""
        stem = f"mails-{self.locale}-{self.width}"
        return (f"{stem}-light.png", False), (f"{stem}-dark.png", True)

    @property
    def size(self) -> tuple[int, int]:
        """Wide and high enough for all of it."""
        columns = _COLUMNS[self.width]
        rows = -(-len(self.mails) // columns)
        return columns * (self.width + _GAP) + _GAP, rows * (_HEIGHTS[self.width] + _GAP) + _GAP


def write(previews: Previews, folder: Path, locales: Sequence[str], timezone: str) -> int:
    """Write the gallery into a folder and say where it is; 1 if a browser is there and gave no picture."""
    (folder / "mails").mkdir(parents=True, exist_ok=True)
    pages = _Pages(folder, (*previews.types, *OWN_TYPES), locales, browser.find())
    everything = {locale: _everything(previews, locale, timezone) for locale in locales}
    sheets = [sheet for locale, shown in everything.items() for sheet in _mails(pages, locale, shown)]
    for locale, shown in everything.items():
        own = [sheet for sheet in sheets if sheet.locale == locale]
        pages.put(f"{locale}.html", "locale.html", locale=locale, shown=shown, sizes=_HEIGHTS, sheets=own)
    pages.put("index.html", "index.html", everything=everything, sheets=sheets)
    print(folder / "index.html")
    if pages.browser is None:
        names = ", ".join(browser.NAMES)
        print(f"No pictures: there is none of {names} on the PATH. The pages are complete.", file=sys.stderr)
        return 0
    return _take_pictures(pages.browser, folder, sheets)


def _everything(previews: Previews, locale: str, timezone: str) -> Shown:
    names = channel_names()
    return {
        type_: {name: _cell(previews, type_, name, locale, timezone) for name in names}
        for type_ in (*previews.types, *OWN_TYPES)
    }


def _cell(previews: Previews, type_: str, channel: str, locale: str, timezone: str) -> Preview | None:
    """None where a type never goes."""
    try:
        if type_ in previews.types:
            return previews.of({"type": type_, "channel": channel, "locale": locale, "timezone": timezone})
        return previews.own(type_, channel, locale, timezone)
    except Invalid:
        return None


def _mails(pages: "_Pages", locale: str, shown: Shown) -> list[Sheet]:
    """Write each mail, and the sheets with all of them."""
    names = []
    for type_, cells in shown.items():
        if (mail := cells["email"]) is not None:
            names.append(f"mails/{locale}-{type_}.html")
            pages.put_text(names[-1], mail.content.html or "")
    sheets = [Sheet(locale, width, names) for width in _HEIGHTS]
    for sheet in sheets:
        pages.put(sheet.page, "sheet.html", sheet=sheet, height=_HEIGHTS[sheet.width])
    return sheets


def _take_pictures(path: str, folder: Path, sheets: Sequence[Sheet]) -> int:
    for sheet in sheets:
        width, height = sheet.size
        for picture, dark in sheet.pictures:
            try:
                browser.take(path, folder / sheet.page, folder / picture, width=width, height=height, dark=dark)
            except browser.PictureError as fault:
                print(fault, file=sys.stderr)
                return 1
            print(folder / picture)
    return 0


class _Pages:
    """Writes pages of the gallery into a folder."""

    def __init__(self, folder: Path, types: Sequence[str], locales: Sequence[str], browser_path: str | None) -> None:
        self.browser = browser_path
        self._folder = folder
        self._templates = Environment(
            loader=FileSystemLoader(_PAGES),
            undefined=StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(gallery_looks.FILTERS)
        self._templates.globals.update(
            channels=channel_names(),
            locales=locales,
            types=types,
            has_pictures=browser_path is not None,
        )

    def put(self, name: str, template: str, **names: object) -> None:
        """Write one page."""
        self.put_text(name, self._templates.get_template(template).render(names))

    def put_text(self, name: str, text: str) -> None:
        """Write what is a page already."""
        (self._folder / name).write_text(text, "utf-8")
