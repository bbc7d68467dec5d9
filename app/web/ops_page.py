"""What the operators' desk has to know before it asks the API."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from app.bootstrap import Services
from app.config import Settings
from app.services.identity import SCOPES


def names(services: Services, locale: str) -> dict[str, object]:
    """What its template sees: types of events with what they are called, languages, scopes, and where Flower is."""
    return {
        "event_types": [(name, services.pages.event_name(name, locale)) for name in services.event_types],
        "locales": services.previews.locales,
        "scopes": SCOPES,
        "flower": flower(services.settings),
    }


def flower(settings: Settings) -> str | None:
    """Where Flower is for who looks at pages on its own machine; None when it is off, or out of their reach."""
    host = urlsplit(settings.public_url).hostname or ""
    if not settings.flower_port or not _is_local(host):
        return None
    return f"http://127.0.0.1:{settings.flower_port}/"


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
