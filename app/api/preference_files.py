"""Everybody's preferences: listed, written out and taken in."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from flask import Response, request
from flask.views import MethodView
from marshmallow import ValidationError

from app.api.answers import answer
from app.api.auth import require
from app.api.batches import read_entries
from app.api.blueprint import Blueprint, lets_in, takes
from app.api.context import services
from app.api.errors import Problem, invalid
from app.api.exports import NDJSON, as_ndjson
from app.api.paging import PageQuery
from app.api.preference_schemas import PreferencesImport, PreferencesImported, PreferencesPage
from app.api.strict_json import BATCH_BYTES, JSON, parse, read_bytes
from app.domain import shapes
from app.services.event_schema import Flag
from app.services.intake import Invalid
from app.services.preference_files import user_of

# An entry around its fields.
_DEEPEST = shapes.MOST_DEPTH + 1
_FILE = {"type": "string"}
_DISPOSITION = {"Content-Disposition": {"description": "Of a file: its name.", "schema": {"type": "string"}}}
_LINES = '{"user_id":"u-17","locale":"de","contacts":{"email":"ada@example.com"}}\n'
blueprint = Blueprint("preference_files", __name__, description="Everybody's preferences at once")


@blueprint.route("/preferences")
class EverybodysPreferences(MethodView):
    """What everybody set."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, PreferencesPage)
    @blueprint.response(200, _FILE, content_type=NDJSON, example=_LINES, headers=_DISPOSITION)
    @blueprint.problem(406)
    def get(self, query: dict[str, Any]) -> Response:
        """List what everybody set, in the order of their ids: no secrets, and nothing that the defaults say.

        With `Accept: application/x-ndjson` it is a file of all, or of the first `limit`.
        """
        require("admin")
        form = request.accept_mimetypes.best_match((JSON, NDJSON), default="" if request.accept_mimetypes else JSON)
        files = services().preference_files
        if form == JSON:
            page = files.page(**query)
            return answer({"items": page.items, "next_cursor": page.next_cursor})
        if form == NDJSON:
            entries = files.entries(cursor=query["cursor"])
            return as_ndjson(islice(entries, query["limit"]) if "limit" in request.args else entries, "preferences")
        raise Problem(406, f"This can be had as {JSON} or {NDJSON}.")

    @blueprint.doc(**takes(PreferencesImport), **lets_in("admin"))
    @blueprint.response(200, PreferencesImported)
    def post(self) -> Response:
        """Put up to 500 entries in the place of what there is about their users, each by itself.

        As `PUT /preferences/{user_id}` by a key, but that nobody is mailed, and that a contact whose secret is neither
        given nor here is left out and named. One that was disabled where it comes from is so here.
        """
        who = require("admin")
        document, found = parse(read_bytes(limit=BATCH_BYTES))
        entries, refused = read_entries(document, found, "preferences", beside=("dry_run",))
        dry_run = _flag(document.get("dry_run", False))
        accepted: list[dict[str, Any]] = []
        first: dict[str, int] = {}
        for index, entry in enumerate(entries):
            if index in refused:
                continue
            try:
                user_id = _new_user(entry, index, first)
                done = services().preference_files.restore(entry, actor=who.actor, dry_run=dry_run)
            except Invalid as error:
                refused[index] = error.errors["json"]
                continue
            accepted.append(
                {"index": index, "user_id": user_id, "outcome": done.outcome, "left_out": list(done.left_out)}
            )
        rejected = [{"index": index, "errors": errors} for index, errors in sorted(refused.items())]
        return answer({"accepted": accepted, "rejected": rejected})


def _new_user(entry: object, index: int, first: dict[str, int]) -> str | None:
    """Whose an entry is. Raises Invalid when it is none, or one before it was theirs."""
    if not isinstance(entry, Mapping):
        raise Invalid({"json": {"_schema": ["Must be an object."]}})
    if unfit := {name: found for name, value in entry.items() if (found := shapes.faults({name: value}, _DEEPEST))}:
        raise Invalid({"json": unfit})
    user_id = user_of(entry)
    if user_id is not None and first.setdefault(user_id, index) != index:
        raise Invalid({"json": {"user_id": [f"Is the one of entry {first[user_id]}, too."]}})
    return user_id


def _flag(given: object) -> bool:
    try:
        return bool(Flag().deserialize(given))
    except ValidationError as fault:
        invalid({"json": {"dry_run": fault.messages}})
