"""What a message must be before Celery takes it over.

Celery trusts what is on a lane: it leaves its loop over a body of another shape, runs whatever a message asks to have
run afterwards, and shows arguments to Flower. On the ingest lane strangers write, so a message keeps only what an event
needs; on the other lanes nothing passes but the steps of our chain and the ids they work on.
"""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from app.domain.notifications import LANE_INGEST

if TYPE_CHECKING:
    from app.store.counters import Refusal

MOST_BYTES = 1024 * 1024
"""Four times what HTTP takes: JSON that escapes every letter is that much longer."""
_LONGEST_ID = 64
_ENCODINGS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_KEPT_HEADERS = ("id", "task", "lang", "expires")
_LONGEST_COUNTDOWN = timedelta(hours=1)
"""A worker holds what has an `eta` in its memory, and Redis hands it out again after this time."""


class Refused(Exception):
    """The message is not for us; `reason` says why, without its content."""

    def __init__(self, reason: "Refusal") -> None:
        super().__init__(reason)
        self.reason: Refusal = reason


def refuse_compressed(_body: bytes) -> bytes:
    """Unpack nothing: what kombu is given for every kind of compression it knows. Raises Refused."""
    raise Refused("unreadable")


class Inspection:
    """Knows which tasks belong on which lane."""

    def __init__(self, door: str, steps: Collection[str], canary: str, now: Callable[[], datetime]) -> None:
        """`door` names the task that takes events, `steps` those of the chain, `canary` the one for every lane."""
        self._door = door
        self._canary = canary
        self._steps = frozenset(steps)
        self._now = now

    def inspect(self, message: Any, lane: str) -> None:
        """Return when Celery may have the message; on the ingest lane it is changed to hold nothing but an event.

        Raises Refused.
        """
        headers = message.headers
        task, task_id = headers.get("task"), headers.get("id")
        if not isinstance(task, str) or not isinstance(task_id, str) or not task_id:
            raise Refused("malformed")
        if task != self._canary and (task != self._door if lane == LANE_INGEST else task not in self._steps):
            raise Refused("unknown_task")
        args, kwargs, embed = _call(message)
        if task == self._canary:
            if (
                not _is_ids(args)
                or len(args[0]) != 1
                or kwargs
                or any(embed.values())
                or headers.get("eta") is not None
            ):
                raise Refused("malformed")
            message.headers = _kept(headers) | {"retries": 0}
        elif lane == LANE_INGEST:
            self._strip(message, args, kwargs, embed)
        elif not (_is_ids(args) and not kwargs and self._is_chain(embed) and self._is_soon(headers.get("eta"))):
            raise Refused("malformed")

    def _strip(self, message: Any, args: list[Any], kwargs: dict[str, Any], embed: Mapping[str, Any]) -> None:
        """Leave out what would make Celery publish tasks for the sender, or show the event's data to Flower.

        A sender's `eta` becomes the event's `deliver_at`, since waiting is for the database; a retry of ours keeps its.
        """
        given, eta, retries = message.headers, message.headers.get("eta"), message.headers.get("retries")
        headers = _kept(given)
        if isinstance(retries, int) and retries > 0 and self._is_soon(eta):
            message.headers = headers | {"retries": retries, "eta": eta}
            eta = None
        else:
            message.headers = headers | {"retries": 0}
        if eta is not None:
            kwargs.setdefault("deliver_at", eta)
        if eta is not None or any(embed.values()):
            message.body = json.dumps([args, kwargs, {}]).encode()

    def _is_soon(self, eta: Any) -> bool:
        if eta is None:
            return True
        try:
            return datetime.fromisoformat(eta) <= self._now() + _LONGEST_COUNTDOWN
        except (TypeError, ValueError):
            return False

    def _is_chain(self, embed: Mapping[str, Any]) -> bool:
        """Whether nothing follows but steps of ours."""
        chain = embed.get("chain") or []
        others = any(value for name, value in embed.items() if name != "chain")
        return (
            not others
            and isinstance(chain, list)
            and all(isinstance(step, dict) and step.get("task") in self._steps for step in chain)
        )


def _call(message: Any) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    """What the second version of Celery's protocol puts into a body: arguments, and what belongs to them."""
    body = message.body.encode() if isinstance(message.body, str) else message.body
    if not isinstance(body, bytes | bytearray | memoryview):
        raise Refused("malformed")
    if len(body) > MOST_BYTES:
        raise Refused("too_large")
    if message.content_type != "application/json" or (message.content_encoding or "utf-8").lower() not in _ENCODINGS:
        raise Refused("unreadable")
    try:
        document = json.loads(bytes(body).decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Refused("unreadable") from error
    match document:
        case [list() as args, dict() as kwargs, dict() as embed]:
            return args, kwargs, embed
    raise Refused("malformed")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given more than once")
    return found


def _kept(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: headers[name] for name in _KEPT_HEADERS if name in headers}


def _is_ids(args: list[Any]) -> bool:
    match args:
        case [list() as ids]:
            return all(isinstance(id_, str) and len(id_) <= _LONGEST_ID and id_.isprintable() for id_ in ids)
    return False
