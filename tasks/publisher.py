"""Publishing announcements: what the app and the relay ring with."""

import threading
from typing import Any

from celery.canvas import Signature
from kombu import Connection
from kombu.exceptions import ChannelError, KombuError
from redis.exceptions import RedisError

from app.config import Settings
from app.services.announcing import Announcement, PublishFailed
from tasks.app import app
from tasks.canary import canary
from tasks.pipeline import chain_for

_TIMEOUT_SECONDS = 1.0


class Publisher:
    """Puts chains on their lanes over one connection, which gives up after a second and never waits for the broker."""

    def __init__(self, _settings: Settings) -> None:
        """Connects at the first publish."""
        self._connection: Connection | None = None
        self._channel: Any = None
        self._turn = threading.Lock()

    def publish(self, announcement: Announcement) -> None:
        """Send one message. Raises PublishFailed."""
        self._send(chain_for(announcement))

    def send_canary(self, lane: str, canary_id: str) -> None:
        """Put a canary on a lane. Raises PublishFailed."""
        self._send(canary.s([canary_id]).set(queue=lane))

    def waiting(self, lane: str) -> int | None:
        """How many messages wait on a lane, or None when the broker does not say."""
        with self._turn:
            try:
                found = self._open().queue_declare(queue=lane, passive=True)
            except ChannelError:
                return 0
            except self._errors():
                self._drop()
                return None
            return int(found.message_count)

    def _send(self, message: Signature) -> None:
        with self._turn:
            try:
                # Not `producer=`, which a chain drops without a word: the message would go by the app's own pool.
                message.apply_async(connection=self._open(), retry=False)
            except self._errors() as error:
                self._drop()
                raise PublishFailed(type(error).__name__) from error

    def _open(self) -> Any:
        if self._channel is None:
            connection = app.connection_for_write(connect_timeout=_TIMEOUT_SECONDS)
            on_redis = "socket_timeout" in connection.transport_options
            if on_redis:
                waits = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), _TIMEOUT_SECONDS)
                connection.transport_options = connection.transport_options | waits
            self._connection = connection
            # Once: by itself it would try again after two seconds, and for its `default_channel` for ever.
            connection.ensure_connection(max_retries=0)
            if not on_redis:
                # By its own options it would tell the kernel, whom gevent does not ask.
                connection.connection.transport.sock.settimeout(_TIMEOUT_SECONDS)
            self._channel = connection.channel()
        return self._channel

    def _errors(self) -> tuple[type[BaseException], ...]:
        ours = (
            () if self._connection is None else (*self._connection.connection_errors, *self._connection.channel_errors)
        )
        return (KombuError, RedisError, OSError, *ours)

    def _drop(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            # Without a farewell, for whose answer a broker that hangs would be waited for once more.
            connection.collect()
