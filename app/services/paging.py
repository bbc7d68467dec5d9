"""Long lists in pages: a cursor says where the next page begins; clients only hand it back."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, NoReturn

from app.services.intake import Invalid

DEFAULT_LIMIT = 50
MOST = 200


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, ready for JSON; `next_cursor` is None on the last one."""

    items: list[dict[str, Any]]
    next_cursor: str | None


def make_cursor(kind: str, position: str) -> str:
    """The cursor for a position in a kind of list."""
    return base64.urlsafe_b64encode(f"{kind}:{position}".encode()).decode().rstrip("=")


def read_cursor(kind: str, cursor: str) -> str:
    """The position a cursor of this kind stands for. Raises Invalid."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        given, _, position = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        refuse_cursor()
    if given != kind:
        refuse_cursor()
    return position


def refuse_cursor() -> NoReturn:
    """Raise Invalid for a cursor that is none of this list."""
    raise Invalid({"query": {"cursor": ["Not a cursor of this list."]}})
