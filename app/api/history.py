"""What users were told, what not, and why."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from flask import Response, request
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import require_user
from app.api.blueprint import Blueprint, lets_in
from app.api.context import services
from app.api.errors import Problem
from app.api.exports import CSV, NDJSON, as_csv, as_ndjson
from app.api.user_schemas import HistoryPage, HistoryQuery
from app.store.history import Filters

READ = "users:read"
JSON = "application/json"
_COLUMNS = (
    "id",
    "event_id",
    "type",
    "channel",
    "status",
    "reason",
    "because",
    "subject_key",
    "title",
    "text",
    "locale",
    "duplicates",
    "digest_id",
    "replay_of",
    "next_at",
    "created_at",
    "updated_at",
    "delivered_at",
    "possible_duplicate",
)
_FILE = {"type": "string"}
_DISPOSITION = {"Content-Disposition": {"description": "Of a file: its name.", "schema": {"type": "string"}}}
_TABLE = f"{','.join(_COLUMNS)}\r\n"
_LINES = '{"id":"ntf_0194d7a2-3c00-7a1b-9f2e-6d1c0a4b8e57","type":"job.failed","channel":"inapp",…}\n'
blueprint = Blueprint("history", __name__, description="What users were told, and why")


@blueprint.route("/history/<string:user_id>")
class UserHistory(MethodView):
    """One user's notifications."""

    @blueprint.doc(**lets_in(READ, users=True))
    @blueprint.arguments(HistoryQuery, location="query")
    @blueprint.response(200, HistoryPage)
    @blueprint.response(200, _FILE, content_type=CSV, example=_TABLE, headers=_DISPOSITION)
    @blueprint.response(200, _FILE, content_type=NDJSON, example=_LINES, headers=_DISPOSITION)
    @blueprint.problem(406)
    def get(self, query: dict[str, Any], user_id: str) -> Response:
        """List notifications, the newest first.

        With `Accept: text/csv` or `application/x-ndjson` it is a file of all that match, or of the `limit` newest.
        """
        require_user(user_id, READ)
        form = request.accept_mimetypes.best_match(
            (JSON, CSV, NDJSON), default="" if request.accept_mimetypes else JSON
        )
        cursor, limit = query.pop("cursor"), query.pop("limit")
        wanted = Filters(user_id=user_id, **query)
        if form == JSON:
            page = services().history.page(wanted, cursor=cursor, limit=limit)
            return answer({"items": page.items, "next_cursor": page.next_cursor})
        rows = services().history.everything(wanted, cursor=cursor)
        chosen = islice(rows, limit) if "limit" in request.args else rows
        if form == CSV:
            return as_csv(_flat(chosen), _COLUMNS, "history")
        if form == NDJSON:
            return as_ndjson(chosen, "history")
        raise Problem(406, f"This can be had as {JSON}, {CSV} or {NDJSON}.")


def _flat(rows: Iterator[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The words of each beside its other columns."""
    for row in rows:
        content = row["content"] or {}
        yield {**row, "title": content.get("subject"), "text": content.get("text"), "locale": content.get("locale")}
