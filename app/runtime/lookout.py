"""Tells which of the processes that we run have stopped working without ending: the frozen, the deaf and the stuck.

A client of a broker may lose its connection and never notice; the process lives, answers and does nothing. What is
judged are the signs of life in the database, by what changes from one look to the next on a clock of our own: clocks of
different machines, and a machine that slept, say nothing then. Of what can't be known nobody is accused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from app.config import Settings

if TYPE_CHECKING:
    from app.store.heartbeats import Beat

_LONGEST_WORK_SECONDS = 60.0
"""What a worker does at a time ends sooner: a list begins no send after 15 s, and none takes longer than 20 s."""


@dataclass(slots=True)
class _Mark:
    """What was seen of a process: its last beat, and since when something about it has not changed."""

    beat_at: datetime
    beaten: float
    received: Mapping[str, int]
    deaf_since: dict[str, float] = field(default_factory=dict)
    stuck_since: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a process, in words, and with which lane; None is with all it does."""

    why: str
    lane: str | None = None


def lookout_of(settings: Settings) -> "Lookout":
    """A lookout that goes by the settings."""
    return Lookout(
        tick=settings.relay_tick_seconds,
        longest_silence=settings.longest_silence_seconds,
        patience=max(settings.relay_grace_seconds, settings.longest_silence_seconds),
        longest_work=max(settings.lease_seconds, _LONGEST_WORK_SECONDS),
    )


class Lookout:
    """Looks at signs of life again and again. All times are seconds."""

    def __init__(self, *, tick: float, longest_silence: float, patience: float, longest_work: float) -> None:
        """Processes beat every `tick`, and are dead after `longest_silence`.

        A worker with room is deaf when it takes nothing from a lane for `patience`, which is not the shorter, while
        messages wait there; one that is full is stuck when it takes nothing for `longest_work`, in which all that it
        does should have ended.
        """
        self._longest_gap = 3 * tick + longest_silence
        self._fresh = 2 * tick + 1.0
        self._longest_silence = longest_silence
        self._patience = patience
        self._longest_work = longest_work
        self._marks: dict[str, _Mark] = {}
        self._looked = float("-inf")

    def look(self, now: float, beats: Sequence["Beat"], watched: Mapping[str, str]) -> dict[str, Verdict]:
        """What is wrong, with those of the watched with which something is; `watched` says by which name each beats."""
        if now - self._looked > self._longest_gap:
            self._marks.clear()
        self._looked = now
        by_name = {beat.process: beat for beat in beats}
        waiting = self._waiting(now, beats)
        for beat in beats:
            self._note(now, beat, waiting)
        self._marks = {name: mark for name, mark in self._marks.items() if name in by_name}
        verdicts = {who: self._verdict(now, name) for who, name in watched.items() if name in self._marks}
        return {who: why for who, why in verdicts.items() if why is not None}

    def _waiting(self, now: float, beats: Sequence["Beat"]) -> Mapping[str, int]:
        """How many messages wait on each lane, as the newest relay says; nothing when it is dead."""
        relays = [beat for beat in beats if beat.role == "relay"]
        newest = max(relays, key=lambda beat: beat.beat_at, default=None)
        if newest is None:
            return {}
        mark = self._marks.get(newest.process)
        if mark is not None and mark.beat_at == newest.beat_at and now - mark.beaten > self._longest_silence:
            return {}
        waiting: Mapping[str, int] = newest.detail.get("waiting", {})
        return waiting

    def _note(self, now: float, beat: "Beat", waiting: Mapping[str, int]) -> None:
        received: Mapping[str, int] = beat.detail.get("received", {})
        mark = self._marks.get(beat.process)
        if mark is None:
            self._marks[beat.process] = _Mark(beat.beat_at, now, received)
            return
        if mark.beat_at == beat.beat_at:
            return
        mark.beat_at, mark.beaten = beat.beat_at, now
        has_room = beat.detail.get("holds", 0) < beat.detail.get("room", 0)
        for lane in beat.detail.get("lanes", ()):
            idle = waiting.get(lane, 0) > 0 and received.get(lane, 0) == mark.received.get(lane, 0)
            _keep(mark.deaf_since, lane, now, going_on=idle and has_room)
            _keep(mark.stuck_since, lane, now, going_on=idle and not has_room)
        mark.received = received

    def _verdict(self, now: float, name: str) -> Verdict | None:
        mark = self._marks[name]
        others = any(now - other.beaten <= self._fresh for who, other in self._marks.items() if who != name)
        # If nobody beats, it is the database that can't be written to.
        if now - mark.beaten > self._longest_silence and others:
            return Verdict(f"no sign of life for {now - mark.beaten:.0f} s")
        for since, longest, words in (
            (mark.deaf_since, self._patience, "has room and takes nothing from the lane"),
            (mark.stuck_since, self._longest_work, "ends nothing and takes nothing from the lane"),
        ):
            for lane, began in since.items():
                # Of the time after its last beat nothing is known.
                idle = mark.beaten - began
                if idle > longest:
                    return Verdict(f"{words} {lane} for {idle:.0f} s, although messages wait there", lane)
        return None


def _keep(since: dict[str, float], lane: str, now: float, *, going_on: bool) -> None:
    """Remember since when something goes on, and forget it when it does not."""
    if going_on:
        since.setdefault(lane, now)
    else:
        since.pop(lane, None)
