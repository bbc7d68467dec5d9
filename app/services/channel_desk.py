"""The channels as operators see them, and their switch."""

from collections.abc import Mapping
from typing import Any

from app.domain.clock import Clock
from app.domain.events import OPERATORS
from app.services.contact_book import ContactBook
from app.store import audit, paused, trouble
from app.store.breaker import Breakers, State
from app.store.engine import Database
from app.store.gates import Gates
from app.store.paused import Paused
from app.store.people import StoredContact
from app.store.trouble import Trouble
from channels.base import Channel


class ChannelDesk:
    """Shows channels, pauses and resumes them."""

    def __init__(
        self,
        database: Database,
        gates: Gates,
        breakers: Breakers,
        channels: Mapping[str, Channel],
        book: ContactBook,
        clock: Clock,
    ) -> None:
        self._database = database
        self._gates = gates
        self._breakers = breakers
        self._channels = channels
        self._book = book
        self._clock = clock

    def everything(self) -> list[dict[str, Any]]:
        """How each channel is."""
        now = self._clock.now()
        parked, broken = self._gates.parked(now), self._breakers.counts(now)
        with self._database.read() as conn:
            pauses = paused.everything(conn)
            troubles = {name: trouble.last(conn, name) for name in broken}
            operators = {contact.channel: contact for contact in self._book.of(conn, [OPERATORS])}
        return [
            self._shown(
                name,
                broken.get(name, {}),
                parked.get(name, 0),
                pauses.get(name),
                troubles.get(name),
                operators.get(name),
            )
            for name in self._channels
        ]

    def one(self, name: str) -> dict[str, Any]:
        """How one channel is. Raises KeyError."""
        return next(shown for shown in self.everything() if shown["name"] == self._channels[name].name)

    def pause(self, name: str, *, actor: str, reason: str | None = None) -> dict[str, Any]:
        """Send nothing on a channel: what is due is held until it is resumed. Raises KeyError.

        One that is paused already stays as it is, with the reason it has.
        """
        channel, now = self._channels[name].name, self._clock.now()
        with self._database.write() as conn:
            if paused.pause(conn, Paused(channel, now, actor, reason)):
                detail = {} if reason is None else {"reason": reason}
                audit.record(conn, [audit.Entry(now, actor, "channel.pause", channel, detail)])
        return self.one(name)

    def resume(self, name: str, *, actor: str) -> dict[str, Any]:
        """Send on a channel again: the relay releases what was held. Raises KeyError."""
        channel, now = self._channels[name].name, self._clock.now()
        with self._database.write() as conn:
            if paused.resume(conn, channel):
                audit.record(conn, [audit.Entry(now, actor, "channel.resume", channel)])
        return self.one(name)

    def _shown(
        self,
        name: str,
        broken: Mapping[State, int],
        parked: int,
        pause: Paused | None,
        why: Trouble | None,
        operators: StoredContact | None,
    ) -> dict[str, Any]:
        worst: tuple[State, ...] = ("open", "half_open")
        return {
            "name": name,
            "state": self._channels[name].state(),
            "breaker": next((state for state in worst if broken.get(state)), "closed"),
            "open_targets": broken.get("open", 0),
            "half_open_targets": broken.get("half_open", 0),
            "parked_targets": parked,
            "trouble": why and {"at": why.at, "detail": why.detail},
            "paused": pause is not None,
            "paused_at": pause and pause.at,
            "paused_by": pause and pause.actor,
            "paused_reason": pause and pause.reason,
            "operators": _reached(self._channels[name], operators),
            "operators_detail": operators and (operators.disabled_reason or operators.refused),
        }


def _reached(channel: Channel, contact: StoredContact | None) -> str:
    """Whether operators are reached there: nobody pages somebody to say that paging does not work."""
    if contact is None:
        return "none" if channel.needs_contact else "used"
    if contact.disabled_reason is not None:
        return "disabled"
    return "refused" if contact.refused is not None else "used"
