"""What stays unread in the inbox goes on to other channels: to which, and after how long."""

from datetime import datetime, timedelta

from app.domain.preferences import ChannelTraits, Preferences, lock_of

_LATE = timedelta(minutes=1)


def wait_before(wishes: Preferences, type_: str, channel: ChannelTraits) -> timedelta | None:
    """How long an event of this type has to stay unread before it goes to this channel; None where nothing escalates.

    Each channel of the list has its turn when nobody has read it since the one before had its own. What is said for a
    type stands above its cell: nothing of it goes there at once, and a cell that is off is off until then only. A
    channel that is off as a whole stays off.
    """
    own = wishes.escalate.get(type_)
    wanted = own or wishes.beneath.escalate.get(type_)
    if wanted is None or channel.name not in wanted.to:
        return None
    if (
        channel.kind == "inbox"
        or lock_of(wishes.types.of(type_), channel.kind) == "off"
        or wishes.is_barred(type_, channel.name)
    ):
        return None
    if own is None and channel.name in wishes.events.get(type_, {}):
        # What somebody says of their own cell stands above what is said for everybody.
        return None
    return wanted.after * (wanted.to.index(channel.name) + 1)


def readable_since(planned: datetime, arrived: datetime | None) -> datetime:
    """Since when it could be read. An inbox that was a moment late gives nobody more time."""
    return planned if arrived is None or arrived - planned < _LATE else arrived
