"""Alerts: which notifications are about the same one, and which close it.

An alert stands for one user's trouble with one subject. What is wrong with a job, a component or a resource is one
alert however many events tell of it, so a warning and an error about a component share one.
"""

import hashlib

from app.domain.events import EVENT_TYPES, Event


def alert_key(user_id: str, type_: str, subject_key: str | None) -> str:
    """The name of the alert, the same for ever: at most 64 characters that need no escaping in a URL."""
    family = type_.partition(".")[0]
    named = "\n".join((user_id, family, subject_key or ""))
    return f"im2-{family}-{hashlib.sha256(named.encode()).hexdigest()[:40]}"


def closes_alert(event: Event) -> bool:
    """Whether the event says that its subject's trouble is over; such an event never opens an alert."""
    # Of a type that an operator has added, intake has said so in `resolved`.
    return event.resolved or EVENT_TYPES.of(event.type).resolves
