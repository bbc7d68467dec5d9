"""The channels there are. A new one is its own file and its name in this tuple."""

from collections.abc import Mapping

from channels.base import Channel, ChannelEnv
from channels.discord import Discord
from channels.email import Email
from channels.inapp import InApp
from channels.opsgenie import Opsgenie
from channels.pagerduty import PagerDuty
from channels.slack import Slack
from channels.webhook import Webhook

CHANNELS: tuple[type[Channel], ...] = (InApp, Email, Webhook, Slack, Discord, PagerDuty, Opsgenie)


def channel_names() -> tuple[str, ...]:
    """The names of all channels, in the order they are shown."""
    return tuple(channel.name for channel in CHANNELS)


def channel_type(name: str) -> type[Channel]:
    """The channel of that name; raises KeyError."""
    return {channel.name: channel for channel in CHANNELS}[name]


def build_channels(env: ChannelEnv) -> Mapping[str, Channel]:
    """All channels, made ready for one process, by name."""
    return {channel.name: channel.build(env) for channel in CHANNELS}
