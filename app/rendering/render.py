"""From what happened to what the reader sees."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from traceback import walk_tb
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError

from app.domain.events import EVENT_TYPES
from app.rendering import summary
from app.rendering.catalogues import N_, Catalogues, formats_for
from app.rendering.environment import Environments
from app.rendering.event_names import EVENT_NAMES
from app.rendering.filters import FILTERS, Reader
from app.rendering.links import Links
from app.rendering.occasion import Occasion
from app.rendering.sandbox.meter import OutOfBounds
from app.rendering.sandbox.sandbox import Sandbox
from app.rendering.text import clean, clip, one_line, tidy

MOST_TITLE = 200
MOST_TEXT = 20_000
MOST_HTML = 200_000
_MOST_OUTPUT = 1_000_000
_LONG_KINDS = frozenset({"mail"})
_LINKED_KINDS = frozenset({"chat", "alert"})
_SEVERITIES = {
    # Translators: how urgent something is.
    "low": N_("Low"),
    # Translators: how urgent something is.
    "normal": N_("Normal"),
    # Translators: how urgent something is.
    "high": N_("High"),
    # Translators: how urgent something is.
    "critical": N_("Critical"),
}
# Translators: of trouble that has ended.
_RESOLVED = N_("Resolved")
# Translators: title is the title of trouble that has ended, such as "System error in encoder: no worker answers".
_RESOLVED_TITLE = N_("Resolved: %(title)s")
_COMPLETED = N_("Completed")
# Translators: a link to more about what a message tells.
_LINK_LABEL = N_("Details")
# Translators: small print under a message in a chat; events is a name such as "Failed jobs".
_WHY = N_("Sent because “%(events)s” is turned on here.")
_SETTINGS_LABEL = N_("Change what you get and where")
_QUOTED = re.compile(r"'(\w+)'")


class RenderError(Exception):
    """The text could not be made. `detail` names the template, the line and the fault, and no data of the event."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands beside the text in chats and alerts: how urgent it is, where to learn more, and why it came.

    `why` is empty where no choice of an event stands behind it.
    """

    severity: str
    link: str
    link_label: str
    why: str
    settings_link: str
    settings_label: str


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


class Renderer:
    """Renders notifications from one folder of templates and one of translations. Safe to share between threads.

    The same occasion, kind, locale and zone always give the same content.
    """

    def __init__(self, *, templates: Path, translations: Path, public_url: str, default_locale: str) -> None:
        self._catalogues = Catalogues(translations, default_locale)
        self._links = Links(public_url)
        filters = {**FILTERS, "safe_url": self._links.safe}
        self._environments = Environments(templates, self._catalogues, filters)
        self._reader = lru_cache(maxsize=512)(_make_reader)

    @property
    def locales(self) -> tuple[str, ...]:
        """The languages there are texts in."""
        return self._catalogues.locales

    def render(self, occasion: Occasion, *, kind: str, locale: str, timezone: str) -> Content:
        """The content for one kind of channel, in the reader's language and zone.

        Mail gets the long text and HTML, every other kind the short text, chats and alerts with signs. An unknown zone
        reads as UTC.
        Raises RenderError.
        """
        used = self._catalogues.resolve(locale)
        names = self._names(occasion, kind, used, self._reader(locale, used, timezone))
        return self._content(occasion, kind, used, names)

    def render_digest(
        self, occasion: Occasion, carried: Sequence[Occasion], *, kind: str, locale: str, timezone: str
    ) -> Content:
        """The content of a digest, whose texts tell of those it carries, grouped by what they are about.

        One whose own title can't be made is told of by its type. Raises RenderError.
        """
        used = self._catalogues.resolve(locale)
        reader = self._reader(locale, used, timezone)
        told = [self._told(one, kind, used, reader) for one in carried]
        names = {**self._names(occasion, kind, used, reader), **summary.names(told)}
        return replace(self._content(occasion, kind, used, names), items=summary.items(told))

    def _told(self, occasion: Occasion, kind: str, used: str, reader: Reader) -> summary.Told:
        names = self._names(occasion, kind, used, reader)
        try:
            title = self._title(occasion, used, names)
        except RenderError:
            title = occasion.type
        return summary.Told(occasion, title, names["link"])

    def _content(self, occasion: Occasion, kind: str, used: str, names: Mapping[str, Any]) -> Content:
        environment = self._environments.of(used)

        def piece(name: str) -> str:
            return _fill(environment, f"{occasion.type}/{name}", names)

        title = self._title(occasion, used, names)
        if kind not in _LONG_KINDS:
            signs = self._signs(occasion, names["link"], used) if kind in _LINKED_KINDS else None
            return Content(title, clip(tidy(piece("short.txt")), MOST_TEXT), None, used, signs)
        text = clip(tidy(piece("body.txt")), MOST_TEXT)
        html = clean(_fill(environment, f"{occasion.type}/body.html", {**names, "title": title}))
        if len(html) > MOST_HTML:
            raise RenderError(f"{occasion.type}/body.html gives more than {MOST_HTML:,} characters")
        return Content(title, text, html, used)

    def _title(self, occasion: Occasion, used: str, names: Mapping[str, Any]) -> str:
        title = one_line(_fill(self._environments.of(used), f"{occasion.type}/subject.txt", names))
        if occasion.resolved and not _tells_of_an_end(occasion.type):
            title = self._catalogues.translations(used).gettext(_RESOLVED_TITLE) % {"title": title}
        return clip(title, MOST_TITLE)

    def _signs(self, occasion: Occasion, link: str, used: str) -> Signs:
        speech = self._catalogues.translations(used)
        name = EVENT_NAMES.get(occasion.type)
        return Signs(
            severity=speech.gettext(_severity(occasion)),
            link=link,
            link_label=speech.gettext(_LINK_LABEL),
            why=speech.gettext(_WHY) % {"events": speech.gettext(name)} if name else "",
            settings_link=self._links.preferences,
            settings_label=speech.gettext(_SETTINGS_LABEL),
        )

    def _names(self, occasion: Occasion, kind: str, used: str, reader: Reader) -> dict[str, Any]:
        data = dict(occasion.data)
        return {
            "type": occasion.type,
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
            "preferences_link": self._links.preferences,
            "verification_link": self._links.verification,
            "unsubscribe_link": self._links.unsubscription,
        }


def _severity(occasion: Occasion) -> str:
    """How urgent it is, in a word; of what is over, or was done, that it is."""
    if occasion.resolved:
        return _RESOLVED
    return _COMPLETED if _tells_of_an_end(occasion.type) else _SEVERITIES[occasion.priority]


def _tells_of_an_end(type_: str) -> bool:
    known = EVENT_TYPES.get(type_)
    return known is not None and known.resolves


def _make_reader(locale: str, used: str, timezone: str) -> Reader:
    return Reader(formats_for(locale, used), zone_of(timezone))


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name; UTC if there is none, since a late or missing message is worse than a time in UTC."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _fill(environment: Sandbox, path: str, names: Mapping[str, Any]) -> str:
    """Render one template; stops when the output runs away. Raises RenderError."""
    pieces: list[str] = []
    length = 0
    try:
        with environment.meter.running():
            for part in environment.get_template(path).generate(names):
                pieces.append(part)
                length += len(part)
                if length > _MOST_OUTPUT:
                    break
    except Exception as error:  # noqa: BLE001  # a template is a program, and what it raises is its fault
        raise RenderError(_fault(environment, path, error)) from None  # its message may quote the event
    if length > _MOST_OUTPUT:
        raise RenderError(f"{path}: gives more than {_MOST_OUTPUT:,} characters")
    return "".join(pieces)


def _fault(environment: Sandbox, path: str, error: Exception) -> str:
    """What is wrong and where. The message of the error itself may quote the event's data, so it is not passed on."""
    if isinstance(error, TemplateNotFound):
        return f"{path}: there is no template {error.name}"
    if isinstance(error, TemplateSyntaxError):
        return f"{error.name or path}, line {error.lineno}: {error.message}"
    place, source_line = _place(environment, path, error)
    if isinstance(error, UndefinedError):
        # A name that stands in the template's own line is the template's word, not the event's.
        names = [name for name in _QUOTED.findall(str(error)) if re.search(rf"\b{name}\b", source_line)]
        return f"{place}: the variable {names[-1]} is not defined" if names else f"{place}: a variable is not defined"
    return f"{place}: {_refusal(error)}"


def _refusal(error: Exception) -> str:
    """Why the sandbox ended it, or what it ended with."""
    if isinstance(error, OutOfBounds):
        return str(error)
    if isinstance(error, SecurityError):
        return "the sandbox does not allow this"
    if isinstance(error, RecursionError):
        return "calls itself, or nests, without end"
    return "TemplateError" if isinstance(error, TemplateError) else type(error).__name__


def _place(environment: Sandbox, path: str, error: Exception) -> tuple[str, str]:
    """The innermost template line the error passed through, as "template, line n", and that line's text."""
    roots = getattr(environment.loader, "searchpath", [])
    for frame, line in reversed(list(walk_tb(error.__traceback__))):
        filename = frame.f_code.co_filename
        for root in roots:
            if filename.startswith(f"{root}/"):
                lines = Path(filename).read_text("utf-8").splitlines()
                text = lines[line - 1] if 0 < line <= len(lines) else ""
                return f"{filename[len(root) + 1 :]}, line {line}", text
    return path, ""
