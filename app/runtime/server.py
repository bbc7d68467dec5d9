"""The API under gunicorn: one process of greenlets, since event streams keep many connections open."""

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from app.config import Settings
from app.observability.logging import announce_ready
from app.runtime.parenthood import tie_to
from app.runtime.settling import settle_in

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

GRACE_SECONDS = 10
"""How long open requests may take to end once a stop is asked for."""


class Served(NamedTuple):
    """What is served, and what ends its endless answers, called when a stop begins."""

    app: "WSGIApplication"
    stop: Callable[[], None]


def serve(settings: Settings, make_app: Callable[[], Served]) -> None:
    """Serve the app on HOST:PORT until SIGTERM or SIGINT, then leave by SystemExit.

    `make_app` runs inside the serving process: what it opens (threads, connections) does not survive a fork. The
    caller has let gevent patch the standard library before anything else was imported.
    """
    _Server(settings, make_app).run()


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with settings of ours only: neither a configuration file nor its own variables are looked at."""

    def __init__(self, settings: Settings, make_app: Callable[[], Served]) -> None:
        self._settings = settings
        self._make_app = make_app
        self._served: Served | None = None
        super().__init__()

    def load_config(self) -> None:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        options: dict[str, Any] = {
            "bind": [f"{host}:{self._settings.port}"],
            "proc_name": "im2-notifications",
            "worker_class": "app.runtime.greenlets.Worker",
            "workers": 1,
            "worker_connections": 2000,
            "graceful_timeout": GRACE_SECONDS,
            "timeout": 60,
            "keepalive": 15,
            # It would believe what peers on this machine say of scheme and path; TRUSTED_PROXIES is the application's.
            "forwarded_allow_ips": "",
            "limit_request_line": 8190,
            "limit_request_fields": 64,
            "limit_request_field_size": 16_384,
            "accesslog": None,
            "logger_class": _RootLogger,
            # Its control socket has one path per user, which two instances would fight over.
            "control_socket_disable": True,
            "post_fork": _tie_to_master,
            "post_worker_init": self._announce,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> "WSGIApplication":
        self._served = self._make_app()
        return self._served.app

    def stop_streams(self) -> None:
        """Called by the worker when its stop begins."""
        if self._served is not None:
            self._served.stop()

    def _announce(self, _worker: object) -> None:
        settle_in()
        announce_ready(self._settings.public_url)


def _tie_to_master(_arbiter: object, _worker: object) -> None:
    tie_to(os.getppid())()


class _RootLogger(Logger):  # type: ignore[misc]
    """Gunicorn's log as part of ours."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True
        self.error_log.setLevel(logging.NOTSET)
        self.access_log.setLevel(logging.NOTSET)
