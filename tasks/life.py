"""What a worker does when it starts, while it lives and when it stops. Importing it connects it to Celery's signals."""

import sys
from typing import Any

from celery.signals import setup_logging, worker_init, worker_ready, worker_shutdown

from app.bootstrap import Services, build_services
from app.cli.database import await_schema
from app.config import Settings
from app.observability.logging import announce_ready, configure_logging
from app.runtime.faults import CannotStart
from app.runtime.settling import settle_in
from tasks.app import app
from tasks.fused_events import FusedEvents
from tasks.heart import Heart
from tasks.publisher import Publisher

_SWITCH_SECONDS = 0.0005


def _build() -> Services:
    settings = Settings.load()
    return build_services(settings, Publisher(settings), component=app.component, threads=app.threads)


app.build = _build


@setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    configure_logging(app.services().settings, app.component)


@worker_init.connect
def _prepare(**_: Any) -> None:
    try:
        await_schema(app.services().settings)
    except CannotStart as error:
        # Celery keeps every other exception of a signal to itself.
        raise SystemExit(str(error)) from error
    if app.services().database.is_sqlite:
        # A thread that holds the database's write lock waits for the interpreter's lock at every statement, five
        # milliseconds each time by default, and all other writers wait with it.
        sys.setswitchinterval(_SWITCH_SECONDS)


@worker_ready.connect
def _ready(sender: Any, **_: Any) -> None:
    """The consumer is listening: show it."""
    app.fused_events = FusedEvents(sender)
    app.heart = Heart(app.services(), app.traffic, sender)
    app.heart.start()
    settle_in()
    announce_ready("lanes " + ", ".join(app.heart.lanes))


@worker_shutdown.connect
def _stopped(**_: Any) -> None:
    if app.heart is not None:
        app.heart.stop()
    app.services().close()
