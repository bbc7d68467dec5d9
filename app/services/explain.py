"""What would become of an event, and why, without sending it: the same rules the pipeline goes by, only asked."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from marshmallow import ValidationError

from app.domain.clock import Clock
from app.domain.courses import Position
from app.domain.events import Event
from app.domain.fingerprint import fingerprint, sameness
from app.domain.planning import Decision, Place, Recipient, plan
from app.domain.preferences import ChannelTraits, cell_of
from app.rendering.occasion import occasion_of
from app.rendering.reasons import Translator
from app.rendering.render import Renderer, RenderError
from app.services import event_schema, open_alerts
from app.services.intake import Invalid
from app.services.people import People
from app.services.rules import COUNTS_AS_FIRST, Rules, Step
from app.store import alerts, courses, notifications
from app.store.engine import Database
from app.store.gates import Gates, Limit
from channels.base import Channel

# What the gates remember is about now; for any other time they are left out.
_NOW = timedelta(seconds=5)
_MOMENT = event_schema.Moment()


@dataclass(frozen=True, slots=True)
class _Case:
    """One decision, and whom it is about."""

    decision: Decision
    trait: ChannelTraits
    recipient: Recipient


class Explain:
    """Answers what would happen. Stores nothing, claims nothing and sends nothing."""

    def __init__(
        self,
        database: Database,
        gates: Gates,
        people: People,
        renderer: Renderer,
        translator: Translator,
        channels: Mapping[str, Channel],
        rules: Rules,
        clock: Clock,
    ) -> None:
        self._database = database
        self._gates = gates
        self._people = people
        self._renderer = renderer
        self._translator = translator
        self._channels = channels
        self._rules = rules
        self._clock = clock

    def decisions(self, raw: Mapping[str, Any], *, owner: str) -> list[dict[str, Any]]:
        """A decision for each recipient and channel, in their language; `at` in the event moves the question in time.

        Raises Invalid.
        """
        now = self._clock.now()
        event, at = self._read(raw, owner, now)
        with self._database.read() as conn:
            recipients = self._people.recipients(conn, event.recipients)
            ended = open_alerts.that_end(conn, [event], recipients, self._people.traits)
        cases = list(self._cases(event, recipients, ended, at))
        if abs(at - now) <= _NOW:
            cases = self._past_the_gates(event, cases, now)
        texts: dict[tuple[str, str, str], dict[str, Any] | None] = {}
        return [self._shown(event, case, texts) for case in cases]

    def _read(self, raw: Mapping[str, Any], owner: str, now: datetime) -> tuple[Event, datetime]:
        at, faults = now, {}
        if raw.get("at") is not None:
            try:
                at = _MOMENT.deserialize(raw["at"])
            except ValidationError as error:
                faults = {"at": error.messages}
        rest = {name: value for name, value in raw.items() if name != "at"}
        values, errors = event_schema.load(rest, list(self._channels), now, self._people.types)
        if errors or faults:
            raise Invalid({"json": {**errors, **faults}})
        return event_schema.event_of(values, owner, now, self._people.types), at

    def _cases(
        self, event: Event, recipients: Mapping[str, Recipient], ended: Container[Place], at: datetime
    ) -> Iterator[_Case]:
        traits = {trait.name: trait for trait in self._people.traits}
        for user_id in event.recipients:
            for planned in plan(event, recipients[user_id], self._people.traits, at, ended):
                late = replace(planned, verdict="suppress", reason="expired", until=None)
                decision = planned if at < event.expires_at else late
                yield _Case(decision, traits[decision.channel], recipients[user_id])

    def _past_the_gates(self, event: Event, cases: Sequence[_Case], now: datetime) -> list[_Case]:
        """What dedupe and the limits would say of those that would be sent."""
        same = sameness(event.type, event.subject_key, event.data, event.dedupe_key)
        prints = {
            (case.decision.user_id, case.decision.channel): fingerprint(
                same, case.decision.user_id, case.decision.channel
            )
            for case in cases
            if case.decision.verdict == "send" and not case.decision.closes_alert
        }
        about = {
            prints[case.decision.user_id, case.decision.channel]: (case.decision.channel, case.decision.alert_key)
            for case in cases
            if case.decision.alert_key is not None and (case.decision.user_id, case.decision.channel) in prints
        }
        repeated = self._repeated(prints.values(), about, now)
        told = {
            case.decision.user_id
            for case in cases
            if case.trait.kind == "inbox" and prints.get((case.decision.user_id, case.decision.channel)) in repeated
        }
        going = {place: print_ for place, print_ in prints.items() if print_ not in repeated}
        overtaken = self._overtaken(event, going, now)
        frees = self._frees(event, {place: print_ for place, print_ in going.items() if place not in overtaken}, now)
        gated = []
        for case in cases:
            decision = case.decision
            place = (decision.user_id, decision.channel)
            # What stands in for a repeat is a repeat itself.
            if prints.get(place) in repeated or (decision.fallback and decision.user_id in told):
                decision = replace(decision, verdict="suppress", reason="duplicate", until=None)
            elif place in overtaken:
                decision = replace(decision, verdict="suppress", reason="superseded")
            elif place in frees and self._rules.drop_overflow:
                decision = replace(decision, verdict="suppress", reason="rate_limited")
            elif place in frees:
                decision = replace(decision, verdict="hold", reason="rate_limited", until=frees[place])
            gated.append(replace(case, decision=decision))
        return gated

    def _overtaken(self, event: Event, places: Iterable[Place], now: datetime) -> set[Place]:
        """Where more is known about the subject already."""
        asked = [place for place in places if self._rules.supersedes(event.type, self._channels[place[1]])]
        own = Position(event.id, event.type, event.sequence, event.occurred_at)
        with self._database.read() as conn:
            return courses.overtaken_places(conn, own, event.subject_key, asked, now).intersection(asked)

    def _frees(self, event: Event, places: Mapping[Place, str], now: datetime) -> dict[Place, datetime]:
        """Where it would be over a limit, and when that has room."""
        of = {print_: place for place, print_ in places.items()}
        wanted = [
            Limit(print_, *place, self._rules.rate_limits[place[1]])
            for place, print_ in places.items()
            if self._rules.limits(event.priority, self._channels[place[1]])
        ]
        steps = [(_step(print_, place[0], event), self._channels[place[1]]) for place, print_ in places.items()]
        frees = self._gates.frees(wanted, self._rules.rate_window, now)
        for window, limits in self._rules.step_limits(steps).items():
            frees |= self._gates.frees(limits, window, now)
        return {of[print_]: at for print_, at in frees.items()}

    def _repeated(self, prints: Iterable[str], about: Mapping[str, Place], now: datetime) -> set[str]:
        """What was told already; `about` names alerts, since trouble that was over is told anew."""
        holders = self._gates.holders(list(prints), now) if self._rules.dedupe_window else {}
        if not holders:
            return set()
        with self._database.read() as conn:
            known = notifications.statuses(conn, set(holders.values()))
            over = {place for place, last in alerts.last(conn, set(about.values())).items() if last.closes}
        return {
            print_
            for print_, owner in holders.items()
            if known.get(owner) in COUNTS_AS_FIRST and about.get(print_) not in over
        }

    def _shown(
        self, event: Event, case: _Case, texts: dict[tuple[str, str, str], dict[str, Any] | None]
    ) -> dict[str, Any]:
        decision, reader = case.decision, case.recipient.preferences
        status = "expired" if decision.reason == "expired" else decision.verdict
        return {
            "user_id": decision.user_id,
            "channel": decision.channel,
            "decision": decision.verdict,
            "reason": decision.reason,
            "because": self._translator.because(
                status,
                decision.reason,
                reader.locale,
                until=decision.until,
                timezone=reader.timezone,
                source=cell_of(reader, event.type, case.trait).source,
                unverified=decision.channel in case.recipient.unverified,
                fallback=decision.fallback,
            ),
            "until": decision.until,
            "preview": None if decision.verdict == "suppress" else self._preview(event, case, texts),
        }

    def _preview(
        self, event: Event, case: _Case, texts: dict[tuple[str, str, str], dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        """The words as they would be sent; readers who share language and zone share them."""
        reader = case.recipient.preferences
        key = (case.trait.name, reader.locale, reader.timezone)
        if key not in texts:
            texts[key] = self._rendered(event, *key)
        return texts[key]

    def _rendered(self, event: Event, channel: str, locale: str, timezone: str) -> dict[str, Any] | None:
        try:
            kind = self._channels[channel].kind
            content = self._renderer.render(
                occasion_of(event), kind=kind, channel=channel, locale=locale, timezone=timezone
            )
        except RenderError:
            # Then the notification itself would fail, and say how.
            return None
        return {"subject": content.title, "text": content.text, "locale": content.locale}


def _step(id_: str, user_id: str, event: Event) -> Step:
    return Step(id_, user_id, event.type, event.priority, event.subject_key)
