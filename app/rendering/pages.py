"""The pages people see in a browser, in their language."""

from pathlib import Path
from typing import Any

from app.domain.events import EVENT_TYPES, EventTypes
from app.rendering.catalogues import Catalogues, formats_for
from app.rendering.environment import Environments
from app.rendering.event_names import event_name
from app.rendering.filters import FILTERS, Reader
from app.rendering.inbox_words import inbox_words
from app.rendering.render import zone_of
from app.rendering.text import settled


class Pages:
    """Renders pages from one folder of templates and one of translations. Safe to share between threads."""

    def __init__(
        self, *, folder: Path, translations: Path, default_locale: str, types: EventTypes = EVENT_TYPES
    ) -> None:
        self._types = types
        self._catalogues = Catalogues(translations, default_locale)
        self._environments = Environments(folder, self._catalogues, FILTERS)

    @property
    def locales(self) -> tuple[str, ...]:
        """The languages there are pages in."""
        return self._catalogues.locales

    def event_name(self, type_: str, locale: str) -> str:
        """What people call a type of event, in the language of a page for that reader."""
        used = self._catalogues.resolve(locale)
        return event_name(self._types.of(type_), used, self._catalogues.translations(used))

    def inbox_words(self, locale: str) -> dict[str, Any]:
        """What the inbox component says to a reader of that locale, or of the one that stands in for it."""
        used = self._catalogues.resolve(locale)
        return inbox_words(used, self._catalogues.translations(used))

    def render(self, name: str, locale: str, timezone: str = "UTC", **names: object) -> str:
        """A page as HTML; its template sees these names, `lang`, `dir`, `reader` and the tag of the `formats`."""
        used = self._catalogues.resolve(locale)
        formats = formats_for(locale, used)
        reader = Reader(formats, zone_of(timezone))
        tag = str(formats).replace("_", "-")
        given = {**names, "reader": reader, "lang": used, "dir": reader.direction, "formats": tag}
        return settled(self._environments.of(used).get_template(name).render(given))
