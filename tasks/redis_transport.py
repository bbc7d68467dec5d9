"""The Redis transport, as we need it.

It has one client per channel, where kombu makes one for every command, a tenth of a task's cost. And three things end
no worker that do with kombu: what lies on a lane without being a message, a broker without memory, and one that went
away while work was in hand.
"""

import logging
from contextlib import suppress
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu.transport import redis, virtual
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import OutOfMemoryError

from tasks.app import app

_log = logging.getLogger(__name__)


class Malformed(Exception):
    """What was on the lane is no message."""


class Message(virtual.Message):
    """A message that has everything the channel asks of it. Raises Malformed."""

    def __init__(self, payload: Any, channel: Any = None, **options: Any) -> None:
        try:
            super().__init__(payload, channel=channel, **options)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Malformed(type(error).__name__) from error


class QoS(redis.QoS):
    """What is in hand and not acknowledged yet, noted at the broker as long as it has room for that."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a message that was taken from its lane, from which it is gone: it is done, with the note or without.

        Should the worker die with one that has none, the relay announces again what it was about; an event that came as
        a task, and is nowhere else yet, is lost then.
        """
        try:
            super().append(message, delivery_tag)
        except OutOfMemoryError:
            virtual.QoS.append(self, message, delivery_tag)

    def restore_visible(self, *args: Any, **options: Any) -> None:
        """Give back what dead workers had in hand, unless there is no room for it."""
        with suppress(OutOfMemoryError):
            super().restore_visible(*args, **options)


class Channel(redis.Channel):
    """A channel that keeps its client for as long as it keeps its connection pool, and outlives what it can't read."""

    Message = Message
    QoS = QoS
    _kept: tuple[object, Any] | None = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)
        if self._kept is None or self._kept[0] is not self.pool:
            self._kept = (self.pool, super()._create_client())
        return self._kept[1]

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection.client is None:
            # The connection was given up. Who acknowledges what it brought, or gives that back, expects this error.
            raise ConnectionLost("the connection to the broker was given up")
        return super()._connparams(asynchronous=asynchronous)

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except (ValueError, RecursionError, Malformed) as error:
            app.traffic.refused("unreadable")
            _log.error("message_refused", extra={"reason": "unreadable", "error": type(error).__name__})
            raise Empty from error

    def _deliver_fanout_message(self, message: Any, exchange: str) -> Any:
        try:
            return super()._deliver_fanout_message(message, exchange)
        except Malformed as error:
            _log.error("message_refused", extra={"reason": "unreadable", "lane": exchange})
            raise Empty from error


class Transport(redis.Transport):
    """kombu's transport with that channel."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> Any:
        """Hand over what was found on a queue. Raises Malformed.

        Where a message goes back to, and by which tag it is known until it is acknowledged, is not left to what it
        says itself: it could end up on another lane, or take the place of another message.
        """
        try:
            message["properties"]["delivery_tag"] = str(uuid4())
            message["properties"]["delivery_info"].update(exchange="", routing_key=queue)
        except (AttributeError, KeyError, TypeError) as error:
            raise Malformed(type(error).__name__) from error
        return super()._deliver(message, queue)
