"""`purge`: what the relay does by and by, at once."""

import socket
import sys
from datetime import timedelta

from app.cli.database import ready
from app.cli.progress import progress
from app.config import Settings
from app.configured import channel_env_of
from app.domain.clock import SystemClock
from app.services.retention import KINDS, Retention
from channels.registry import build_channels


def run(settings: Settings, *, dry_run: bool) -> int:
    """Purge what is older than RETENTION_DAYS, or say how much that would be, and answer the exit code."""
    if not settings.retention_days:
        print("RETENTION_DAYS is 0: everything is kept", file=sys.stderr)
        return 0
    clock = SystemClock()
    channels = build_channels(channel_env_of(settings, lambda _messages: None, clock))
    keep = timedelta(days=settings.retention_days)
    with ready(settings) as database:
        retention = Retention(database, channels, keep, clock, process=f"purge@{socket.gethostname()}")
        with progress("looking" if dry_run else "purging", retention.count_older()) as seen:
            if dry_run:
                count = retention.would_purge(seen)
                print(f"{count} notifications would be purged, with what belongs to them")
                return 0
            purged = retention.purge(seen)
    notifications, events, entries = (purged[kind] for kind in KINDS)
    print(f"purged: {notifications} notifications, {events} events, {entries} entries of the audit log")
    return 0
