"""What the page of a person's history offers to choose from."""

from app.bootstrap import Services
from app.domain.events import EVENT_TYPES
from app.domain.notifications import OWN_TYPES, STATUSES
from app.rendering.event_names import EVENT_NAMES


def names(services: Services) -> dict[str, object]:
    """What its template sees: types of events with what they are called, types of our own, channels and states."""
    return {
        "event_types": [(name, EVENT_NAMES.get(name, name)) for name in EVENT_TYPES],
        "own_types": OWN_TYPES,
        "channels": [trait.name for trait in services.traits],
        "statuses": STATUSES,
    }
