"""What parts take, made from the settings. Which parts there are, app.bootstrap decides."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from app import __version__
from app.config import Settings
from app.domain.clock import Clock, SystemClock
from app.rendering.overrides.override import NOTHING, Overrides
from app.rendering.pages import Pages
from app.rendering.reasons import Translator
from app.rendering.render import Renderer
from app.services.previews import Previews
from app.services.rules import Rules
from app.services.template_shelf import Refused, files_alone
from channels.base import Channel, ChannelEnv, Message
from channels.registry import CHANNELS, build_channels

_ROOT = Path(__file__).resolve().parent.parent
_TRANSLATIONS = _ROOT / "translations"


def renderer_of(settings: Settings, root: Path = _ROOT) -> Renderer:
    """The texts as they come along, or those under another root."""
    return Renderer(
        templates=root / "templates",
        translations=root / "translations",
        public_url=settings.public_url,
        default_locale=settings.default_locale,
        types=settings.event_types,
    )


def translator_of(settings: Settings) -> Translator:
    """The sentences that say why."""
    return Translator(translations=_TRANSLATIONS, default_locale=settings.default_locale)


def pages_of(settings: Settings) -> Pages:
    """The pages people see."""
    return Pages(
        folder=_ROOT / "app" / "web" / "pages",
        translations=_TRANSLATIONS,
        default_locale=settings.default_locale,
        types=settings.event_types,
    )


def previews_of(settings: Settings, renderer: Renderer, channels: Mapping[str, Channel], clock: Clock) -> Previews:
    """Previews by that renderer."""
    return Previews(
        renderer, channels, clock, default_locale=settings.default_locale, default_timezone=settings.default_timezone
    )


def previews_alone(settings: Settings, overrides: Overrides = NOTHING) -> Previews:
    """Previews that need neither a database nor a key, in an operator's words where there are some."""
    clock = SystemClock()
    channels = build_channels(channel_env_of(settings, lambda _messages: None, clock))
    return previews_of(settings, renderer_of(settings).using(lambda: overrides), channels, clock)


def overrides_in_files(settings: Settings) -> tuple[Overrides, tuple[Refused, ...]]:
    """The templates in `$DATA_DIR/templates` that may be used, and those that are refused."""
    kinds = {channel.name: channel.kind for channel in CHANNELS}
    return files_alone(settings.templates_dir, renderer_of(settings), kinds)


def channel_env_of(settings: Settings, put_in_inbox: Callable[[Sequence[Message]], None], clock: Clock) -> ChannelEnv:
    """What channels need of a process."""
    return ChannelEnv(
        smtp=settings.smtp,
        mail_dir=settings.mail_dir,
        public_url=settings.public_url,
        webhook_timeout=settings.webhook_timeout_seconds,
        allowed_networks=settings.webhook_allowed_networks,
        put_in_inbox=put_in_inbox,
        now=clock.now,
        slack_url=settings.slack_webhook_url,
        discord_url=settings.discord_webhook_url,
        pagerduty=settings.pagerduty,
        opsgenie=settings.opsgenie,
        # As with the settings of the other channels: an attempt lasts at most half a lease.
        attempt_seconds=min(15.0, settings.lease_seconds / 2),
        user_agent=f"im2-notifications/{__version__}",
    )


def rules_of(settings: Settings) -> Rules:
    """What the gates go by."""
    return Rules(
        dedupe_window=timedelta(seconds=settings.dedupe_window_seconds),
        rate_window=timedelta(minutes=settings.rate_limit_window_minutes),
        rate_limits=settings.rate_limits,
        drop_overflow=settings.rate_limit_overflow == "drop",
    )
