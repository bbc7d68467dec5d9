"""What the preference centre is made from: what there is to choose, and what everybody has who chose nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel.core import Locale

from app.bootstrap import Services
from app.domain.events import Rhythm
from app.services.people import DEFAULTS_USER

_FORMS: Mapping[str, tuple[str, ...]] = {
    "email": ("address",),
    "webhook": ("url", "types", "headers"),
    "slack": ("secret_url",),
    "discord": ("secret_url",),
    "pagerduty": ("routing_key",),
    "opsgenie": ("api_key", "base_url"),
}
"""The fields of a contact, by channel. A channel that is not named is shown without a form."""


@dataclass(frozen=True, slots=True)
class _Channel:
    """A column of the matrix."""

    name: str
    needs_contact: bool
    form: tuple[str, ...]
    signs: bool
    must_verify: bool
    usual: bool
    """Whether it is on for who has not switched it."""
    is_beyond_inbox: bool


@dataclass(frozen=True, slots=True)
class _Cell:
    """One type on one channel, for who has not chosen."""

    channel: str
    usual: Rhythm
    locked: bool


@dataclass(frozen=True, slots=True)
class _Type:
    """A row of the matrix."""

    name: str
    label: str
    cells: tuple[_Cell, ...]
    escalates: Mapping[str, Any] | None
    """What is usual when it stays unread."""


def names(services: Services, locale: str) -> dict[str, object]:
    """What its template sees: the channels, the types of events with their names in that language, the languages."""
    defaults = services.preferences.get(DEFAULTS_USER).body
    return {
        "channels": [_channel(services, name, defaults) for name in services.channels],
        "event_types": [
            _Type(
                name,
                services.pages.event_name(name, locale),
                tuple(_Cell(channel, cell["rhythm"], cell["locked"]) for channel, cell in row.items()),
                defaults["escalate"].get(name),
            )
            for name, row in defaults["effective"].items()
        ],
        "usually_quiet": defaults["quiet_hours"] is not None,
        "languages": [(tag, own_name(tag)) for tag in services.pages.locales],
    }


def own_name(tag: str) -> str:
    """What a language is called by who speaks it."""
    language = Locale.parse(tag, sep="-")
    name = language.get_display_name(language) or tag
    return name[:1].upper() + name[1:]


def _channel(services: Services, name: str, defaults: Mapping[str, Any]) -> _Channel:
    channel = services.channels[name]
    return _Channel(
        name,
        channel.needs_contact,
        _FORMS.get(name, ()),
        signs=channel.kind == "hook",
        must_verify=channel.must_verify,
        usual=defaults["channels"].get(name) is not False,
        is_beyond_inbox=channel.kind != "inbox",
    )
