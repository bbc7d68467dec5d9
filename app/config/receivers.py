"""Where the operators are reached by chat and by alert."""

from app.config.reader import Reader
from channels.base import OpsgenieSettings, PagerDutySettings
from channels.guard import read_url

_WEB = ("http", "https")


def hook(read: Reader, name: str) -> str | None:
    """The URL of an incoming webhook, as the channels can use it."""

    def readable(value: str) -> str:
        read_url(value)
        return value

    return read.parsed(name, None, readable, "must be a URL that starts with https:// or http://, with no user in it")


def pagerduty(read: Reader) -> PagerDutySettings:
    """A routing key, or a key with its service; a service alone reaches nobody."""
    if "PAGERDUTY_ROUTING_KEY" not in read:
        if "PAGERDUTY_API_KEY" in read and "PAGERDUTY_SERVICE_ID" not in read:
            read.fault("PAGERDUTY_SERVICE_ID", "is required with PAGERDUTY_API_KEY")
        if "PAGERDUTY_SERVICE_ID" in read and "PAGERDUTY_API_KEY" not in read:
            read.fault("PAGERDUTY_API_KEY", "is required with PAGERDUTY_SERVICE_ID")
    usual = PagerDutySettings()
    return PagerDutySettings(
        routing_key=read.optional("PAGERDUTY_ROUTING_KEY"),
        api_key=read.optional("PAGERDUTY_API_KEY"),
        service_id=read.optional("PAGERDUTY_SERVICE_ID"),
        from_email=read.optional("PAGERDUTY_FROM_EMAIL"),
        api_url=(read.url("PAGERDUTY_API_URL", _WEB) or usual.api_url).rstrip("/"),
        events_url=(read.url("PAGERDUTY_EVENTS_URL", _WEB) or usual.events_url).rstrip("/"),
    )


def opsgenie(read: Reader) -> OpsgenieSettings:
    """A key, at Opsgenie itself or at another base URL."""
    base = read.url("OPSGENIE_API_URL", _WEB) or OpsgenieSettings().api_url
    return OpsgenieSettings(api_key=read.optional("OPSGENIE_API_KEY"), api_url=base.rstrip("/"))
