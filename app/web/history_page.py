"""What the page of a person's history offers to choose from."""

from app.bootstrap import Services
from app.domain.notifications import OWN_TYPES, STATUSES


def names(services: Services, locale: str) -> dict[str, object]:
    """What its template sees: types of events with what they are called, types of our own, channels and states."""
    return {
        "event_types": [(name, services.pages.event_name(name, locale)) for name in services.event_types],
        "own_types": OWN_TYPES,
        "channels": [trait.name for trait in services.traits],
        "statuses": STATUSES,
    }
