"""What a delivery takes along: the claim, the message as its channel gets it, and where it goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from app.domain.alerts import closes_alert
from app.domain.events import Event
from app.domain.notifications import VERIFICATION
from app.services.people import People, Reach
from app.services.unsubscribe_links import UnsubscribeLinks
from app.services.verify_links import VerifyLinks
from app.store.delivery import Claim
from app.store.notifications import Brief
from channels.base import Channel, Contact, Message, Permanent, Receipt


@dataclass(frozen=True, slots=True)
class Parcel:
    """One notification, ready to be sent."""

    claim: Claim
    message: Message
    reach: Reach
    changes: str | None = None
    """The receiver's reference of the message that this one takes the place of."""

    @property
    def contact(self) -> Contact:
        """Where it goes."""
        return self.reach.contact

    def sent_by(self, channel: Channel) -> Receipt:
        """Send it, or change the message that is there; one that somebody has deleted is told anew.

        Raises what the channel raises.
        """
        if self.changes is not None:
            try:
                return channel.edit(self.message, self.contact, self.changes)
            except Permanent as refused:
                if refused.disables:
                    raise
        return channel.send(self.message, self.contact)


class Parcels:
    """Finds out where notifications go, and packs them."""

    def __init__(self, people: People, verify_links: VerifyLinks, unsubscribe_links: UnsubscribeLinks) -> None:
        self._people = people
        self._verify_links = verify_links
        self._unsubscribe_links = unsubscribe_links

    def prepare(self, channel: Channel) -> None:
        """Have at hand what packing needs, since nothing may go wrong once something is claimed."""
        if channel.kind == "mail":
            self._unsubscribe_links.prepare()

    def contacts(self, conn: Connection, channel: Channel, briefs: Mapping[str, Brief]) -> dict[str, Reach]:
        """Where each of these notifications goes, by its id; what has nowhere to go is not there."""
        if not channel.needs_contact:
            return dict.fromkeys(briefs, Reach(Contact()))
        found: dict[str, Reach] = {}
        for verified in (True, False):
            # An address that is not verified gets the question whether it is right, and nothing else.
            going = {id_: brief for id_, brief in briefs.items() if (brief.type != VERIFICATION) is verified}
            users = sorted({brief.user_id for brief in going.values()})
            known = self._people.contacts(conn, channel.name, users, verified=verified) if users else {}
            found |= {id_: known[brief.user_id] for id_, brief in going.items() if brief.user_id in known}
        return found

    def packed(
        self,
        channel: Channel,
        claim: Claim,
        brief: Brief,
        events: Mapping[str, Event],
        reach: Reach,
        changes: str | None = None,
    ) -> Parcel:
        """The parcel of a claim; links that only its reader may know are put in here, and nowhere before."""
        message = _message(brief, events, claim.content)
        if brief.type == VERIFICATION:
            message = self._verify_links.filled(message, reach.contact)
        if channel.kind == "mail":
            message = self._unsubscribe_links.filled(message, channel.name)
        return Parcel(claim, message, reach, changes)


def _message(brief: Brief, events: Mapping[str, Event], content: Mapping[str, Any] | None) -> Message:
    event = events.get(brief.event_id or "")
    text = content or {}
    signs = text.get("signs") or {}
    return Message(
        notification_id=brief.id,
        event_id=brief.event_id,
        user_id=brief.user_id,
        type=brief.type,
        priority=brief.priority,
        subject_key=brief.subject_key,
        sequence=brief.sequence,
        source=event.source if event else None,
        locale=text.get("locale", ""),
        title=text.get("title", ""),
        text=text.get("text", ""),
        html=text.get("html"),
        occurred_at=event.occurred_at if event else brief.created_at,
        data=event.data if event else {},
        items=text.get("items"),
        resolved=brief.closes_alert if brief.alert_key is not None else event is not None and closes_alert(event),
        severity=signs.get("severity", ""),
        link=signs.get("link"),
        link_label=signs.get("link_label", ""),
        why=signs.get("why", ""),
        settings_link=signs.get("settings_link"),
        settings_label=signs.get("settings_label", ""),
        alert_key=brief.alert_key,
    )
