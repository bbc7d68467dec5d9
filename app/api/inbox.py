"""Users' inboxes."""

from typing import Any

from flask import Response
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import require_user
from app.api.blueprint import Blueprint, lets_in
from app.api.context import services
from app.api.errors import invalid, not_found
from app.api.user_schemas import InboxChange, InboxChanged, InboxPage, InboxQuery, UnreadCount
from app.domain.ids import is_id

READ, WRITE = "users:read", "users:write"
blueprint = Blueprint("inbox", __name__, description="What the in-app channel delivered")


@blueprint.route("/inbox/<string:user_id>")
class UserInbox(MethodView):
    """One user's inbox."""

    @blueprint.doc(**lets_in(READ, users=True))
    @blueprint.arguments(InboxQuery, location="query")
    @blueprint.response(200, InboxPage)
    def get(self, query: dict[str, Any], user_id: str) -> Response:
        """List items, the newest first, with the number of all unread ones."""
        require_user(user_id, READ)
        page, unread = services().inbox.page(user_id, query["state"], cursor=query["cursor"], limit=query["limit"])
        return answer({"items": page.items, "unread_count": unread, "next_cursor": page.next_cursor})


@blueprint.route("/inbox/<string:user_id>/<string:item_id>")
class InboxEntry(MethodView):
    """One item of an inbox."""

    @blueprint.doc(**lets_in(WRITE, users=True))
    @blueprint.arguments(InboxChange)
    @blueprint.response(200, InboxChanged)
    def patch(self, change: dict[str, bool], user_id: str, item_id: str) -> Response:
        """Mark an item as read or unread, archive it or take it back."""
        require_user(user_id, WRITE)
        if not change:
            invalid({"json": {"_schema": ["Must have read, archived or both."]}})
        changed = services().inbox.mark(user_id, item_id, **change) if is_id("itm", item_id) else None
        if changed is None:
            not_found()
        return answer({"item": changed.item, "unread_count": changed.unread_count})


@blueprint.route("/inbox/<string:user_id>/read-all")
class InboxReadAll(MethodView):
    """The whole inbox at once."""

    @blueprint.doc(**lets_in(WRITE, users=True))
    @blueprint.response(200, UnreadCount)
    def post(self, user_id: str) -> Response:
        """Mark everything as read."""
        require_user(user_id, WRITE)
        return answer({"unread_count": services().inbox.read_all(user_id)})
