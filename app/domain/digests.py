"""What goes into a digest: which of several messages still say something, and how many fit into one."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.events import Priority

MOST_ITEMS = 1_000
MOST_BYTES = 230 * 1024
"""As a document; the largest that a webhook takes is 256 KiB."""
LONGEST_ITEM_TITLE_BYTES = 160
_ITEM_BYTES = 420


@dataclass(frozen=True, slots=True)
class Held:
    """A notification that waits, with what decides about it. Times are aware and in UTC."""

    id: str
    event_id: str | None
    user_id: str
    type: str
    channel: str
    target: str
    priority: Priority
    reason: str
    subject_key: str | None
    sequence: int | None
    fingerprint: str
    replay_of: str | None
    closes_alert: bool
    next_at: datetime
    expires_at: datetime
    created_at: datetime
    fallback: bool
    alert_key: str | None
    alert_step: int | None

    @property
    def place(self) -> tuple[str, str]:
        """Whom it is for, and on which channel."""
        return self.user_id, self.channel


def repeats(waiting: Sequence[Held], window: timedelta) -> dict[str, str]:
    """For each that repeats another of these, oldest first, within the window: the one that it repeats.

    The window runs from the first. What was asked for again is no repeat.
    """
    firsts: dict[str, Held] = {}
    found: dict[str, str] = {}
    for one in waiting:
        first = firsts.get(one.fingerprint)
        if first is not None and one.replay_of is None and one.created_at - first.created_at < window:
            found[one.id] = first.id
        else:
            firsts[one.fingerprint] = one
    return found


def packs(waiting: Sequence[Held]) -> Iterator[list[Held]]:
    """The same, in as few lists as fit into a digest each."""
    pack: list[Held] = []
    size = 0
    for one in waiting:
        bytes_ = _ITEM_BYTES + written(one.subject_key or "")
        if pack and (len(pack) == MOST_ITEMS or size + bytes_ > MOST_BYTES):
            yield pack
            pack, size = [], 0
        pack.append(one)
        size += bytes_
    if pack:
        yield pack


def written(text: str) -> int:
    """How many bytes a text takes in a document, quotes and escapes counted."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))
