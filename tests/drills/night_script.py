"""A night in which 500 jobs fail: what happens when, what three people want, and what each of them gets.

What they get is worked out by hand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

BEGINS = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
"""22:30 in Sydney, 06:30 in New York, 12:30 in Berlin."""
ENDS = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
COUNT = 500


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail: to whom, when on their own clock, and how many of the failures it tells."""

    user: str
    at: str
    subject: str
    carries: int


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of the failures for one user."""

    own: int
    in_digests: int
    suppressed: Mapping[str, int]


WISHES: Mapping[str, Mapping[str, Any]] = {
    "sydney": {"timezone": "Australia/Sydney", "quiet_hours": {"start": "22:00", "end": "07:00"}},
    "new-york": {"timezone": "America/New_York"},
    "berlin": {
        "timezone": "Europe/Berlin",
        "locale": "de",
        "daily_at": "08:00",
        "events": {"job.failed": {"email": "daily"}},
        "muted_subjects": ["flaky"],
    },
}


def failures() -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Each failed job, and when it is reported."""
    hour, minute, second = (timedelta(**{unit: 1}) for unit in ("hours", "minutes", "seconds"))
    # A disk is full: 120 jobs in two minutes.
    yield from ((BEGINS + n * second, _failure(f"disk-{n}", "disk full")) for n in range(120))
    # Now and then one, well below the limit of 10 in 5 minutes.
    yield from ((BEGINS + hour + n * minute, _failure(f"few-{n}", "out of memory")) for n in range(5))
    # One job fails over and over, each time with something else to say.
    yield from ((BEGINS + 2 * hour + 2 * n * minute, _failure("flaky", f"attempt {n}")) for n in range(30))
    # A node is gone: 300 jobs in five minutes.
    yield from ((BEGINS + 4 * hour + n * second, _failure(f"node-{n}", "node-7 is gone")) for n in range(300))
    # The same failure, told 40 times.
    yield from ((BEGINS + 6 * hour + n * second, _failure("echo", "no licence")) for n in range(40))
    yield from ((BEGINS + 7 * hour + n * minute, _failure(f"late-{n}", "out of memory")) for n in range(5))


def _failure(job: str, error: str) -> dict[str, Any]:
    data = {"job_id": job, "error": error}
    return {"type": "job.failed", "recipients": list(WISHES), "channels": ["email"], "data": data}


def _to_new_york(at: str, job: str, error: str) -> Mail:
    return Mail("new-york", at, f"Job failed: {error} ({job})", 1)


MAILS: tuple[Mail, ...] = (
    # No quiet hours: the first ten of each wave at once, the rest as one when the first place is free again.
    *(_to_new_york(f"23 Nov 06:30:{n:02}", f"disk-{n}", "disk full") for n in range(10)),
    Mail("new-york", "23 Nov 06:35:00", "110 notifications, the newest: Job failed: disk full (disk-119)", 110),
    *(_to_new_york(f"23 Nov 07:{30 + n}:00", f"few-{n}", "out of memory") for n in range(5)),
    *(_to_new_york(f"23 Nov 08:{30 + 2 * n}:00", "flaky", f"attempt {n}") for n in range(15)),
    *(_to_new_york(f"23 Nov 09:{2 * n:02}:00", "flaky", f"attempt {15 + n}") for n in range(15)),
    *(_to_new_york(f"23 Nov 10:30:{n:02}", f"node-{n}", "node-7 is gone") for n in range(10)),
    Mail("new-york", "23 Nov 10:35:00", "290 notifications, the newest: Job failed: node-7 is gone (node-299)", 290),
    _to_new_york("23 Nov 12:30:00", "echo", "no licence"),
    *(_to_new_york(f"23 Nov 13:{30 + n}:00", f"late-{n}", "out of memory") for n in range(5)),
    # Everything at the end of the quiet hours, the echo once.
    Mail("sydney", "24 Nov 07:00:00", "461 notifications, the newest: Job failed: out of memory (late-4)", 461),
    # Everything at eight, the echo once and nothing of what is muted.
    Mail(
        "berlin",
        "24 Nov 08:00:00",
        "431 Benachrichtigungen, die neueste: Job fehlgeschlagen: out of memory (late-4)",
        431,
    ),
)
"""In the order in which they are sent."""

FATES: Mapping[str, Fates] = {
    "sydney": Fates(own=0, in_digests=461, suppressed={"duplicate": 39}),
    "new-york": Fates(own=61, in_digests=400, suppressed={"duplicate": 39}),
    "berlin": Fates(own=0, in_digests=431, suppressed={"duplicate": 39, "muted": 30}),
}
