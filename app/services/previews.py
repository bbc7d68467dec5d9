"""What a channel would be sent for an event that never happened: in any language, stored and sent nowhere."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from marshmallow import ValidationError

from app.domain.alerts import alert_key, closes_alert
from app.domain.clock import Clock
from app.domain.events import Event, EventType, EventTypes
from app.domain.ids import new_id
from app.domain.notifications import DIGEST
from app.domain.preferences import lock_of
from app.rendering import own_samples
from app.rendering.occasion import Occasion, occasion_of
from app.rendering.overrides.override import Override, Overrides
from app.rendering.render import Content, Renderer, RenderError
from app.services import event_schema
from app.services.intake import Invalid
from app.services.preference_schema import PreferenceSchema
from channels.base import Channel, Message

_OWN_FIELDS = ("channel", "locale", "timezone")
_EVENT_FIELDS = ("type", "data", "source", "subject_key", "priority", "resolved", "occurred_at")


@dataclass(frozen=True, slots=True)
class Preview:
    """The words, and what the channel would make of them."""

    channel: str
    type: str
    content: Content
    document: Mapping[str, Any] | None


class Previews:
    """Makes them by the rules that notifications go by."""

    def __init__(
        self,
        renderer: Renderer,
        channels: Mapping[str, Channel],
        clock: Clock,
        *,
        default_locale: str,
        default_timezone: str,
    ) -> None:
        self._renderer = renderer
        self._channels = channels
        self._clock = clock
        self._defaults = {"locale": default_locale, "timezone": default_timezone}
        self._reader = PreferenceSchema([])

    @property
    def types(self) -> EventTypes:
        """The types that events may have."""
        return self._renderer.types

    @property
    def locales(self) -> tuple[str, ...]:
        """Every language there are texts in."""
        return self._renderer.locales

    def of(self, raw: Mapping[str, Any], draft: Override | None = None) -> Preview:
        """The preview that a request asks for; without data, of the type's sample. Raises Invalid.

        With a draft it is worded as if that were in force, and nothing else.
        """
        now = self._clock.now()
        types = self._renderer.types
        known = types.get(str(raw.get("type")))
        event = {"data": known.sample if known else {}, **_some(raw, _EVENT_FIELDS), "recipients": [own_samples.READER]}
        values, errors = event_schema.load(event, list(self._channels), now, types)
        allowed = (*_OWN_FIELDS, *_EVENT_FIELDS)
        errors |= {name: [f"Unknown field. Allowed: {', '.join(allowed)}."] for name in raw if name not in allowed}
        errors |= self._channel_faults(raw.get("channel"), known)
        wishes, faults = self._wishes(raw)
        if errors or faults:
            raise Invalid({"json": {**errors, **faults}})
        return self._made(event_schema.event_of(values, "preview", now, types), str(raw["channel"]), wishes, draft)

    def _wishes(self, raw: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
        """The language and the zone, and what is wrong with them."""
        try:
            wishes, _ = self._reader.document(_some(raw, ("locale", "timezone")))
        except ValidationError as error:
            return {}, dict(error.normalized_messages())  # type: ignore[no-untyped-call]
        return self._defaults | wishes, {}

    def _channel_faults(self, name: object, type_: EventType | None) -> dict[str, list[str]]:
        channel = self._channels.get(name) if isinstance(name, str) else None
        if channel is None:
            return {"channel": [f"Must be one of {', '.join(self._channels)}."]}
        if type_ is not None and lock_of(type_, channel.kind) == "off":
            return {"channel": [f"{type_.name} never goes to {name}."]}
        return {}

    def document(self, name: str, occasion: Occasion, content: Content) -> Mapping[str, Any] | None:
        """What a channel's receiver would get of a text, without keys and addresses."""
        channel = self._channels[name]
        return channel.document(_message(occasion, content, channel.kind, resolved=occasion.resolved))

    def own(self, type_: str, name: str, locale: str, timezone: str) -> Preview:
        """The preview of what the service says of its own accord, such as a digest of all samples. Raises Invalid."""
        wishes, errors = self._wishes({"locale": locale, "timezone": timezone})
        channel = self._channels.get(name)
        if channel is None or channel.kind not in own_samples.KINDS[type_]:
            able = [known.name for known in self._channels.values() if known.kind in own_samples.KINDS[type_]]
            errors = {"channel": [f"Must be one of {', '.join(able)}."], **errors}
        if channel is None or errors:
            raise Invalid({"json": errors})
        occasion = own_samples.occasion(type_, self._clock.now())
        if type_ == DIGEST:
            carried = own_samples.carried(occasion, self._renderer.types)
            content = self._renderer.render_digest(occasion, carried, kind=channel.kind, channel=name, **wishes)
        else:
            content = self._renderer.render(occasion, kind=channel.kind, channel=name, **wishes)
        return Preview(name, type_, content, channel.document(_message(occasion, content, channel.kind)))

    def _made(self, event: Event, name: str, wishes: Mapping[str, str], draft: Override | None) -> Preview:
        channel = self._channels[name]
        renderer = self._renderer
        if draft is not None:
            worded = Overrides({draft.place: draft}, {})
            renderer = renderer.using(lambda: worded)
        occasion = occasion_of(event, own_samples.READER, new_id("ntf", event.created_at))
        try:
            content = renderer.render(occasion, kind=channel.kind, channel=name, **wishes)
        except RenderError as fault:
            raise Invalid({"json": {"type": [f"Its template is broken: {fault.detail}"]}}) from None
        message = _message(occasion, content, channel.kind, resolved=closes_alert(event))
        return Preview(name, event.type, content, channel.document(message))


def _some(raw: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: raw[name] for name in names if raw.get(name) is not None}


def _message(occasion: Occasion, content: Content, kind: str, *, resolved: bool = False) -> Message:
    beside = asdict(content.signs) if content.signs else {}
    is_alert = kind == "alert" and occasion.event_id is not None
    return Message(
        notification_id=occasion.notification_id,
        event_id=occasion.event_id,
        user_id=occasion.user_id,
        type=occasion.type,
        priority=occasion.priority,
        subject_key=occasion.subject_key,
        sequence=None,
        source=occasion.source,
        locale=content.locale,
        title=content.title,
        text=content.text,
        html=content.html,
        occurred_at=occasion.occurred_at,
        data=occasion.data if occasion.event_id is not None else {},
        items=content.items,
        resolved=resolved,
        alert_key=alert_key(occasion.user_id, occasion.type, occasion.subject_key) if is_alert else None,
        **beside,
    )
