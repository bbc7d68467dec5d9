"""Submitting events, asking what became of them, and taking them back."""

from collections.abc import Sequence
from typing import Any

from flask import Response, request
from flask.views import MethodView

from app.api import cloudevents
from app.api.answers import answer
from app.api.auth import principal, require
from app.api.batches import read_entries
from app.api.blueprint import Blueprint, lets_in, takes
from app.api.context import services
from app.api.errors import Problem, invalid, not_found
from app.api.schemas import BatchAnswer, BatchRequest, EventAccepted, EventAnswer, EventCancelled
from app.api.strict_json import BATCH_BYTES, parse, read_bytes, read_object
from app.api.submission_docs import ACCEPTED_HEADERS, submission
from app.domain.ids import is_id
from app.services.identity import Principal
from app.services.intake import LONGEST_KEY, MOST_IN_BATCH, Accepted, IdempotencyMismatch, Invalid, Rejected

SCOPE = "events:write"
blueprint = Blueprint("events", __name__, description="What services submit")


@blueprint.route("/events")
class EventList(MethodView):
    """Events."""

    @blueprint.doc(**submission(), **lets_in(SCOPE))
    @blueprint.response(202, {"oneOf": [EventAccepted, BatchAnswer]}, headers=ACCEPTED_HEADERS)
    def post(self) -> Response:
        """Submit an event.

        The answer is sent only after the event is committed. With the header Idempotency-Key, a repeat of the same
        request within 24 hours gets the first answer again, with `Idempotency-Replayed: true`.
        CloudEvents 1.0 are taken as well: structured (application/cloudevents+json), binary (the attributes are ce-*
        headers, percent-encoded, and the body is the data) and batches (application/cloudevents-batch+json, answered
        like /events/batch); source and id are their idempotency key.
        """
        who = require(SCOPE)
        if request.mimetype == cloudevents.BATCH:
            return _cloudevents(who)
        enveloped = cloudevents.read() if cloudevents.is_cloudevent() else None
        space = cloudevents.NAMESPACE if enveloped else ""
        key = enveloped.key if enveloped else _idempotency_key()
        raw = enveloped.event if enveloped else read_object()
        try:
            done = services().intake.submit(raw, owner=who.id, actor=who.actor, idempotency_key=key, key_space=space)
        except Invalid as error:
            if space:
                cloudevents.refuse(error.errors["json"])
            raise
        except IdempotencyMismatch:
            if space:
                cloudevents.refuse({"id": ["Was used for another event of this source."]})
            raise
        headers = {"Location": f"/events/{done.id}"}
        if done.replayed:
            headers["Idempotency-Replayed"] = "true"
        links = {"self": f"/events/{done.id}"}
        body = {"id": done.id, "status": "accepted", "created_at": done.created_at, "links": links}
        return answer(body, 202, headers)


@blueprint.route("/events/batch")
class EventBatch(MethodView):
    """Many events at once."""

    @blueprint.doc(**takes(BatchRequest), **lets_in(SCOPE))
    @blueprint.response(202, BatchAnswer)
    def post(self) -> Response:
        """Submit up to 500 events in one transaction; the wrong ones are named and do not hold up the rest."""
        who = require(SCOPE)
        document, found = parse(read_bytes(limit=BATCH_BYTES))
        entries, refused = read_entries(document, found, "events")
        return _submitted(entries, refused, who)


@blueprint.route("/events/<string:event_id>")
class OneEvent(MethodView):
    """One event. Only the key that submitted it and admins see it."""

    @blueprint.doc(**lets_in(SCOPE))
    @blueprint.response(200, EventAnswer)
    def get(self, event_id: str) -> Response:
        """Tell what was submitted, and what became of each notification."""
        require(SCOPE)
        event = _own_event(event_id)
        del event["owner"]
        return answer(event)

    @blueprint.doc(**lets_in(SCOPE))
    @blueprint.response(202, EventCancelled)
    @blueprint.problem(409)
    def delete(self, event_id: str) -> Response:
        """Cancel what has not been sent; 409 when everything has already ended."""
        who = require(SCOPE)
        event = _own_event(event_id)
        if not services().events.cancel(event_id, actor=who.actor):
            raise Problem(409, "Nothing of this event is open any more.")
        links = {"self": f"/events/{event_id}"}
        body = {"id": event_id, "status": "cancelled", "created_at": event["created_at"], "links": links}
        return answer(body, 202)


def _submitted(
    entries: Sequence[Any], refused: dict[int, dict[str, Any]], who: Principal, *, key_space: str = ""
) -> Response:
    """Submit the entries that are not refused already, and tell what became of each."""
    places = [index for index in range(len(entries)) if index not in refused]
    accepted: Sequence[Accepted] = ()
    rejected: Sequence[Rejected] = ()
    if places:
        readable = [entries[index] for index in places]
        intake = services().intake
        accepted, rejected = intake.submit_batch(readable, owner=who.id, actor=who.actor, key_space=key_space)
    said = cloudevents.in_its_words if key_space else dict
    refused |= {places[one.index]: said(one.errors) for one in rejected}
    return answer(
        {
            "accepted": [{"index": places[one.index], "id": one.id, "replayed": one.replayed} for one in accepted],
            "rejected": [{"index": index, "errors": errors} for index, errors in sorted(refused.items())],
        },
        202,
    )


def _cloudevents(who: Principal) -> Response:
    """A batch of CloudEvents, each known by its source and id."""
    envelopes = cloudevents.read_batch(BATCH_BYTES)
    if not 1 <= len(envelopes) <= MOST_IN_BATCH:
        invalid({"json": {"_schema": [f"Must be a list of 1 to {MOST_IN_BATCH} CloudEvents."]}})
    refused = {index: dict(one.errors) for index, one in enumerate(envelopes) if one.errors}
    entries = [{**one.event, "idempotency_key": one.key} for one in envelopes]
    try:
        return _submitted(entries, refused, who, key_space=cloudevents.NAMESPACE)
    except Invalid as error:
        cloudevents.refuse(error.errors["json"])


def _own_event(event_id: str) -> dict[str, Any]:
    event = services().events.get(event_id) if is_id("evt", event_id) else None
    if event is None or (event["owner"] != principal().id and not principal().may("admin")):
        not_found()
    return dict(event)


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        invalid({"headers": {"Idempotency-Key": [f"Must have 1 to {LONGEST_KEY} characters."]}})
    return key
