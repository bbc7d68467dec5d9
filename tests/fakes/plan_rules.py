"""What a plan may not do, however much the past grows: read the whole of a table that keeps it."""

import re

GROWING = ("notifications", "events", "attempts", "inbox", "audit", "audit_chain", "idempotency")
"""The tables that have a row for everything that ever happened."""
SMALL = frozenset(
    {
        "notifications_unannounced",
        "notifications_announced",
        "notifications_pending",
        "notifications_waiting",
        "notifications_sending",
        "notifications_paused",
        "notifications_held",
        "notifications_fallbacks",
        "notifications_open",
        "notifications_open_alerts",
        # Read in its order, as far as a page goes.
        "notifications_failed",
    }
)
"""The indexes that have only what is open, or what an operator should see to."""
_SQLITE = re.compile(r"^SCAN (?P<table>\w+)(?: USING (?:COVERING )?INDEX (?P<index>\w+))?$")
_POSTGRESQL = re.compile(
    r"Seq Scan on (?P<table>\w+)|Index (?:Only )?Scan (?:Backward )?using (?P<index>\w+) on (?P<on>\w+)"
)


def whole_reads(plan: str) -> list[str]:
    """The lines of a plan that read all of a table that grows, or of an index on it."""
    lines = plan.splitlines()
    return [line.strip() for place, line in enumerate(lines) if _reads_all(line.strip(), lines[place + 1 : place + 2])]


def _reads_all(line: str, following: list[str]) -> bool:
    if found := _SQLITE.match(line):
        return found["table"] in GROWING and found["index"] not in SMALL
    if not (found := _POSTGRESQL.search(line)):
        return False
    if found["table"]:
        return found["table"] in GROWING
    bounded = found["index"] in SMALL or any("Index Cond" in after for after in following)
    return found["on"] in GROWING and not bounded
