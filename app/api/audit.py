"""Who did what: the append-only log."""

from typing import Any

from flask import Response
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import require
from app.api.blueprint import Blueprint, lets_in
from app.api.context import services
from app.api.operator_schemas import AuditPage, AuditQuery
from app.store.audit import AuditFilters

blueprint = Blueprint("audit", __name__, description="Who did what")


@blueprint.route("/audit")
class AuditTrail(MethodView):
    """The audit log."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.arguments(AuditQuery, location="query")
    @blueprint.response(200, AuditPage)
    def get(self, query: dict[str, Any]) -> Response:
        """List entries, the newest first. Entries are only ever added, and chained by their hashes.

        A page that is not full may have a `next_cursor` all the same, where what is asked for by actor, action or time
        is rare: it looks at 20,000 entries at most.
        """
        require("admin")
        cursor, limit = query.pop("cursor"), query.pop("limit")
        page = services().audit_log.page(AuditFilters(**query), cursor=cursor, limit=limit)
        return answer({"items": page.items, "next_cursor": page.next_cursor})
