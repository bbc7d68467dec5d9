"""Identity with nothing of the product about it but the database."""

from app.domain.clock import Clock
from app.services.departures import Departures
from app.services.identity import Identity
from app.store.engine import Database

SECRET = "a secret key for tests, long enough"


def identity_of(database: Database, clock: Clock, *, admin_api_key: str | None = None) -> Identity:
    """Who may come in, as one process sees it."""
    departures = Departures(database, clock, secret_key=SECRET)
    return Identity(database, clock, departures, secret_key=SECRET, admin_api_key=admin_api_key)
