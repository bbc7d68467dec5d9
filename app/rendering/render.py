"""From what happened to what the reader sees."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.events import EVENT_TYPES, EventTypes
from app.domain.notifications import DIGEST, OWN_TYPES
from app.rendering import summary
from app.rendering.catalogues import N_, SOURCE_LOCALE, Catalogues, formats_for, normalise
from app.rendering.environment import Environments
from app.rendering.faults import fault
from app.rendering.filters import FILTERS, Reader
from app.rendering.generic import GENERIC, facts
from app.rendering.links import Links
from app.rendering.occasion import Occasion
from app.rendering.overrides.override import NOTHING, Override, Overrides
from app.rendering.sandbox.sandbox import Sandbox
from app.rendering.signs import TONES, Signs, Speaker
from app.rendering.text import clean, clip, one_line, settled, tidy

MOST_TITLE = 200
MOST_TEXT = 20_000
MOST_HTML = 200_000
_MOST_OUTPUT = 1_000_000
_LONG_KINDS = frozenset({"mail"})
_LINKED_KINDS = frozenset({"chat", "alert"})

# Translators: title is the title of trouble that has ended, such as "System error in encoder: no worker answers".
_RESOLVED_TITLE = N_("Resolved: %(title)s")


class RenderError(Exception):
    """The text could not be made. `detail` names the template, the line and the fault, and no data of the event."""

    def __init__(self, detail: str, piece: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.piece = piece


@dataclass(frozen=True, slots=True)
class Content:
    """What is sent: a title of one line (at most 200 code points), a text (at most 20,000), for mail also HTML.

    `locale` is the language it is really written in, after the fallback.
    """

    title: str
    text: str
    html: str | None
    locale: str
    signs: Signs | None = None
    items: list[dict[str, Any]] | None = None
    """What a digest carries, newest first: `{notification_id, event_id, type, subject_key, title, occurred_at}`."""
    template_version: str | None = None
    """Which templates of an operator these are the words of; None of those that come along."""

    def as_stored(self) -> dict[str, Any]:
        """All of it, as it is kept with its notification."""
        # Not `asdict`, which copies deeply.
        kept = {name: getattr(self, name) for name in self.__slots__}
        return kept | {"signs": asdict(self.signs)} if self.signs else kept


@dataclass(frozen=True, slots=True)
class _Writing:
    """What one text is made with: the language, the names that templates see, and an operator's own, if any."""

    type: str
    kind: str
    locale: str
    names: Mapping[str, Any]
    override: Override | None


class Renderer:
    """Renders notifications from one folder of templates and one of translations. Safe to share between threads.

    The same occasion, kind, locale and zone always give the same content, as long as no operator words it anew.
    """

    def __init__(
        self,
        *,
        templates: Path,
        translations: Path,
        public_url: str,
        default_locale: str,
        types: EventTypes = EVENT_TYPES,
    ) -> None:
        self.types = types
        self._catalogues = Catalogues(translations, default_locale)
        self._links = Links(public_url)
        self._fixed_links = {
            "preferences_link": self._links.preferences,
            "verification_link": self._links.verification,
            "unsubscribe_link": self._links.unsubscription,
        }
        filters = {**FILTERS, "safe_url": self._links.safe}
        self._environments = Environments(templates, self._catalogues, filters)
        self._reader = lru_cache(maxsize=512)(_make_reader)
        self._overrides: Callable[[], Overrides] = lambda: NOTHING

    @property
    def locales(self) -> tuple[str, ...]:
        """The languages there are texts in."""
        return self._catalogues.locales

    @property
    def environment(self) -> Sandbox:
        """The environment of the source language, in which a template can be read before it is rendered."""
        return self._environments.of(SOURCE_LOCALE)

    def names(self, occasion: Occasion, kind: str) -> frozenset[str]:
        """The names that the templates of such an occasion see."""
        reader = self._reader(SOURCE_LOCALE, SOURCE_LOCALE, "UTC")
        more = summary.names([]) if occasion.type == DIGEST else {}
        return frozenset({*self._names(occasion, kind, SOURCE_LOCALE, reader), *more, "title"})

    def source(self, type_: str, piece: str) -> str:
        """The template of a piece as it comes along; empty when there is none."""
        return self._environments.source(f"{self._folder(type_)}/{piece}")

    def using(self, overrides: Callable[[], Overrides]) -> "Renderer":
        """The same renderer, with what an operator words otherwise; it asks each time."""
        other = copy(self)
        other._overrides = overrides  # noqa: SLF001  # its own
        return other

    def render(self, occasion: Occasion, *, kind: str, locale: str, timezone: str, channel: str = "") -> Content:
        """The content for one kind of channel, in the reader's language and zone.

        Mail gets the long text and HTML, every other kind the short text, chats and alerts with signs. An unknown zone
        reads as UTC. The channel's name says which templates of an operator apply.
        Raises RenderError.
        """
        used = self._catalogues.resolve(locale)
        names = self._names(occasion, kind, used, self._reader(locale, used, timezone))
        override = self._override(occasion.type, channel, locale, used)
        return self._content(occasion, _Writing(occasion.type, kind, used, names, override))

    def render_digest(
        self,
        occasion: Occasion,
        carried: Sequence[Occasion],
        *,
        kind: str,
        locale: str,
        timezone: str,
        channel: str = "",
    ) -> Content:
        """The content of a digest, whose texts tell of those it carries, grouped by what they are about.

        One whose own title can't be made is told of by its type. Raises RenderError.
        """
        used = self._catalogues.resolve(locale)
        reader = self._reader(locale, used, timezone)
        worded = {one.type: self._override(one.type, channel, locale, used) for one in (occasion, *carried)}
        told = [self._told(one, kind, used, reader, worded[one.type]) for one in carried]
        names = {**self._names(occasion, kind, used, reader), **summary.names(told)}
        content = self._content(occasion, _Writing(occasion.type, kind, used, names, worded[occasion.type]))
        return replace(content, items=summary.items(told))

    def _override(self, type_: str, channel: str, locale: str, used: str) -> Override | None:
        if type_ in OWN_TYPES and type_ != DIGEST:
            return None
        # A reader of a language that is not there reads another, and then its templates.
        wanted = locale if normalise(locale).partition("-")[0] == used.partition("-")[0] else used
        return self._overrides().find(type_, channel, wanted)

    def _told(
        self, occasion: Occasion, kind: str, used: str, reader: Reader, override: Override | None
    ) -> summary.Told:
        names = self._names(occasion, kind, used, reader)
        try:
            title = self._marked_title(occasion, _Writing(occasion.type, kind, used, names, override))
        except RenderError:
            title = occasion.type
        return summary.Told(occasion, title, names["link"])

    def _content(self, occasion: Occasion, writing: _Writing) -> Content:
        used, names = writing.locale, writing.names
        version = writing.override.version if writing.override else None
        marked = self._marked_title(occasion, writing)
        title = settled(marked)
        if writing.kind not in _LONG_KINDS:
            signs = self._speaker(used).signs(occasion, names["link"]) if writing.kind in _LINKED_KINDS else None
            short = settled(clip(tidy(self._piece("short.txt", writing)), MOST_TEXT))
            return Content(title, short, None, used, signs, template_version=version)
        text = settled(clip(tidy(self._piece("body.txt", writing)), MOST_TEXT))
        html = settled(clean(self._piece("body.html", replace(writing, names={**names, "title": marked}))))
        if len(html) > MOST_HTML:
            raise RenderError(f"{occasion.type}/body.html gives more than {MOST_HTML:,} characters", "body.html")
        return Content(title, text, html, used, template_version=version)

    def _piece(self, piece: str, writing: _Writing) -> str:
        """Render one piece; stops when it runs away. Raises RenderError."""
        pieces: list[str] = []
        length = 0
        own = writing.override if writing.override and piece in writing.override.sources else None
        folder = self._folder(writing.type)
        path = own.path(piece) if own else f"{folder}/{piece}"
        environment = self._environments.of(writing.locale)
        try:
            template = self._environments.template(writing.locale, folder, piece, own)
            with environment.meter.running():
                for part in template.generate(writing.names):
                    pieces.append(part)
                    length += len(part)
                    if length > _MOST_OUTPUT:
                        break
        except Exception as error:  # noqa: BLE001  # a template is a program, and what it raises is its fault
            # Its message may quote the event.
            raise RenderError(fault(environment, path, error, own), piece) from None
        if length > _MOST_OUTPUT:
            raise RenderError(f"{path}: gives more than {_MOST_OUTPUT:,} characters", piece)
        return "".join(pieces)

    def _marked_title(self, occasion: Occasion, writing: _Writing) -> str:
        """The title, in which values are only marked as apart: other texts quote it, and are settled as a whole."""
        title = one_line(self._piece("subject.txt", writing))
        if occasion.resolved and not self.types.of(occasion.type).resolves:
            title = self._catalogues.translations(writing.locale).gettext(_RESOLVED_TITLE) % {"title": title}
        return clip(title, MOST_TITLE)

    def _folder(self, type_: str) -> str:
        """Where the templates of a type are that come along; an added one has those that fit any."""
        return GENERIC if type_ not in OWN_TYPES and self.types.of(type_).is_added else type_

    def _speaker(self, used: str) -> Speaker:
        return Speaker(self.types, self._catalogues.translations(used), used, self._links.preferences)

    def _names(self, occasion: Occasion, kind: str, used: str, reader: Reader) -> dict[str, Any]:
        data = dict(occasion.data)
        known, speaker = self.types.of(occasion.type), self._speaker(used)
        return {
            "type": occasion.type,
            "name": speaker.name(occasion.type),
            "severity": speaker.severity(occasion),
            "tone": TONES[occasion.priority],
            "facts": facts(known, data, used) if known.is_added else (),
            "data": data,
            "priority": occasion.priority,
            "subject_key": occasion.subject_key,
            "source": occasion.source,
            "occurred_at": occasion.occurred_at,
            "expires_at": occasion.expires_at,
            "user_id": occasion.user_id,
            "notification_id": occasion.notification_id,
            "resolved": occasion.resolved,
            "duplicates": occasion.duplicates,
            "earlier_times": occasion.earlier_times,
            "earlier_at": occasion.earlier_at,
            "kind": kind,
            "reader": reader,
            "lang": used,
            "dir": reader.direction,
            "link": self._links.safe(data.get("url")) or self._links.about(occasion.subject_key),
            **self._fixed_links,
        }


def _make_reader(locale: str, used: str, timezone: str) -> Reader:
    return Reader(formats_for(locale, used), zone_of(timezone))


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name; UTC if there is none, since a late or missing message is worse than a time in UTC."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
