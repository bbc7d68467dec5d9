"""Occasions on which a template has to hold: as they are meant, at the least, at the most, and at their worst."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.events import EVENT_TYPES, EventType
from app.domain.notifications import DIGEST
from app.rendering.occasion import Occasion

HOSTILE = "javascript:alert(1)//\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}<!channel> @everyone \u202e*_`[x](y)"
_MOMENT = datetime(2026, 11, 22, 20, 5, tzinfo=UTC)
_LONG = "A long word, " * 4_000


def samples(type_: str) -> Iterator[Occasion]:
    """Several of one type, those of a digest without what it carries."""
    if type_ == DIGEST:
        yield _occasion(DIGEST, "normal", {}, None)
        return
    known = EVENT_TYPES[type_]
    full = _of(known, known.sample)
    yield full
    yield _of(known, {name: known.sample[name] for name in known.required})
    yield replace(full, duplicates=4, earlier_times=3, earlier_at=_MOMENT, source="encoder", resolved=True)
    for text in (_LONG, HOSTILE):
        yield _of(known, {**_texts(known, text), "name": text, "message": text, "unit": text, "url": text})


def carried() -> list[Occasion]:
    """What a digest carries: of each type one, and of one several."""
    firsts = [_of(known, known.sample) for known in EVENT_TYPES.values()]
    return [*firsts, *firsts[:2], _of(EVENT_TYPES["job.failed"], _texts(EVENT_TYPES["job.failed"], HOSTILE))]


def _texts(known: EventType, text: str) -> dict[str, Any]:
    return {name: text if isinstance(value, str) else value for name, value in known.sample.items()}


def _of(known: EventType, data: Mapping[str, Any]) -> Occasion:
    return _occasion(known.name, known.priority, data, str(data[known.subject_field])[:200])


def _occasion(type_: str, priority: str, data: Mapping[str, Any], subject_key: str | None) -> Occasion:
    return Occasion(
        type=type_,
        data=data,
        priority=priority,
        subject_key=subject_key,
        source=None,
        occurred_at=_MOMENT,
        expires_at=_MOMENT + timedelta(days=7),
        user_id="u-17",
        notification_id="ntf_sample",
        duplicates=0,
        event_id="evt_sample",
    )
