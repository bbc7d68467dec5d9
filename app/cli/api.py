"""`api`: the HTTP API alone."""

from collections.abc import Callable
from contextlib import suppress

from app.bootstrap import build_services
from app.cli.database import await_schema
from app.config import Settings
from app.factory import create_app
from app.observability.logging import configure_logging
from app.runtime.server import Served, serve
from app.services.announcing import Publisher
from app.store.engine import DatabaseUnavailable


def run(settings: Settings, make_publisher: Callable[[Settings], Publisher]) -> None:
    """Serve until told to stop; the publisher, like everything that opens connections, is made after the fork."""
    configure_logging(settings, "api")
    await_schema(settings)

    def make_app() -> Served:
        services = build_services(settings, make_publisher(settings))
        # So that what is wrong with an operator's templates is said at the start, and not with the first text.
        with suppress(DatabaseUnavailable):
            services.template_shelf.look_now()
        return Served(create_app(services), services.inbox_streams.stop)

    serve(settings, make_app)
