"""The bell in Redis: tells every API process that inboxes have changed, and nothing about what is in them.

It may fail at any time: whoever listens looks into the database by itself every few seconds as well.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Collection

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

_CHANNEL = "im2n:bell"
_PAUSE_SECONDS = 5.0
_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 5.0
_log = logging.getLogger(__name__)


class Names:
    """What users are called on the bell: a keyed hash, from which nobody learns who they are."""

    def __init__(self, secret_key: str) -> None:
        self._key = hashlib.sha256(b"im2-notifications bell\n" + secret_key.encode()).digest()

    def of(self, user_id: str) -> str:
        """A user's name."""
        return hashlib.blake2b(user_id.encode(), digest_size=12, key=self._key).hexdigest()


class Bell:
    """Rings from a thread of its own, so that nobody who has committed a change waits for Redis."""

    def __init__(self, url: str, names: Names) -> None:
        """Connects on first use."""
        self._redis = _client(url)
        self._names = names
        self._turn = threading.Condition()
        self._waiting: set[str] = set()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def ring(self, user_ids: Collection[str]) -> None:
        """Say that these users' inboxes have changed, after the commit; returns at once, and never fails."""
        if not user_ids:
            return
        with self._turn:
            self._waiting.update(map(self._names.of, user_ids))
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()
            self._turn.notify()

    def close(self, timeout: float = 2.0) -> None:
        """Ring what is waiting, then end the thread."""
        with self._turn:
            self._stopped = True
            self._turn.notify()
        if self._thread is None:
            self._redis.close()
        else:
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._ring_until_stopped()
        finally:
            # By the thread itself: it may wait for a server in trouble longer than anybody waits for it.
            self._redis.close()

    def _ring_until_stopped(self) -> None:
        silent_until = 0.0
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._waiting or self._stopped)
                names, self._waiting = self._waiting, set()
            if not names:
                return
            # After a failure Redis is left alone for a while; streams look by themselves meanwhile.
            if time.monotonic() < silent_until:
                continue
            try:
                self._redis.publish(_CHANNEL, " ".join(names))
            except RedisError as error:
                silent_until = time.monotonic() + _PAUSE_SECONDS
                _log.warning("bell_not_rung", extra={"error": type(error).__name__})


class Listener:
    """Hears the bell in a thread of its own, and connects again for as long as it takes."""

    def __init__(
        self, url: str, heard: Callable[[Collection[str] | None], None], *, quiet_seconds: float = 5.0
    ) -> None:
        """`heard` gets the names that were rung; None means that some may have been missed. Connects to nothing yet.

        A connection that has been quiet for `quiet_seconds` is asked whether it is still there.
        """
        self._redis = _client(url)
        self._heard = heard
        self._quiet_seconds = quiet_seconds
        self._start = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen from now on; once is enough."""
        with self._start:
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, name="bell-listener", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Listen no more; the thread ends within seconds."""
        self._stopped.set()

    def _run(self) -> None:
        wait = _FIRST_WAIT_SECONDS
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                with self._redis.pubsub() as ear:  # type: ignore[no-untyped-call]  # redis left its types out
                    ear.subscribe(_CHANNEL)
                    self._listen(ear)
            except (RedisError, OSError) as error:
                if time.monotonic() - began > _LONGEST_WAIT_SECONDS:
                    wait = _FIRST_WAIT_SECONDS
                _log.warning("bell_not_heard", extra={"error": type(error).__name__, "retry_seconds": wait})
                self._stopped.wait(wait)
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)

    def _listen(self, ear: PubSub) -> None:
        asked = False
        while not self._stopped.is_set():
            message = ear.get_message(timeout=self._quiet_seconds)
            if message is None:
                # A connection whose other end is gone is as quiet as one on which nothing happens.
                if asked:
                    raise RedisConnectionError("no answer to a PING")
                ear.ping()
            asked = message is None
            if message is not None and message["type"] == "subscribe":
                self._heard(None)
            elif message is not None and message["type"] == "message":
                self._heard(message["data"].split())


def _client(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_timeout=1.0,
        socket_connect_timeout=1.0,
        decode_responses=True,
        # Once more, for a connection that a restart has cut.
        retry=Retry(NoBackoff(), 1),
    )
