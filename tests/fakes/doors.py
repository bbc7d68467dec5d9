"""The ways in: every request that carries a body, with a body that is good, and what is in the database."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from app.store.tables import metadata
from channels.base import Message
from tests.fakes.product import ADMIN_KEY, Product

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
ME = "u-1"
DATA = {"job_id": "j-1", "error": "disk full"}
EVENT = {"type": "job.failed", "recipients": [ME], "data": DATA}
ENVELOPE = {
    "specversion": "1.0",
    "id": "1",
    "source": "/tests",
    "type": "job.failed",
    "recipients": ME,
    "data": DATA,
}
CE_HEADERS = {f"ce-{name}": value for name, value in ENVELOPE.items() if name != "data"}


@dataclass(frozen=True)
class Door:
    """A request, its good body, and the field in which a text may be put."""

    request: str
    good: Any
    text: str
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    whole: str = "_schema"
    """What is named when the body as a whole is wrong."""
    where: str = ""
    """What is named when the text is; by default its own field."""
    limit: int = 256 * 1024

    @property
    def named(self) -> str:
        """What is named when the text is wrong."""
        return self.where or self.text

    @property
    def in_parts(self) -> bool:
        """Whether an entry may be refused while the others are taken."""
        return self.request in {"POST /events/batch", "POST /preferences"} or self.media_type == BATCH

    def send(
        self, product: Product, body: bytes | str, *, media_type: str | None = None, **headers: str
    ) -> TestResponse:
        """Send a body through it."""
        method, path = self.request.split()
        given = {**self.headers, **headers, "Content-Type": self.media_type if media_type is None else media_type}
        given = {name: value for name, value in given.items() if value}
        return product.call(method, path.replace("<item_id>", item_of(product)), data=body, headers=given)

    def with_text(self, raw: str) -> str:
        """The good body, with this piece of JSON for the text."""
        return self.changed(**{self.text: "@@"}).replace('"@@"', raw)

    def changed(self, **fields: Any) -> str:
        """The good body with some of its fields changed, or, given `...`, left out."""
        return json.dumps(_changed(self.good, fields))

    def with_text_twice(self) -> str:
        """The good body, in which the text is given twice."""
        return self.with_text(f'"a", "{self.text}": "b"')


DOORS: Mapping[str, Door] = {
    "an event": Door("POST /events", EVENT, "source"),
    "a structured CloudEvent": Door("POST /events", ENVELOPE, "subject", STRUCTURED),
    "a binary CloudEvent": Door("POST /events", DATA, "error", headers=CE_HEADERS, whole="data", where="data"),
    "a batch of CloudEvents": Door("POST /events", [ENVELOPE], "subject", BATCH, limit=8 * 1024 * 1024),
    "a batch": Door("POST /events/batch", {"events": [EVENT]}, "source", limit=8 * 1024 * 1024),
    "a question": Door("POST /events/explain", EVENT, "source"),
    "a preview": Door("POST /templates/preview", {"type": "job.failed", "channel": "email"}, "source"),
    "preferences": Door(f"PUT /preferences/{ME}", {"locale": "de"}, "locale"),
    "a change of preferences": Door(f"PATCH /preferences/{ME}", {"locale": "de"}, "locale", MERGE_PATCH),
    "the defaults": Door("PUT /preferences/_defaults", {"locale": "de"}, "locale"),
    "a change of the defaults": Door("PATCH /preferences/_defaults", {"locale": "de"}, "locale", MERGE_PATCH),
    "everybody's preferences": Door(
        "POST /preferences", {"preferences": [{"user_id": ME, "locale": "de"}]}, "locale", limit=8 * 1024 * 1024
    ),
    "a change of an item": Door(f"PATCH /inbox/{ME}/<item_id>", {"read": True}, "read"),
    "a key": Door("POST /keys", {"name": "encoder", "scopes": ["events:write"]}, "name"),
    "a session": Door("POST /ui/session", {"token": ADMIN_KEY}, "token"),
    "a template": Door("PUT /templates/job.failed/email/de", {"subject.txt": "broken"}, "subject.txt"),
    "a rollback": Door("POST /templates/job.failed/email/de/rollback", {"version": 1}, "version"),
    "a pause": Door("POST /channels/email/pause", {"reason": "The relay moves."}, "reason"),
    "a replay": Door("POST /notifications/replay", {"user_id": ME}, "subject_key"),
}


def furnish(product: Product) -> None:
    """Give the user an event with an item, and preferences, so that there is something to be changed."""
    product.call("PUT", f"/preferences/{ME}", json={"locale": "fr", "contacts": {"email": "ada@example.com"}})
    product.call("PUT", "/templates/job.failed/email/de", json={"subject.txt": "broken"})
    event_id = product.call("POST", "/events", json=EVENT).json["id"]
    [row] = [
        row for row in product.call("GET", f"/events/{event_id}").json["notifications"] if row["channel"] == "inapp"
    ]
    now = product.clock.now()
    message = Message(row["id"], event_id, ME, "job.failed", "high", "j", None, None, "en", "t", "x", None, now, {})
    product.services.inbox.put([message])


def item_of(product: Product) -> str:
    """The user's item."""
    return str(product.call("GET", f"/inbox/{ME}").json["items"][0]["id"])


def everything(product: Product) -> dict[str, list[Any]]:
    """Every row of every table."""
    with product.services.database.read() as conn:
        return {table.name: sorted(map(repr, conn.execute(select(table)).all())) for table in metadata.tables.values()}


def _changed(good: Any, fields: Mapping[str, Any]) -> Any:
    match good:
        case [entry]:
            return [_changed(entry, fields)]
        case {"events": [entry]}:
            return {"events": [_changed(entry, fields)]}
        case {"preferences": [entry]}:
            return {"preferences": [_changed(entry, fields)]}
    return {name: value for name, value in {**good, **fields}.items() if value is not ...}
