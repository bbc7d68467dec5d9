"""What a channel would be sent for an event that never happened: in any language, stored and sent nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from app.domain.alerts import alert_key, closes_alert
from app.domain.clock import Clock
from app.domain.events import EVENT_TYPES, Event
from app.domain.ids import new_id
from app.domain.preferences import lock_of
from app.rendering.occasion import Occasion
from app.rendering.render import Content, Renderer, RenderError
from app.services import event_schema
from app.services.intake import Invalid
from app.services.preference_schema import PreferenceSchema
from channels.base import Channel, Message

READER = "u-17"
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
    def locales(self) -> tuple[str, ...]:
        """Every language there are texts in."""
        return self._renderer.locales

    def of(self, raw: Mapping[str, Any]) -> Preview:
        """The preview that a request asks for; without data, of the type's sample. Raises Invalid."""
        now = self._clock.now()
        known = EVENT_TYPES.get(str(raw.get("type")))
        event = {"data": known.sample if known else {}, **_some(raw, _EVENT_FIELDS), "recipients": [READER]}
        values, errors = event_schema.load(event, list(self._channels), now)
        allowed = (*_OWN_FIELDS, *_EVENT_FIELDS)
        errors |= {name: [f"Unknown field. Allowed: {', '.join(allowed)}."] for name in raw if name not in allowed}
        errors |= self._channel_faults(raw.get("channel"), known.name if known else None)
        try:
            wishes, _ = self._reader.document(_some(raw, ("locale", "timezone")))
        except ValidationError as error:
            wishes, errors = {}, {**errors, **error.normalized_messages()}  # type: ignore[no-untyped-call]
        if errors:
            raise Invalid({"json": errors})
        return self._made(event_schema.event_of(values, "preview", now), str(raw["channel"]), self._defaults | wishes)

    def _channel_faults(self, name: object, type_: str | None) -> dict[str, list[str]]:
        channel = self._channels.get(name) if isinstance(name, str) else None
        if channel is None:
            return {"channel": [f"Must be one of {', '.join(self._channels)}."]}
        if type_ is not None and lock_of(type_, channel.kind) == "off":
            return {"channel": [f"{type_} never goes to {name}."]}
        return {}

    def _made(self, event: Event, name: str, wishes: Mapping[str, str]) -> Preview:
        channel = self._channels[name]
        occasion = _occasion(event, new_id("ntf", event.created_at))
        try:
            content = self._renderer.render(
                occasion, kind=channel.kind, locale=wishes["locale"], timezone=wishes["timezone"]
            )
        except RenderError as fault:
            raise Invalid({"json": {"type": [f"Its template is broken: {fault.detail}"]}}) from None
        return Preview(name, event.type, content, channel.document(_message(event, occasion, content, channel.kind)))


def _some(raw: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: raw[name] for name in names if raw.get(name) is not None}


def _occasion(event: Event, notification_id: str) -> Occasion:
    return Occasion(
        type=event.type,
        data=event.data,
        priority=event.priority,
        subject_key=event.subject_key,
        source=event.source,
        occurred_at=event.occurred_at,
        expires_at=event.expires_at,
        user_id=READER,
        notification_id=notification_id,
        duplicates=0,
        resolved=event.resolved,
        event_id=event.id,
    )


def _message(event: Event, occasion: Occasion, content: Content, kind: str) -> Message:
    signs = content.signs
    return Message(
        notification_id=occasion.notification_id,
        event_id=event.id,
        user_id=READER,
        type=event.type,
        priority=event.priority,
        subject_key=event.subject_key,
        sequence=event.sequence,
        source=event.source,
        locale=content.locale,
        title=content.title,
        text=content.text,
        html=content.html,
        occurred_at=event.occurred_at,
        data=event.data,
        resolved=closes_alert(event),
        severity=signs.severity if signs else "",
        link=signs.link if signs else None,
        link_label=signs.link_label if signs else "",
        why=signs.why if signs else "",
        settings_link=signs.settings_link if signs else None,
        settings_label=signs.settings_label if signs else "",
        alert_key=alert_key(READER, event.type, event.subject_key) if kind == "alert" else None,
    )
