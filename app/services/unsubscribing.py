"""What the link at the end of a mail does: it turns off mails of that type for its reader, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.escalation import wait_before
from app.domain.preferences import ChannelTraits, Preferences, cell_of
from app.services.people import People
from app.services.preferences import PreferenceDocuments
from app.services.unsubscribe_links import Subscription, UnsubscribeLinks
from app.store.engine import Database

ACTOR = "link:unsubscribe"


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be turned off, and how it stands now."""

    type: str | None
    """The type of event; None is everything on the channel."""
    is_off: bool
    is_locked: bool
    """It is always sent, whatever its reader says."""
    locale: str


class Unsubscribing:
    """Knows the links, and does what they say."""

    def __init__(
        self, database: Database, people: People, links: UnsubscribeLinks, preferences: PreferenceDocuments
    ) -> None:
        self._database = database
        self._people = people
        self._links = links
        self._preferences = preferences

    def offer(self, token: str) -> Offer | None:
        """What a link offers; None when it is not one of ours. Changes nothing."""
        subscription = self._links.subscription(token)
        return None if subscription is None else self._offer(subscription)

    def leave(self, token: str) -> Offer | None:
        """Turn it off, if it can be, and say how it stands then; None when the link is not one of ours."""
        subscription = self._links.subscription(token)
        if subscription is None:
            return None
        offer = self._offer(subscription)
        if offer is None or offer.is_locked:
            return offer
        self._preferences.turn_off(subscription.user_id, subscription.channel, subscription.event_type, actor=ACTOR)
        return self._offer(subscription)

    def _offer(self, subscription: Subscription) -> Offer | None:
        with self._database.read() as conn:
            wishes = self._people.wishes(conn, [subscription.user_id])[subscription.user_id]
        trait = _trait(self._people.traits, subscription.channel)
        if trait is None:
            return None
        is_off, is_locked = _stands(wishes, subscription.event_type, trait)
        return Offer(subscription.event_type, is_off, is_locked, wishes.locale)


def _trait(traits: Sequence[ChannelTraits], channel: str) -> ChannelTraits | None:
    return next((trait for trait in traits if trait.name == channel), None)


def _stands(wishes: Preferences, type_: str | None, trait: ChannelTraits) -> tuple[bool, bool]:
    """Whether it is off, and whether it cannot be."""
    if type_ is None:
        return wishes.channels.get(trait.name) is False, False
    cell = cell_of(wishes, type_, trait)
    is_off = cell.rhythm == "off" and wait_before(wishes, type_, trait) is None
    return is_off, cell.locked and cell.rhythm != "off"
