"""How a message looks in chat: how urgent it is at a glance, and what is cut to fit."""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from channels.base import Message
from channels.shown import shown

_ELLIPSIS = "…"
_LONGEST_LINK = 2_048
_LONGEST_SOURCE = 80
_LINK = re.compile(r"https?://[^\s<>|\"\\^`{}]+")


@dataclass(frozen=True, slots=True)
class Look:
    """How urgent a message is, for the eye: a sign that differs by more than its colour, and a colour (0xRRGGBB)."""

    sign: str
    colour: int


_LOOKS: Mapping[str, Look] = {
    "critical": Look("🚨", 0xD92D20),
    "high": Look("❗", 0xF79009),
    "normal": Look("🔔", 0x2E90FA),
    "low": Look("🔹", 0x98A2B3),
}
_RESOLVED = Look("✅", 0x12B76A)


def look_of(message: Message) -> Look:
    """By priority; what tells that trouble is over looks like it."""
    return _RESOLVED if message.resolved else _LOOKS.get(message.priority, _LOOKS["normal"])


def severity_of(message: Message) -> str:
    """How urgent it is, in a word."""
    return message.severity or message.priority


def footer_of(message: Message) -> tuple[str, ...]:
    """Who reported it, and a short id: hooks have no key for repeats, so that people can tell one by it."""
    source = one_line(message.source or "")[:_LONGEST_SOURCE]
    return (*((source,) if source else ()), f"#{message.notification_id[-8:]}")


def link_of(message: Message) -> str | None:
    """The message's link, if it is one that may be put into markup."""
    return _fit_for_markup(message.link)


def settings_of(message: Message) -> str | None:
    """The link to what its reader gets, if it is one that may be put into markup."""
    return _fit_for_markup(message.settings_link)


def one_line(text: str) -> str:
    """The text with all blanks run together, and nothing unseen."""
    return " ".join(shown(text).split())


def _fit_for_markup(link: str | None) -> str | None:
    return link if link and len(link) <= _LONGEST_LINK and _LINK.fullmatch(link) else None


def fitted(text: str, most: int, escape: Callable[[str], str]) -> str:
    """The escaped text in at most that many code points; a cut shows as an ellipsis and splits no escape."""
    text = text.strip()
    whole = escape(text[: most + 1])
    if len(whole) <= most:
        return whole
    kept = bisect_right(range(min(len(text), most) + 1), most - 1, key=lambda length: len(escape(text[:length]))) - 1
    return escape(text[:kept].rstrip()) + _ELLIPSIS
