"""Whose turn it is among the notifications about one alert, so that none is left open and none closed too early.

What closes an alert waits until everything before it has ended. What opens one does not wait for a closing that has
not gone out yet, but takes its place: somebody has to be told now, and the alert is to stay open.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.domain.clock import Clock
from app.domain.notifications import Status
from app.services.recording import Recorder
from app.store import alerts, notifications
from app.store.alerts import Last, Step, Unfinished, step_of
from app.store.engine import Database
from app.store.notifications import Brief

_LEAST_WAIT = timedelta(seconds=1)
_MOST_WAIT = timedelta(seconds=30)
_AT_REST: tuple[Status, ...] = ("pending", "held", "retrying")


@dataclass(slots=True)
class _Verdicts:
    """What becomes of a list before it is claimed."""

    ready: list[str] = field(default_factory=list)
    waits_for: dict[str, list[Unfinished]] = field(default_factory=dict)
    replaces: dict[str, list[str]] = field(default_factory=dict)
    """Closings that have not gone out, by the opening that takes their place."""
    pointless: list[str] = field(default_factory=list)
    """Closings of what is not open: it was never opened, or is closed already."""


class AlertTurns:
    """Picks out what may be sent."""

    def __init__(self, database: Database, recorder: Recorder, clock: Clock) -> None:
        self._database = database
        self._recorder = recorder
        self._clock = clock

    def ready(self, briefs: Mapping[str, Brief]) -> dict[str, Brief]:
        """Those of one channel's notifications whose turn it is; the others wait, without using up an attempt, or end.

        A turn that has come stays: what is earlier in the order only ever ends.
        """
        about = [brief for brief in briefs.values() if brief.alert_key is not None]
        if not about:
            return dict(briefs)
        with self._database.read() as conn:
            unfinished = alerts.unfinished(conn, about[0].channel, {brief.alert_key or "" for brief in about})
            states = alerts.last_before(conn, [step_of(brief) for brief in about if brief.closes_alert])
        verdicts = _judge(about, unfinished, states)
        if verdicts.replaces or verdicts.pointless or verdicts.waits_for:
            self._carry_out(verdicts)
        own = {brief.id for brief in about}
        return {id_: brief for id_, brief in briefs.items() if id_ not in own or id_ in verdicts.ready}

    def _carry_out(self, verdicts: _Verdicts) -> None:
        now = self._clock.now()
        replaced = {id_ for ids in verdicts.replaces.values() for id_ in ids}
        with self._database.write() as conn:
            ending = sorted({*replaced, *verdicts.pointless})
            ended = notifications.move(conn, ending, "suppressed", "superseded", now, only_from=_AT_REST)
            self._recorder.ended(conn, ended, "suppressed", "superseded", now)
            # What has just been claimed by somebody else is going out: then it is waited for after all.
            going_out = replaced - {row.id for row in ended}
            late = [id_ for id_, ids in verdicts.replaces.items() if not going_out.isdisjoint(ids)]
            verdicts.ready = [id_ for id_ in verdicts.ready if id_ not in late]
            waiting = [*verdicts.waits_for, *late]
            until = _look_again(verdicts.waits_for.values(), now)
            if waiting:
                notifications.postpone(conn, dict.fromkeys(waiting, until), now)


def _judge(about: Sequence[Brief], unfinished: Sequence[Unfinished], states: Mapping[Step, Last]) -> _Verdicts:
    verdicts = _Verdicts()
    for brief in sorted(about, key=lambda brief: brief.alert_step or 0):
        _, key, step = step_of(brief)
        before = [one for one in unfinished if one.alert_key == key and one.step < step]
        if not brief.closes_alert:
            before = [one for one in before if one.closes]
            if going_out := [one for one in before if one.status == "sending" or one.id in verdicts.ready]:
                verdicts.waits_for[brief.id] = going_out
                continue
            if before:
                verdicts.replaces[brief.id] = [one.id for one in before]
        elif before:
            verdicts.waits_for[brief.id] = before
            continue
        else:
            state = states.get(step_of(brief))
            if state is None or state.closes:
                verdicts.pointless.append(brief.id)
                continue
        verdicts.ready.append(brief.id)
    return verdicts


def _look_again(waits: Iterable[Sequence[Unfinished]], now: datetime) -> datetime:
    """When those that are waited for may have ended."""
    due = [one.next_at for ones in waits for one in ones]
    return min(max(min(due, default=now), now + _LEAST_WAIT), now + _MOST_WAIT)
