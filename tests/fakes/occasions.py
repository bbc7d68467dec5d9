"""Occasions and a renderer over the real templates and translations."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.domain.events import DEFAULT_LIFETIME, EVENT_TYPES
from app.rendering.occasion import Occasion
from app.rendering.render import Renderer

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
TRANSLATIONS = ROOT / "translations"
LANGUAGES = "ar, de, en, es, fr, it, ja, nl, pl, pt-BR, uk, zh-Hans"
"""All there are, as errors name them."""
PUBLIC_URL = "https://im2.example/notify"
MOMENT = datetime(2026, 11, 22, 20, 5, tzinfo=UTC)


def make_renderer(
    *, templates: Path = TEMPLATES, translations: Path = TRANSLATIONS, default_locale: str = "en"
) -> Renderer:
    return Renderer(
        templates=templates, translations=translations, public_url=PUBLIC_URL, default_locale=default_locale
    )


def make_occasion(
    event_type: str,
    data: Mapping[str, Any] | None = None,
    *,
    duplicates: int = 0,
    occurred_at: datetime = MOMENT,
    source: str | None = "encoder",
) -> Occasion:
    """The sample of the type, with the given data in place of its own where there is any."""
    known = EVENT_TYPES[event_type]
    given = dict(known.sample if data is None else data)
    return Occasion(
        type=event_type,
        data=given,
        priority=known.priority,
        subject_key=str(given[known.subject_field]),
        source=source,
        occurred_at=occurred_at,
        expires_at=occurred_at + DEFAULT_LIFETIME,
        user_id="u-17",
        notification_id="ntf_019ad1f0",
        duplicates=duplicates,
    )


def required_only(event_type: str) -> dict[str, Any]:
    """The sample without its optional fields."""
    known = EVENT_TYPES[event_type]
    return {name: known.sample[name] for name in known.required}


def with_every_text(event_type: str, text: str) -> dict[str, Any]:
    """The sample with the text in each field that may hold one, the optional ones too."""
    known = EVENT_TYPES[event_type]
    texts = {name: text for name, value in known.sample.items() if isinstance(value, str)}
    return {**known.sample, **texts, "name": text, "unit": text, "message": text, "url": text}
