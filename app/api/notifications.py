"""Notifications: one, and for operators all of them."""

from typing import Any

from flask import Response
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import principal, require, require_user
from app.api.blueprint import Blueprint, lets_in, takes
from app.api.context import services
from app.api.errors import Problem, invalid, not_found
from app.api.operator_schemas import CancelAnswer, NotificationsPage, NotificationsQuery, ReplayAnswer, ReplayRequest
from app.api.strict_json import load, read_object
from app.api.user_schemas import NotificationAnswer
from app.domain.ids import ERASED_USER, is_id
from app.store.history import Filters

READ = "users:read"
_REPLAY = ReplayRequest()
blueprint = Blueprint("notifications", __name__, description="What became of a notification")


@blueprint.route("/notifications")
class NotificationList(MethodView):
    """Everybody's notifications."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.arguments(NotificationsQuery, location="query")
    @blueprint.response(200, NotificationsPage)
    def get(self, query: dict[str, Any]) -> Response:
        """List notifications, the newest first; with status=failed, the dead letters."""
        require("admin")
        cursor, limit = query.pop("cursor"), query.pop("limit")
        page = services().history.page(Filters(**query), cursor=cursor, limit=limit)
        return answer({"items": page.items, "next_cursor": page.next_cursor})


@blueprint.route("/notifications/replay")
class NotificationReplay(MethodView):
    """Dead letters, sent again."""

    @blueprint.doc(**takes(ReplayRequest), **lets_in("admin"))
    @blueprint.response(200, ReplayAnswer)
    def post(self) -> Response:
        """Send again what has ended, by default what failed; at least one filter is asked for.

        Each becomes a new notification that says `replay_of`, and passes dedupe and limits. At most `limit` (200) at a
        time, the oldest first; what is on its way again, or arrived at the second try, does not match once more.
        """
        who = require("admin")
        document = read_object()
        wanted = load(_REPLAY, document)
        dry_run, limit = wanted.pop("dry_run"), wanted.pop("limit")
        if not any(document.get(name) is not None for name in wanted):
            invalid({"json": {"_schema": [f"Must name at least one of {', '.join(wanted)}."]}})
        done = services().dead_letters.replay(Filters(**wanted), limit=limit, dry_run=dry_run, actor=who.actor)
        created = [{"id": row.id, "replay_of": row.replay_of} for row in done.created]
        return answer({"matched": done.matched, "created": created})


@blueprint.route("/notifications/<string:notification_id>")
class OneNotification(MethodView):
    """One notification."""

    @blueprint.doc(**lets_in(READ, users=True))
    @blueprint.response(200, NotificationAnswer)
    def get(self, notification_id: str) -> Response:
        """Tell everything about a notification: its words, every attempt, and what each step decided."""
        if principal().kind == "key":
            # Before it is looked up: who may not see any must not learn which exist.
            require(READ)
        found = services().history.notification(notification_id) if is_id("ntf", notification_id) else None
        if found is None:
            not_found()
        if found["user_id"] != ERASED_USER or principal().kind == "user":
            require_user(found["user_id"], READ)
        return answer(found)

    @blueprint.doc(**lets_in("events:write"))
    @blueprint.response(202, CancelAnswer)
    @blueprint.problem(409)
    def delete(self, notification_id: str) -> Response:
        """Cancel it; 409 when it has ended. One that is being sent right now ends with that attempt."""
        who = require("events:write")
        found = services().events.owner_of(notification_id) if is_id("ntf", notification_id) else None
        if found is None or (found != who.id and not who.may("admin")):
            not_found()
        status = services().events.cancel_one(notification_id, actor=who.actor)
        if status is None:
            raise Problem(409, "This notification has ended already.")
        return answer({"id": notification_id, "status": status}, 202)
