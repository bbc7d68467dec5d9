"""Gives a worker its life as soon as there is one. Whoever only publishes or watches needs none of it in memory."""

from typing import Any

from celery.signals import celeryd_init


@celeryd_init.connect
def _begin(**_: Any) -> None:
    try:
        from tasks import life  # noqa: F401, PLC0415 - half of what a worker has in memory comes along with it
    except Exception as error:
        # Celery keeps every other exception of a signal to itself, and would go on without it.
        raise SystemExit(f"{type(error).__name__}: {error}") from error
