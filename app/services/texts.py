"""The words of notifications, each in its reader's language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from app.domain.events import Event
from app.domain.notifications import DIGEST
from app.domain.preferences import Preferences
from app.rendering.occasion import Occasion
from app.rendering.render import Content, Renderer, RenderError
from app.services.briefs import Briefs
from app.services.people import People
from app.store import events, held, repeats
from app.store.held import Member
from app.store.notifications import Brief
from app.store.repeats import Repeated
from channels.base import Channel


@dataclass(frozen=True, slots=True)
class Sources:
    """What texts are made from: the events and readers of notifications, and what the digests among them carry."""

    briefs: Sequence[Brief]
    events: Mapping[str, Event]
    readers: Mapping[str, Preferences]
    members: Mapping[str, Sequence[Member]]
    repeats: Mapping[str, int]
    earlier: Mapping[str, Repeated]
    """What was repeated before, by the id of the notification that is to tell of it."""


class Texts:
    """Writes them; the same sources always give the same texts."""

    def __init__(
        self,
        briefs: Briefs,
        people: People,
        renderer: Renderer,
        channels: Mapping[str, Channel],
        dedupe_window: timedelta,
    ) -> None:
        self._dedupe_window = dedupe_window
        self._briefs = briefs
        self._people = people
        self._renderer = renderer
        self._channels = channels

    def gather(self, conn: Connection, bare: Sequence[Brief], repeated: Mapping[str, int]) -> Sources:
        """Read what the texts of these are made from; `repeated` says how often each was repeated."""
        known = self._briefs.events_of(conn, bare)
        firsts = {brief.id: held.first_of(conn, brief.id) for brief in bare if brief.type == DIGEST}
        carried_by = held.members(conn, firsts.values()) if firsts else {}
        members = {id_: carried_by[first] for id_, first in firsts.items()}
        carried = {member.event_id for carried in members.values() for member in carried if member.event_id}
        if carried:
            # Past what is kept near: they are many, and nobody needs them again.
            known = known | events.load_events(conn, sorted(carried))
        readers = self._people.wishes(conn, sorted({brief.user_id for brief in bare})) if bare else {}
        tellers = [brief for brief in bare if brief.event_id is not None and brief.replay_of is None]
        earlier = repeats.untold(conn, tellers, self._dedupe_window) if self._dedupe_window else {}
        return Sources(bare, known, readers, members, repeated, earlier)

    def write(self, sources: Sources) -> tuple[dict[str, Content], dict[str, str]]:
        """The texts, and why others could not be made, by id."""
        written: dict[str, Content] = {}
        failed: dict[str, str] = {}
        for brief in sources.briefs:
            try:
                written[brief.id] = self._text(brief, sources)
            except RenderError as error:
                failed[brief.id] = str(error)
        return written, failed

    def _text(self, brief: Brief, sources: Sources) -> Content:
        reader = sources.readers[brief.user_id]
        kind = self._channels[brief.channel].kind
        occasion = _occasion(brief, sources)
        if brief.type != DIGEST:
            return self._renderer.render(
                occasion, kind=kind, channel=brief.channel, locale=reader.locale, timezone=reader.timezone
            )
        carried = _carried(brief, sources.members[brief.id], sources.events)
        return self._renderer.render_digest(
            occasion, carried, kind=kind, channel=brief.channel, locale=reader.locale, timezone=reader.timezone
        )


def _occasion(brief: Brief, sources: Sources) -> Occasion:
    event = sources.events.get(brief.event_id or "")
    earlier = sources.earlier.get(brief.id)
    return Occasion(
        type=brief.type,
        data=event.data if event else {},
        priority=brief.priority,
        subject_key=brief.subject_key,
        source=event.source if event else None,
        occurred_at=event.occurred_at if event else brief.created_at,
        expires_at=brief.expires_at,
        user_id=brief.user_id,
        notification_id=brief.id,
        duplicates=sources.repeats.get(brief.id, 0),
        resolved=event.resolved if event else False,
        event_id=brief.event_id,
        earlier_times=earlier.times if earlier else 0,
        earlier_at=earlier.last_at if earlier else None,
    )


def _carried(brief: Brief, members: Iterable[Member], known: Mapping[str, Event]) -> list[Occasion]:
    return [
        Occasion(
            type=member.type,
            data=event.data,
            priority=member.priority,
            subject_key=member.subject_key,
            source=event.source,
            occurred_at=event.occurred_at,
            expires_at=member.expires_at,
            user_id=brief.user_id,
            notification_id=member.id,
            duplicates=member.duplicates,
            resolved=event.resolved,
            event_id=event.id,
        )
        for member in members
        if (event := known.get(member.event_id or "")) is not None
    ]
