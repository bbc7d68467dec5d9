"""The beginning of what a stranger has sent, fit to be kept: short, printable, and the same on every database."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

_MOST_ENTRIES = 5
_LONGEST_NAME = 64
_LONGEST_TEXT = 200
_MOST_LEVELS = 4
_CUT_OFF = "\N{HORIZONTAL ELLIPSIS}"


def line(text: str, longest: int) -> str:
    """The text, cut off, with a replacement for each character that does not print."""
    kept = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:longest])
    return kept if len(text) <= longest else kept + _CUT_OFF


def of(errors: Any, levels: int = _MOST_LEVELS) -> Any:
    """Errors as {location: {field: [messages]}} or deeper: the first few of each level, and how many more there are."""
    if not isinstance(errors, Mapping | list):
        return line(str(errors), _LONGEST_TEXT)
    if not levels:
        return _CUT_OFF
    if isinstance(errors, list):
        return [of(one, levels - 1) for one in errors[:_MOST_ENTRIES]]
    kept = {line(str(name), _LONGEST_NAME): of(errors[name], levels - 1) for name in islice(errors, _MOST_ENTRIES)}
    return kept if len(errors) <= _MOST_ENTRIES else kept | {"_more": len(errors) - _MOST_ENTRIES}
