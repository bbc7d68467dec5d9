"""Which alerts are open, for those who plan, and the order in which what is planned about them is stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from app.domain.alerts import alert_key, closes_alert
from app.domain.events import Event
from app.domain.notifications import Notification
from app.domain.planning import Place, Recipient
from app.domain.preferences import ChannelTraits
from app.store import alerts
from app.store.alerts import Last


def that_end(
    conn: Connection,
    events: Iterable[Event],
    recipients: Mapping[str, Recipient],
    channels: Iterable[ChannelTraits],
) -> set[Place]:
    """Those of our open alerts that these events could close, where their users are still reached as they were."""
    reached = {
        (channel.name, alert_key(user_id, event.type, event.subject_key)): recipients[user_id].targets[channel.name]
        for channel in channels
        if channel.kind == "alert"
        for event in events
        if closes_alert(event)
        for user_id in event.recipients
        if channel.name in recipients[user_id].targets
    }
    states = alerts.last(conn, reached)
    return {place for place, state in states.items() if not state.closes and state.target == reached[place]}


def opened_by(rows: Iterable[Notification]) -> set[Place]:
    """The alerts that these notifications open when they are delivered."""
    return {
        (row.channel, row.alert_key)
        for row in rows
        if row.alert_key is not None and row.is_open and not row.closes_alert
    }


def in_order(conn: Connection, rows: Sequence[Notification]) -> list[Notification]:
    """The rows as they are to be stored now: numbered by alert, without those that would close what is not open.

    Of several events that close an alert at once only the first one does. What is sent again on request stays.
    """
    places = {(row.channel, row.alert_key) for row in rows if row.alert_key is not None}
    if not places:
        return list(rows)
    alerts.lock(conn, (key for _, key in places))
    states = alerts.last(conn, places)
    kept: list[Notification] = []
    for row in rows:
        if row.alert_key is None or not row.is_open:
            kept.append(row)
            continue
        place = (row.channel, row.alert_key)
        state = states.get(place)
        is_open = state is not None and not state.closes
        if row.closes_alert and not is_open and row.replay_of is None:
            continue
        step = state.step + 1 if state is not None else 1
        states[place] = Last(step, row.closes_alert, row.target)
        kept.append(replace(row, alert_step=step))
    return kept
