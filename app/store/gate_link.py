"""The connection of the gates to Redis, which lets pass when Redis does not answer."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

PREFIX = "im2n:"
_PAUSE_SECONDS = 5.0
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Answer = TypeVar("Answer")


class GateLink:
    """Asks Redis; safe to share among threads."""

    def __init__(self, url: str, on_error: Callable[[str], None]) -> None:
        """Connects on first use; `on_error` gets the gate's name each time it had to let pass unasked."""
        self.redis = Redis.from_url(
            url,
            socket_timeout=1.0,
            socket_connect_timeout=1.0,
            health_check_interval=30,
            decode_responses=True,
            # Once more, for a connection that a restart has cut; the client's own plan would hold a step up for long.
            retry=Retry(NoBackoff(), 1),
        )
        self._on_error = on_error
        self._silent_until = 0.0

    def ask(self, gate: str, question: Callable[[], Any], otherwise: Answer) -> Answer | Any:
        """The answer to a question, or `otherwise`."""
        # After a failure Redis is left alone for a while, so that a frozen one does not cost every step a timeout.
        if time.monotonic() < self._silent_until:
            self._on_error(gate)
            return otherwise
        try:
            return question()
        except RedisError:
            self._silent_until = time.monotonic() + _PAUSE_SECONDS
            self._on_error(gate)
            return otherwise

    def close(self) -> None:
        """Close the connections."""
        self.redis.close()


def ms(moment: datetime) -> int:
    """A time as the scripts get it."""
    return (moment - _EPOCH) // _MILLISECOND


def lasting(duration: timedelta) -> int:
    """A duration as the scripts get it."""
    return duration // _MILLISECOND


def moment_of(milliseconds: int) -> datetime:
    """A time that a script gave back."""
    return _EPOCH + milliseconds * _MILLISECOND
