"""What the documents of channels look like to people, roughly: for the pages of the gallery."""

import html
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup, escape

_PREHEADER = re.compile(r'<div class="preheader"[^>]*>(.*?)</div>', re.DOTALL)
_SLACK_LINK = re.compile(r"<([^|>]+)\|([^>]*)>")
_DISCORD_LINK = re.compile(r"(?<!\\)\[((?:[^\[\]\\]|\\.)+)\]\((https?://[^()\s]+)\)")
_BACKSLASH = re.compile(r"\\(\W|_)")


def preheader(page: str) -> str:
    """What a list of mails shows behind the subject."""
    found = _PREHEADER.search(page)
    return " ".join(html.unescape(found[1]).split()) if found else ""


def slack(text: Mapping[str, Any]) -> Markup:
    """A text object as Slack shows it; of its markup, ours has links alone."""
    said = str(text["text"])
    if text["type"] != "mrkdwn":
        return escape(html.unescape(said))
    parts = []
    position = 0
    for link in _SLACK_LINK.finditer(said):
        parts.append(escape(html.unescape(said[position : link.start()])))
        parts.append(_link(html.unescape(link[1]), html.unescape(link[2])))
        position = link.end()
    return Markup("").join([*parts, escape(html.unescape(said[position:]))])


def discord(text: str) -> Markup:
    """A text as Discord shows it; of its markup, ours has links and backslashes alone."""
    parts = []
    position = 0
    for link in _DISCORD_LINK.finditer(text):
        parts.append(escape(_BACKSLASH.sub(r"\1", text[position : link.start()])))
        parts.append(_link(link[2], _BACKSLASH.sub(r"\1", link[1])))
        position = link.end()
    return Markup("").join([*parts, escape(_BACKSLASH.sub(r"\1", text[position:]))])


def as_json(document: object) -> str:
    """A document, to be read."""
    return json.dumps(document, ensure_ascii=False, indent=2)


def _link(url: str, label: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(url, label)


FILTERS: Mapping[str, Callable[..., object]] = {
    "preheader": preheader,
    "slack": slack,
    "discord": discord,
    "as_json": as_json,
    "colour": lambda number: f"#{number:06x}",
}
