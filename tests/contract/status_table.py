"""The table that every channel answers to: what a receiver may do, and what the channel has to make of it.

A row that cannot happen to a channel is there too, with the reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.base import DeliveryError, Permanent, Transient
from tests.fakes.receiver import Answer

LARGE = "x" * 200_000


@dataclass(frozen=True)
class Expected:
    """The error an answer has to become, None for delivered; only the given attributes are compared."""

    kind: type[DeliveryError] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def delivered() -> Expected:
    return Expected()


def transient(**attributes: Any) -> Expected:
    return Expected(Transient, {"unknown": False, "scope": "target", **attributes})


def permanent(**attributes: Any) -> Expected:
    return Expected(Permanent, {"disables": False, "reason": "rejected", **attributes})


Scene = Callable[[Any], None]
"""Sets something up, given the harness."""
Row = tuple[Any, Expected]
"""What the receiver does, in the terms of its fake or as a scene, and what comes of it."""


@dataclass(frozen=True)
class NotThere:
    """This cannot happen on a channel, and why."""

    why: str


TAKES = "takes it"
REFUSES = "refuses the connection"
BUSY_FOR = "is too busy, for so many seconds"
BUSY_UNTIL = "is too busy, until a time"
AWAY_FOR = "is away, for so many seconds"
OWN_ERROR = "has an error of its own"
SILENT_BEFORE = "is silent before it has the message"
SILENT_AFTER = "is silent after it has the message"
RESETS = "resets the connection after it has the message"
HANGS_UP = "hangs up after it has the message"
ELSEWHERE = "sends us elsewhere"
ENDLESS = "takes it in more words than anybody reads"
ENDLESS_NO = "refuses in more words than anybody reads"
DRIPS = "drips its answer"
NONSENSE = "speaks another language"
NOT_TRUSTED = "shows a certificate that nobody vouches for"
ROWS = (
    TAKES,
    REFUSES,
    BUSY_FOR,
    BUSY_UNTIL,
    AWAY_FOR,
    OWN_ERROR,
    SILENT_BEFORE,
    SILENT_AFTER,
    RESETS,
    HANGS_UP,
    ELSEWHERE,
    ENDLESS,
    ENDLESS_NO,
    DRIPS,
    NONSENSE,
    NOT_TRUSTED,
)
HAS_NOTHING = frozenset({REFUSES, SILENT_BEFORE, NOT_TRUSTED})
"""After these the receiver surely has not got the message."""


def over_http(*, elsewhere: Expected, taken: int = 200) -> Mapping[str, Row]:
    """The table of a channel over HTTP, on which `taken` is the status of success."""
    redirect = Answer(302, {"Location": "http://127.0.0.1:1/"})
    return {
        TAKES: (lambda _harness: None, delivered()),
        REFUSES: (lambda harness: harness.refuse(), transient(http_status=None)),
        BUSY_FOR: (Answer(429, {"Retry-After": "7"}), transient(retry_after=7.0, http_status=429)),
        BUSY_UNTIL: (
            Answer(429, {"Retry-After": "Sun, 22 Nov 2099 11:00:00 GMT"}),
            transient(retry_after=3_600.0, http_status=429),
        ),
        AWAY_FOR: (Answer(503, {"Retry-After": "120"}), transient(retry_after=120.0, http_status=503)),
        OWN_ERROR: (Answer(500), transient(unknown=True, http_status=500)),
        SILENT_BEFORE: (lambda harness: harness.expect_tls(), transient()),
        SILENT_AFTER: (Answer(act="silence"), transient(unknown=True)),
        RESETS: (Answer(act="reset"), transient(unknown=True)),
        HANGS_UP: (Answer(act="close"), transient(unknown=True)),
        ELSEWHERE: (redirect, elsewhere),
        ENDLESS: (Answer(taken, body=LARGE), delivered()),
        ENDLESS_NO: (Answer(429, body=LARGE), transient(http_status=429)),
        DRIPS: (Answer(drip=0.05), transient(unknown=True)),
        NONSENSE: (Answer(raw="hello\r\n\r\n"), transient(unknown=True)),
        NOT_TRUSTED: (lambda harness: harness.speak_tls(), transient()),
    }
