"""The AMQP transport, as we need it: a message says which lane it was found on, by whatever route it came there."""

from collections.abc import Callable
from typing import Any

from kombu.transport import pyamqp


class Channel(pyamqp.Channel):
    """A channel that names the queue in the place of the routing key that the sender chose."""

    def basic_consume(
        self, queue: str = "", *args: Any, callback: Callable[[Any], None] | None = None, **options: Any
    ) -> Any:
        """Consume as ever, and note the lane on each message."""

        def on_lane(message: Any) -> None:
            message.delivery_info.update(exchange="", routing_key=queue)
            if callback is not None:
                callback(message)

        return super().basic_consume(queue, *args, callback=on_lane, **options)


class Connection(pyamqp.Connection):
    """A connection with such channels."""

    Channel = Channel


class Transport(pyamqp.Transport):
    """kombu's transport with that connection."""

    Connection = Connection


class SecureTransport(pyamqp.SSLTransport):
    """The same over TLS."""

    Connection = Connection
