"""Which announcements are lost: nobody will answer them any more."""

from datetime import datetime, timedelta

from app.services.announcing import Publisher
from app.store import heartbeats, relay
from app.store.engine import Database


def lost_before(database: Database, publisher: Publisher, grace: timedelta, before: datetime) -> dict[str, datetime]:
    """Lanes whose announcements before a moment are lost: nothing waits there, or later ones were answered."""
    with database.read() as conn:
        old = relay.oldest_announcements(conn)
        beats = heartbeats.known(conn)
    answered: dict[str, datetime] = {}
    for beat in beats:
        for lane, moment in beat.detail.get("answered", {}).items():
            newest = datetime.fromisoformat(moment)
            answered[lane] = max(newest, answered.get(lane, newest))
    lost: dict[str, datetime] = {}
    for lane, oldest in old.items():
        if oldest >= before:
            continue
        # What was announced after that may well be waiting its turn still.
        overtaken = answered[lane] - grace if lane in answered else oldest
        if oldest < overtaken:
            lost[lane] = min(overtaken, before)
        elif publisher.waiting(lane) == 0:
            lost[lane] = before
    return lost
