"""Progress that waited so long for its next attempt that more is known by now."""

from collections.abc import Mapping

from app.domain.clock import Clock
from app.domain.notifications import Status
from app.services.recording import Recorder
from app.services.rules import Rules
from app.store import courses, notifications
from app.store.engine import Database
from app.store.notifications import Brief
from channels.base import Channel

_AT_REST: tuple[Status, ...] = ("pending", "retrying")


class OldNews:
    """Ends it right before it would be sent. A retry passes no other gate."""

    def __init__(self, database: Database, recorder: Recorder, rules: Rules, clock: Clock) -> None:
        self._database = database
        self._recorder = recorder
        self._rules = rules
        self._clock = clock

    def left_out(self, channel: Channel, briefs: Mapping[str, Brief]) -> dict[str, Brief]:
        """The others. The inbox is left to itself: its items move forward only."""
        if channel.kind == "inbox":
            return dict(briefs)
        asked = [one for one in briefs.values() if self._rules.supersedes(one.type, channel) and one.replay_of is None]
        if not asked:
            return dict(briefs)
        with self._database.read() as conn:
            old = courses.outdated(conn, asked)
        if old:
            now = self._clock.now()
            with self._database.write() as conn:
                ended = notifications.move(conn, sorted(old), "suppressed", "superseded", now, only_from=_AT_REST)
                self._recorder.ended(conn, ended, "suppressed", "superseded", now)
        return {id_: brief for id_, brief in briefs.items() if id_ not in old}
