"""`api`: the HTTP API alone."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from app.config import Settings
from app.observability.logging import configure_logging
from app.runtime.apart import apart
from app.runtime.server import Served, serve

if TYPE_CHECKING:
    from app.services.announcing import Publisher


def run(settings: Settings, make_publisher: Callable[[Settings], "Publisher"]) -> None:
    """Serve until told to stop; the publisher, like everything that opens connections, is made after the fork.

    The process that serves loads the application; the one above it, which only watches, has it not in its memory.
    """
    configure_logging(settings, "api")
    apart(lambda: _await_schema(settings))

    def make_app() -> Served:
        from app.bootstrap import build_services
        from app.factory import create_app
        from app.store.engine import DatabaseUnavailable

        services = build_services(settings, make_publisher(settings))
        # So that what is wrong with an operator's templates is said at the start, and not with the first text.
        with suppress(DatabaseUnavailable):
            services.template_shelf.look_now()
        return Served(create_app(services), services.inbox_streams.stop)

    serve(settings, make_app)


def _await_schema(settings: Settings) -> None:
    from app.cli.database import await_schema

    await_schema(settings)
