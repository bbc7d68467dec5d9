"""The few numbers that operators watch, out of all that are counted."""

from collections.abc import Mapping
from typing import Any

from app.domain.notifications import REASONS, TERMINAL
from app.observability.snapshot import Snapshot
from app.store import counters


def summary(snapshot: Snapshot) -> dict[str, Any]:
    """What was accepted, waits, ended and failed: of everything, of each lane, and of each channel."""
    return {
        "at": snapshot.at,
        "accepted": int(sum(snapshot.counted(counters.ACCEPTED, "type").values())),
        "ended": _whole(TERMINAL, snapshot.counted(counters.TERMINAL, "status")),
        "failed": _failed(snapshot),
        "open": snapshot.open(),
        "oldest_open_seconds": snapshot.oldest_open_seconds(),
        "unaccounted": int(snapshot.unaccounted()),
        "lanes": [
            {
                "name": lane,
                "open": snapshot.open(lane=lane),
                "oldest_open_seconds": snapshot.oldest_open_seconds(lane=lane),
            }
            for lane in snapshot.lanes
        ],
        "channels": [_channel(snapshot, channel) for channel in snapshot.channels],
    }


def _channel(snapshot: Snapshot, channel: str) -> dict[str, Any]:
    waiting = snapshot.open(channel=channel)
    ended = snapshot.counted(counters.TERMINAL, "status", channel=channel)
    # Whatever was accepted for it has ended or is open.
    accepted = sum(ended.values()) + sum(waiting.values())
    took = sum(snapshot.counted(f"{counters.SECONDS}_sum", "type", channel=channel).values())
    times = sum(snapshot.counted(f"{counters.SECONDS}_bucket", "type", channel=channel).values())
    return {
        "name": channel,
        "accepted": int(accepted),
        "delivered": int(ended.get("delivered", 0)),
        "failed": _failed(snapshot, channel=channel),
        "open": waiting,
        "oldest_open_seconds": snapshot.oldest_open_seconds(channel=channel),
        "average_seconds": took / times if times else None,
    }


def _failed(snapshot: Snapshot, **labels: str) -> dict[str, int]:
    return _whole(REASONS["failed"], snapshot.counted(counters.TERMINAL, "reason", status="failed", **labels))


def _whole(names: tuple[str, ...], counted: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers under all of these names, and under any others that were counted."""
    return {name: int(counted.get(name, 0)) for name in (*names, *sorted(counted.keys() - set(names)))}
