"""Occasions on which a template has to hold: as they are meant, at the least, at the most, and at their worst."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.events import EventType
from app.domain.notifications import DIGEST
from app.rendering.occasion import Occasion
from app.rendering.own_samples import occasion as own

HOSTILE = "javascript:alert(1)//\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}<!channel> @everyone \u202e*_`[x](y)"
_MOMENT = datetime(2026, 11, 22, 20, 5, tzinfo=UTC)
_LONG = "A long word, " * 4_000
_TEXT_FIELDS = ("name", "message", "unit", "url")


@dataclass(frozen=True, slots=True)
class Sample:
    """Something to make a text of: what is special about it, and whether it is as ordinary as most."""

    about: str
    occasion: Occasion
    is_plain: bool = False
    carried: tuple[Occasion, ...] = ()
    """What it carries, if it is a digest."""


def samples(type_: str, types: Mapping[str, EventType]) -> Iterator[Sample]:
    """Several of one type."""
    if type_ == DIGEST:
        yield from _digests(types)
        return
    known = types.get(type_)
    if known is None:
        yield Sample("the sample", own(type_, _MOMENT), is_plain=True)
        return
    full = _of(known, known.sample)
    yield Sample("the sample", full, is_plain=True)
    yield Sample(
        "what is required",
        _of(known, {**known.fills, **{name: known.sample[name] for name in known.required}}),
        is_plain=True,
    )
    again = replace(full, duplicates=4, earlier_times=3, earlier_at=_MOMENT, source="encoder", resolved=True)
    yield Sample("a repeat of what is resolved", again, is_plain=True)
    for about, text in (("long texts", _LONG), ("hostile texts", HOSTILE)):
        texts = dict.fromkeys(_TEXT_FIELDS, text)
        yield Sample(about, _of(known, {**_texts(known, text), **texts}))


def _digests(types: Mapping[str, EventType]) -> Iterator[Sample]:
    """With one of each type and of some several; and with one whose texts are hostile."""
    digest = _occasion(DIGEST, "normal", {}, None)
    firsts = tuple(_of(known, known.sample) for known in types.values())
    some = next(iter(types.values()))
    yield Sample("the sample", digest, is_plain=True, carried=(*firsts, *firsts[:2]))
    yield Sample("hostile texts", digest, carried=(*firsts, _of(some, _texts(some, HOSTILE))))


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
