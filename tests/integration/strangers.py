"""Messages that no Celery would send, put on a lane as they are."""

import base64
import gzip
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from kombu import Connection
from redis import Redis

from tasks.lanes import lanes

SUBMIT = "notifications.submit"
DEEP = "[" * 100_000 + "]" * 100_000


def call(*args: Any, embed: Mapping[str, Any] | None = None, **kwargs: Any) -> bytes:
    """The body of a task."""
    return json.dumps([list(args), kwargs, dict(embed or {})]).encode()


@dataclass(frozen=True)
class Note:
    """A message: what is in it, and what it says about itself."""

    body: bytes = b"[[], {}, {}]"
    task: Any = SUBMIT
    id: Any = field(default_factory=lambda: str(uuid.uuid4()))
    content_type: str | None = "application/json"
    content_encoding: str | None = "utf-8"
    headers: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)

    def all_headers(self) -> dict[str, Any]:
        """The headers, without those that are None."""
        named = {"task": self.task, "id": self.id, "lang": "py", "root_id": self.id, **self.headers}
        return {name: value for name, value in named.items() if value is not None}


def event(user: str, **fields: Any) -> dict[str, Any]:
    """An event for somebody."""
    return {"type": "job.completed", "recipients": [user], "data": {"job_id": "j"}, **fields}


@cache
def odd_notes() -> dict[str, Note]:
    """What is no task, or one that is not for the ingest lane: it is dropped."""
    bomb = gzip.compress(b"[" + b" " * 50_000_000)
    return {
        "not JSON": Note(b"\x00\xff not json"),
        "nothing": Note(b""),
        "a number": Note(b"5"),
        "a list of one": Note(b"[1]"),
        "an object": Note(b"{}"),
        "JSON cut off": Note(b"[[], {"),
        "text in the places of arguments": Note(b'["x", "y", "z"]'),
        "keyword arguments that are a list": Note(b"[[], [1], {}]"),
        "a name twice": Note(b'[[], {"type": "job.failed", "type": "job.completed"}, {}]'),
        "brackets": Note(DEEP.encode()),
        "brackets in an argument": Note(f'[[], {{"data": {DEEP}}}, {{}}]'.encode()),
        "digits without end": Note(b'[[], {"sequence": ' + b"9" * 10_000 + b"}, {}]"),
        "a time that is none": Note(b'[[], {"deliver_at": {"__type__": "datetime", "__value__": "x"}}, {}]'),
        "more than a mebibyte": Note(call(padding="x" * 1024 * 1024)),
        "eight mebibytes": Note(call(padding="x" * 8 * 1024 * 1024)),
        "a pickle": Note(b"cos\nsystem\n(S'true'\ntR.", content_type="application/x-python-serialize"),
        "YAML": Note(b"- []\n- {}\n- {}\n", content_type="application/x-yaml"),
        "no content type": Note(content_type=None),
        "an encoding nobody knows": Note(content_encoding="klingon"),
        "another encoding": Note("[[], {}, {}]".encode("utf-16"), content_encoding="utf-16"),
        "compressed": Note(bomb, headers={"compression": "gzip"}),
        "compressed in no known way": Note(b"x", headers={"compression": "klingon"}),
        "an unknown task": Note(task="notifications.unknown"),
        "a task of Celery's": Note(call({}, [], embed={}), task="celery.map"),
        "a step of the chain": Note(call(["ntf_made-up"]), task="notifications.deliver.email"),
        "no task": Note(task=None),
        "a task that is a number": Note(task=5),
        "no id": Note(id=None),
        "an id that is a number": Note(id=5),
        "no headers": Note(task=None, id=None, headers={"lang": None, "root_id": None}),
        "the first protocol": Note(
            json.dumps({"task": SUBMIT, "id": "t", "args": [], "kwargs": event("first-protocol")}).encode(),
            task=None,
            id=None,
        ),
        "between the protocols": Note(json.dumps({"args": [], "kwargs": event("between")}).encode()),
        "an expiry that is no time": Note(headers={"expires": "tomorrow"}),
    }


@cache
def bad_events() -> dict[str, tuple[Note, str]]:
    """What is a task, but no event: it is recorded as rejected, and the field is named."""
    fine = event("nobody")
    return {
        "no field at all": (Note(), "type"),
        "no such field": (Note(call(**fine, colour="red")), "colour"),
        "a field named self": (Note(call(**fine, self=1)), "self"),
        "a field named args": (Note(call(**fine, args=[1])), "args"),
        "positional arguments": (Note(call(fine)), "_schema"),
        "NaN": (Note(call(**{**fine, "data": {"job_id": "j", "n": float("nan")}})), "data"),
        "a lone surrogate": (Note(call(**{**fine, "data": {"job_id": "\ud800"}})), "data"),
        "NUL": (Note(call(**{**fine, "data": {"job_id": "\x00"}})), "data"),
        "a name with NUL": (Note(call(**fine, **{"a\x00b": 1})), "a\ufffdb"),
        "a long name": (Note(call(**fine, **{"x" * 500_000: 1})), "x" * 64 + "…"),
        "too deep": (Note(call(**{**fine, "data": {"a": [[[[[[[[[1]]]]]]]]]}})), "data"),
        "a decimal": (
            Note(call(**{**fine, "data": {"job_id": "j", "n": {"__type__": "decimal", "__value__": "1.5"}}})),
            "data",
        ),
        "a channel half a mebibyte long": (Note(call(**fine, channels=["x" * 500_000])), "channels"),
        "a hundred thousand recipients": (Note(call(**{**fine, "recipients": [""] * 100_000})), "recipients"),
        "an id with NUL": (Note(call(**fine), id="a\x00b"), "idempotency_key"),
        "a long id": (Note(call(**fine), id="x" * 30_000), "idempotency_key"),
        "a key that is a list": (Note(call(**fine, idempotency_key=[1])), "idempotency_key"),
        "an eta that is no time": (Note(call(**fine), headers={"eta": "tomorrow"}), "deliver_at"),
        "an eta that is a number": (Note(call(**fine), headers={"eta": 5}), "deliver_at"),
        "an eta before time": (Note(call(**fine), headers={"eta": "0001-01-01T00:00:00+23:59"}), "deliver_at"),
        "an eta beyond time": (Note(call(**fine), headers={"eta": "9999-12-31T23:59:59-23:59"}), "deliver_at"),
        "the eta of a retry that is none of ours": (
            Note(call(**fine), headers={"eta": "9999-12-31T23:59:59-23:59", "retries": 1}),
            "deliver_at",
        ),
        "an empty key": (Note(call(**fine, idempotency_key="")), "idempotency_key"),
    }


@cache
def odd_blobs() -> dict[str, bytes]:
    """What lies on a lane of Redis without being a message."""
    return {
        "not JSON": b"\x00\xff not json",
        "JSON, but no message": b"5",
        "an empty object": b"{}",
        "brackets": DEEP.encode(),
        "properties without more": b'{"body": "", "properties": {}}',
        "properties that are a list": b'{"body": "", "properties": []}',
        "no place it came from": envelope(Note(), properties={"delivery_tag": "t", "body_encoding": "base64"}),
        "no encoding": envelope(Note(), body="###"),
        "headers that are a list": envelope(Note(), headers=[1]),
        "a body that is a number": envelope(Note(), body=10**12, properties={"delivery_info": {}}),
        "a body that is an object": envelope(Note(), body={"x": 1}, properties={"delivery_info": {}}),
    }


def envelope(note: Note, **changes: Any) -> bytes:
    """A message as kombu puts it on a Redis queue, or nearly."""
    message = {
        "body": base64.b64encode(note.body).decode(),
        "content-encoding": note.content_encoding,
        "content-type": note.content_type,
        "headers": note.all_headers(),
        "properties": {"delivery_info": {}, "delivery_tag": "t", "body_encoding": "base64"},
    }
    return json.dumps(message | changes).encode()


class Door:
    """The lanes of a broker, as a stranger who knows its URL sees them."""

    def __init__(self, url: str) -> None:
        self._url = url

    def put(self, note: Note, lane: str = "ingest") -> None:
        """Put a message on a lane."""
        with self._channel() as channel:
            channel.basic_publish(
                channel.prepare_message(
                    note.body,
                    content_type=note.content_type,
                    content_encoding=note.content_encoding,
                    headers=note.all_headers(),
                    properties={"delivery_mode": 2, **note.properties},
                ),
                exchange="",
                routing_key=lane,
            )

    def push(self, blob: bytes, lane: str = "ingest") -> None:
        """Put something on a lane of Redis."""
        with Redis.from_url(self._url) as client:
            client.lpush(lane, blob)

    def left(self) -> dict[str, int]:
        """How much waits on each lane that is not empty, and how much of Redis is not acknowledged."""
        return {name: count for name, count in self._counts() if count}

    def _counts(self) -> Iterator[tuple[str, int]]:
        if self._url.startswith("redis"):
            with Redis.from_url(self._url) as client:
                yield from ((lane, client.llen(lane)) for lane in lanes())
                yield "not acknowledged", client.hlen("unacked")
            return
        with self._channel() as channel:
            for lane in lanes():
                yield lane, channel.queue_declare(queue=lane, passive=True).message_count

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        with Connection(self._url) as connection, connection.channel() as channel:
            yield channel
