"""What the templates that fit any type of event tell: the fields of its data, one by one."""

from collections.abc import Mapping
from typing import Any

from app.domain.events import EventType
from app.rendering.event_names import in_language

GENERIC = "_generic"
"""The folder of those templates."""
_MOST_FACTS = 20
_SHOWN = (str, int, float, bool)


def facts(known: EventType, data: Mapping[str, Any], locale: str) -> tuple[tuple[str, Any], ...]:
    """The fields that can be told in a word, each with its name for people and a text or a number.

    Declared ones come first, and links are left out.
    """
    declared = [*known.required, *known.optional]
    others = sorted(name for name in data if name not in declared)
    told = [name for name in (*declared, *others) if name != "url" and isinstance(data.get(name), _SHOWN)]
    return tuple((in_language(known.labels.get(name, {}), locale) or name, _sign(data[name])) for name in told)[
        :_MOST_FACTS
    ]


def _sign(value: object) -> object:
    return {True: "✓", False: "✗"}[value] if isinstance(value, bool) else value
