"""What the channels of alerts have in common."""

import hashlib
from collections.abc import Mapping
from typing import Any

from channels.base import FROM_ENVIRONMENT, Contact, Message

OURSELVES = "IM2 Notifications"


def key_of(message: Message) -> str:
    """What the receiver knows the alert by; what belongs to none is one of its own."""
    return message.alert_key or message.notification_id


def clip(text: str, most: int) -> str:
    """At most that many code points; what was cut shows as an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def place(*parts: str) -> str:
    """A name for the place that is reached this way, which gives none of the parts away."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def facts(message: Message) -> Mapping[str, Any]:
    """What a responder may want to look up or to filter by."""
    return {
        "type": message.type,
        "priority": message.priority,
        "subject_key": message.subject_key,
        "sequence": message.sequence,
        "user_id": message.user_id,
        "notification_id": message.notification_id,
        "event_id": message.event_id,
    }


def is_environments(contact: Contact) -> bool:
    """Whether it is the operators' contact of the environment, whose secrets are lent to no other."""
    return contact.public == FROM_ENVIRONMENT
