"""Who gets what, where and why: one decision for each recipient and channel, from facts alone."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.domain import schedule
from app.domain.alerts import alert_key, closes_alert
from app.domain.escalation import readable_since, wait_before
from app.domain.events import Event
from app.domain.preferences import Cell, ChannelTraits, Preferences, cell_of

Verdict = Literal["send", "hold", "suppress"]
Place = tuple[str, str]
"""A channel, and the key of an alert on it."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A user as planning sees them: what they chose, and the target of each channel on which they can be reached.

    On the channels in `unverified` they have an address that is not confirmed yet, so nothing is sent there.
    """

    preferences: Preferences
    targets: Mapping[str, str]
    unverified: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens with one event for one recipient on one channel.

    `reason` explains a hold or a suppression in the words of the contract; of a "send" it says whose choice it was.
    `stored` tells whether it makes a notification, or is only shown when somebody asks. On a channel of alerts,
    `alert_key` names the one it is about, and `closes_alert` says that it ends it. A `fallback` goes out if nobody has
    read it in the inbox until then.
    """

    user_id: str
    channel: str
    verdict: Verdict
    reason: str
    until: datetime | None = None
    target: str = ""
    stored: bool = True
    alert_key: str | None = None
    closes_alert: bool = False
    fallback: bool = False


def plan(
    event: Event,
    recipient: Recipient,
    channels: Sequence[ChannelTraits],
    now: datetime,
    open_alerts: Container[Place] = frozenset(),
) -> Iterator[Decision]:
    """Yield the decision for each channel; the event's own `channels` narrows which are looked at.

    `open_alerts` are those that we opened and that nothing has closed yet.
    """
    asked = [channel for channel in channels if event.channels is None or channel.name in event.channels]
    readable = _readable(event, recipient, asked, now)
    for channel in asked:
        yield _decide(event, recipient, channel, now, open_alerts, readable)


def reconsider(
    event: Event,
    recipient: Recipient,
    channel: ChannelTraits,
    since: datetime,
    now: datetime,
    *,
    closes: bool,
    fallback: bool = False,
    arrived: datetime | None = None,
) -> Decision:
    """What becomes now of something that was held: as planned `since` then, by what the recipient wants today.

    A wait that has ended is not begun again: what was to come at eight goes at eight, and not at the next eight.
    `closes` says that it was stored to end an alert, and `fallback` that it stands in for what was not read, which
    `arrived` in the inbox then.
    """
    wishes = recipient.preferences
    readable = readable_since(since, arrived) if fallback else None
    cell, due = _cell(event, wishes, channel, readable)
    target = recipient.targets.get(channel.name)

    def decision(verdict: Verdict, reason: str, until: datetime | None = None) -> Decision:
        return Decision(wishes.user_id, channel.name, verdict, reason, until, target or "")

    if closes:
        return decision("send", "closes_alert")
    if refused := _refusal(event, wishes, cell, reached=target is not None, closes=False):
        return decision("suppress", refused[0])
    if wait := _wait(event, wishes, channel, cell, since, now, due):
        return decision("hold", *wait)
    return decision("send", cell.source)


def _readable(event: Event, recipient: Recipient, asked: Sequence[ChannelTraits], now: datetime) -> datetime | None:
    """When it can be read in the inbox, if anything is to happen when it is not."""
    wishes = recipient.preferences
    if event.type not in wishes.escalate and event.type not in wishes.beneath.escalate:
        return None
    for channel in asked:
        if channel.kind == "inbox":
            decision = _decide(event, recipient, channel, now, frozenset(), None)
            return None if decision.verdict == "suppress" else decision.until or now
    return None


def _cell(
    event: Event, wishes: Preferences, channel: ChannelTraits, readable: datetime | None
) -> tuple[Cell, datetime | None]:
    """What applies to it here, and until when it waits for being read in the inbox."""
    cell = cell_of(wishes, event.type, channel)
    wait = None if readable is None else wait_before(wishes, event.type, channel)
    return (cell, None) if readable is None or wait is None else (Cell("instant", "user"), readable + wait)


def _decide(
    event: Event,
    recipient: Recipient,
    channel: ChannelTraits,
    now: datetime,
    open_alerts: Container[Place],
    readable: datetime | None,
) -> Decision:
    wishes = recipient.preferences
    cell, due = _cell(event, wishes, channel, readable)
    target = recipient.targets.get(channel.name)
    # Most people have no such contact: a name is only worked out for what may become a notification.
    is_alert = channel.kind == "alert" and (target is not None or event.channels is not None)
    key = alert_key(wishes.user_id, event.type, event.subject_key) if is_alert else None
    closes = key is not None and closes_alert(event)

    def decision(
        verdict: Verdict, reason: str, *, until: datetime | None = None, stored: bool = True, fallback: bool = False
    ) -> Decision:
        place = (wishes.user_id, channel.name)
        return Decision(*place, verdict, reason, until, target or "", stored, key, closes, fallback)

    if closes and target is not None and (channel.name, key) in open_alerts and not _is_barred(cell, wishes, channel):
        # Ending what was begun is no message of its own: it makes no noise, and waits for nothing but its own time.
        until = _appointed(event, now)
        return decision("hold", "scheduled", until=until) if until else decision("send", "closes_alert")
    if refused := _refusal(event, wishes, cell, reached=target is not None, closes=closes):
        reason, stored = refused
        return decision("suppress", reason, stored=stored)
    if wait := _wait(event, wishes, channel, cell, now, now, due):
        reason, until = wait
        return decision("hold", reason, until=until, fallback=due is not None)
    return decision("send", cell.source)


def _refusal(event: Event, wishes: Preferences, cell: Cell, *, reached: bool, closes: bool) -> tuple[str, bool] | None:
    """Why it is not to be sent, and whether that makes a notification; or None."""
    if cell.rhythm == "off" and cell.source != "user":
        return "opted_out", False
    if not reached:
        return "no_contact", event.channels is not None
    if cell.rhythm == "off":
        return "opted_out", True
    if closes:
        return "nothing_open", False
    if event.subject_key in wishes.muted_subjects and not cell.locked:
        return "muted", True
    return None


def _wait(
    event: Event,
    wishes: Preferences,
    channel: ChannelTraits,
    cell: Cell,
    since: datetime,
    now: datetime,
    due: datetime | None,
) -> tuple[str, datetime] | None:
    """Why and until when it has to wait, or None. A locked cell waits for nothing but its appointed time.

    It is planned `since` then, and may have to stay unread until it is `due`. Nothing that waits is released into quiet
    hours. The inbox makes no noise, so they let it pass.
    """
    wait = ("scheduled", due) if due is not None and due > now else _appointment(event, wishes, cell, since, now)
    if cell.locked or event.priority == "critical" or channel.kind == "inbox" or wishes.quiet_hours is None:
        return wait
    reason, until = wait or ("quiet_hours", now)
    end = schedule.quiet_until(wishes.quiet_hours, wishes.zone, until)
    return (reason, end) if end is not None else wait


def _appointment(
    event: Event, wishes: Preferences, cell: Cell, since: datetime, now: datetime
) -> tuple[str, datetime] | None:
    if at := _appointed(event, now):
        return "scheduled", at
    if cell.locked:
        return None
    if wishes.muted_until is not None and wishes.muted_until > now:
        return "muted", wishes.muted_until
    round_ = _round(wishes, cell, since)
    return None if round_ is None or round_ <= now else ("digest", round_)


def _round(wishes: Preferences, cell: Cell, since: datetime) -> datetime | None:
    """When the next summary after that moment is made, if what is in this cell goes into one."""
    if cell.rhythm == "hourly":
        return schedule.next_hour(wishes.zone, since)
    if cell.rhythm == "daily":
        return schedule.next_at(wishes.daily_at, wishes.zone, since)
    return None


def _appointed(event: Event, now: datetime) -> datetime | None:
    """When the event itself asks to be told, if that is still to come."""
    return event.deliver_at if event.deliver_at is not None and event.deliver_at > now else None


def _is_barred(cell: Cell, wishes: Preferences, channel: ChannelTraits) -> bool:
    """Whether not even the end of an alert is sent: of a type that is locked out, or where the user wants nothing."""
    return cell.locked or wishes.channels.get(channel.name) is False
