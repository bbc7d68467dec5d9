"""The lanes as Celery queues, and which worker serves which."""

from collections.abc import Mapping

from kombu import Queue

from app.domain.notifications import LANE_BULK, LANE_CRITICAL, LANE_INGEST, lanes_of
from channels.registry import channel_names

_LOCAL = ("inapp", "email")


def lanes() -> tuple[str, ...]:
    """Every lane there is."""
    return lanes_of(channel_names())


def queues() -> list[Queue]:
    """A queue per lane. Messages are published straight to it, so that no binding has to survive a FLUSHALL."""
    return [Queue(lane, routing_key=lane) for lane in lanes()]


def groups() -> Mapping[str, tuple[str, ...]]:
    """The lanes of each of the three workers that `python main.py` starts; together they serve all of them."""
    return {
        "urgent": (LANE_CRITICAL, LANE_INGEST),
        "local": (*_LOCAL, LANE_BULK),
        "outbound": tuple(name for name in channel_names() if name not in _LOCAL),
    }
