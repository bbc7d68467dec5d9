"""A sign of life of the broker, asked for without waiting long."""

import socket
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

_PATIENCE_SECONDS = 0.5
_AMQP_PORTS = {"amqp": 5672, "amqps": 5671}


class BrokerPing:
    """Asks the broker behind a URL: Redis by PING, an AMQP broker by taking a connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or _AMQP_PORTS.get(parts.scheme, 0))
        self._redis = (
            None
            if parts.scheme in _AMQP_PORTS
            # The client's own retries would wait for seconds.
            else Redis.from_url(
                url,
                socket_timeout=_PATIENCE_SECONDS,
                socket_connect_timeout=_PATIENCE_SECONDS,
                retry=Retry(NoBackoff(), 0),
            )
        )

    def ping(self) -> None:
        """Return when it answers. Raises OSError or redis.RedisError."""
        if self._redis is None:
            socket.create_connection(self._address, timeout=_PATIENCE_SECONDS).close()
        else:
            self._redis.ping()
