"""Samples of what the service says of its own accord: digests, tests, verifications and notices."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from app.domain.events import EventType
from app.domain.ids import new_id
from app.domain.notifications import (
    CONTACT_DISABLED,
    CONTACT_FAILING,
    DIGEST,
    OWN_LIFETIME,
    TEST,
    VERIFICATION,
)
from app.rendering.occasion import Occasion

READER: Final = "u-17"
KINDS: Final[Mapping[str, frozenset[str]]] = {
    DIGEST: frozenset({"inbox", "mail", "hook", "chat", "alert"}),
    TEST: frozenset({"inbox", "mail", "hook", "chat", "alert"}),
    VERIFICATION: frozenset({"mail"}),
    CONTACT_DISABLED: frozenset({"inbox"}),
    CONTACT_FAILING: frozenset({"inbox"}),
}
"""The kinds of channels that each of them goes to."""


def occasion(type_: str, now: datetime) -> Occasion:
    """One of them, at this moment."""
    is_notice = type_ in (CONTACT_DISABLED, CONTACT_FAILING)
    return Occasion(
        type=type_,
        data=_notice(now) if is_notice else {},
        priority="high" if is_notice or type_ == DIGEST else "normal",
        subject_key=None,
        source=None,
        occurred_at=now,
        expires_at=now + OWN_LIFETIME,
        user_id=READER,
        notification_id=new_id("ntf", now),
        duplicates=0,
    )


def carried(digest: Occasion, types: Mapping[str, EventType]) -> Sequence[Occasion]:
    """What a digest could carry: the sample of each type, some minutes apart, the failed job three times."""
    return [
        replace(
            digest,
            type=known.name,
            data=known.sample,
            priority=known.priority,
            subject_key=str(known.sample[known.subject_field]),
            source="encoder",
            occurred_at=digest.occurred_at - timedelta(minutes=7 * back),
            notification_id=new_id("ntf", digest.occurred_at),
            event_id=new_id("evt", digest.occurred_at),
            duplicates=2 if known.name == "job.failed" else 0,
        )
        for back, known in enumerate(types.values(), start=1)
    ]


def _notice(now: datetime) -> dict[str, Any]:
    return {
        "contact": "Slack …a1b2",
        "answer": "Slack takes nothing at this webhook: it was removed or turned off (404 no_service).",
        "since": now - timedelta(days=3),
        "until": now + timedelta(days=2),
    }
