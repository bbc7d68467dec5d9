"""What a digest tells of the notifications it carries: grouped by what they are about, newest first."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import escape

from app.domain.digests import LONGEST_ITEM_TITLE_BYTES, written
from app.rendering.occasion import Occasion
from app.rendering.text import ELLIPSIS, settled

_MOST_LINES = 50
_ROOM = 85_000
"""Bytes of HTML for all lines: Gmail shows the first 102 KB of a mail, and around the lines stand some more."""
_A_LINE = 600
"""Bytes that a line takes beside its title and its link."""


@dataclass(frozen=True, slots=True)
class Told:
    """One that is carried, with its title in the reader's language and where to learn more.

    In the title values are only marked as apart, for the text that quotes it to settle.
    """

    occasion: Occasion
    title: str
    link: str


@dataclass(frozen=True, slots=True)
class Line:
    """All that were about the same: the newest title, how often it happened, and when the last time was."""

    title: str
    times: int
    last_at: datetime
    priority: str
    link: str


def names(told: Sequence[Told]) -> dict[str, Any]:
    """What the templates of digests know besides: `count`, how many are carried, and `lines`, the newest first.

    `shown` is how many of the lines there is room for in a mail.
    """
    groups: defaultdict[tuple[str, str | None], list[Told]] = defaultdict(list)
    for one in _newest_first(told):
        groups[one.occasion.type, one.occasion.subject_key].append(one)
    lines = [_line(group) for group in groups.values()]
    return {"count": len(told), "lines": lines, "shown": _shown(lines)}


def items(told: Sequence[Told]) -> list[dict[str, Any]]:
    """The same one by one, for receivers that are programs."""
    return [
        {
            "notification_id": one.occasion.notification_id,
            "event_id": one.occasion.event_id,
            "type": one.occasion.type,
            "subject_key": one.occasion.subject_key,
            "title": settled(_short(one.title)),
            "occurred_at": one.occasion.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        }
        for one in _newest_first(told)
    ]


def _newest_first(told: Sequence[Told]) -> list[Told]:
    return sorted(told, key=lambda one: (one.occasion.occurred_at, one.occasion.notification_id), reverse=True)


def _line(group: Sequence[Told]) -> Line:
    newest = group[0]
    times = sum(one.occasion.duplicates + 1 for one in group)
    return Line(newest.title, times, newest.occasion.occurred_at, newest.occasion.priority, newest.link)


def _shown(lines: Sequence[Line]) -> int:
    room = _ROOM
    for number, line in enumerate(lines[:_MOST_LINES]):
        room -= _A_LINE + len(escape(line.title).encode()) + len(line.link)
        if room < 0:
            return number
    return min(len(lines), _MOST_LINES)


def _short(title: str) -> str:
    """As much as fits into its share of the document, however many bytes its letters take."""
    if written(title) <= LONGEST_ITEM_TITLE_BYTES:
        return title
    while written(title) > LONGEST_ITEM_TITLE_BYTES - len(ELLIPSIS.encode()):
        title = title[: min(len(title) - 1, LONGEST_ITEM_TITLE_BYTES)]
    return title.rstrip() + ELLIPSIS
