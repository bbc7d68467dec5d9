"""The settings the gates go by, and what they say of a notification."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.domain.events import moves
from app.store.gates import Limit
from channels.base import Channel

COUNTS_AS_FIRST = frozenset({"pending", "held", "sending", "retrying", "delivered", "digested"})
"""What repeats a notification in one of these states is a duplicate."""
_BETWEEN_STEPS = timedelta(hours=1)
"""How often people are told how far one thing is, where that is a message of its own each time."""
_BETWEEN_EDITS = timedelta(seconds=15)
"""The same, where the message that is there is changed."""
_TOLD_ANEW = frozenset({"mail", "chat"})


@dataclass(frozen=True, slots=True)
class Step:
    """A notification, as far as the limit on progress is concerned."""

    id: str
    user_id: str
    type: str
    priority: str
    subject_key: str | None


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings the steps go by. A window or a limit of 0 switches its gate off."""

    dedupe_window: timedelta
    rate_window: timedelta
    rate_limits: Mapping[str, int]
    drop_overflow: bool

    def limits(self, priority: str, channel: Channel) -> bool:
        """Whether what is this urgent is counted and limited on this channel."""
        return priority != "critical" and channel.kind != "inbox" and self.rate_limits[channel.name] > 0

    def supersedes(self, type_: str, channel: Channel) -> bool:
        """Whether this is left out where more is known. Programs get all of it: the order is up to them."""
        return moves(type_) and channel.kind != "hook"

    def step_limits(self, steps: Iterable[tuple[Step, Channel]]) -> dict[timedelta, list[Limit]]:
        """What these have to pass if they are some of many steps that are each told, by the window it is about."""
        found: defaultdict[timedelta, list[Limit]] = defaultdict(list)
        for step, channel in steps:
            if moves(step.type) and step.priority != "critical" and channel.kind in _TOLD_ANEW:
                window = _BETWEEN_EDITS if channel.edits else _BETWEEN_STEPS
                found[window].append(Limit(step.id, f"{step.user_id}\n{step.subject_key}", channel.name, 1))
        return found
