"""`python main.py relay`: the relay's loop."""

import logging
import signal
import threading
import time
from contextlib import suppress

from app.bootstrap import build_services
from app.cli.database import await_schema
from app.config import Settings
from app.observability.logging import announce_ready, configure_logging
from app.runtime.product import without_secrets
from app.runtime.settling import settle_in
from app.store.engine import DatabaseUnavailable
from tasks.publisher import Publisher

_FEED_SECONDS = 0.25
_BUSY_SECONDS = 0.02
# A step of an erasure is short; so many of them must not hold up announcements for long.
_ERASE_SECONDS = 0.1
_log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Relay until SIGTERM or SIGINT."""
    configure_logging(settings, "relay")
    await_schema(settings)
    services = build_services(settings, Publisher(settings), component="relay", threads=1)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: stopped.set())
    settle_in()
    announce_ready(without_secrets(settings.database_url))
    swept_at = float("-inf")
    while not stopped.is_set():
        pause = _FEED_SECONDS
        try:
            if services.relay.feed():
                pause = _BUSY_SECONDS
            if services.erasures.carry_on(_ERASE_SECONDS):
                pause = _BUSY_SECONDS
            if services.retention.carry_on():
                pause = _BUSY_SECONDS
            if time.monotonic() - swept_at >= settings.relay_tick_seconds:
                swept_at = time.monotonic()
                services.relay.sweep()
        except DatabaseUnavailable as error:
            _log.warning("relay_waits", extra={"error": str(error)})
        stopped.wait(pause)
    with suppress(DatabaseUnavailable):
        services.relay.stop()
    services.close()
