"""Sessions: how the pages get in, without keeping a token where a script could read it."""

from datetime import timedelta
from typing import Any

from flask import Response, g
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import cookie_name, open_to_all, require_any
from app.api.blueprint import Blueprint, lets_in
from app.api.context import services
from app.api.errors import Problem
from app.api.session_schemas import SessionAnswer, SessionOpened, SessionRequest
from app.services.sessions import LIFETIME

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="notifications"'}
blueprint = Blueprint("sessions", __name__, description="Sessions of the pages")


@blueprint.route("/ui/session")
@open_to_all
class SignIn(MethodView):
    """The door to a session."""

    @blueprint.arguments(SessionRequest)
    @blueprint.response(200, SessionOpened)
    @blueprint.problem(401)
    @blueprint.problem(503)
    def post(self, wanted: dict[str, str]) -> Response:
        """Open a session with a key or a user's token.

        The answer sets a cookie that no script can read; it counts as the token, for 8 hours or until the key is
        revoked or the user erased. With it, whatever changes something needs the `csrf_token` in the header
        `X-CSRF-Token`.
        """
        opened = services().sessions.open(wanted["token"])
        if opened is None:
            raise Problem(401, "This key or token does not work; it may have expired.", headers=_CHALLENGE)
        session, expires_at = opened
        response = answer({"csrf_token": session.csrf_token, "expires_at": expires_at})
        _keep(response, session.text, LIFETIME)
        return response


@blueprint.route("/ui/session")
class UiSession(MethodView):
    """The session of a browser."""

    @blueprint.doc(**lets_in(users=True))
    @blueprint.response(200, SessionAnswer)
    def get(self) -> Response:
        """Say who is asking, and, to a session, what its writes have to bring along."""
        who = require_any()
        csrf_token = None if g.session is None else g.session.csrf_token
        body: dict[str, Any] = {"kind": who.kind, "id": who.id, "scopes": sorted(who.scopes), "csrf_token": csrf_token}
        return answer(body)

    @blueprint.doc(**lets_in(users=True))
    @blueprint.response(204)
    def delete(self) -> Response:
        """Have the browser forget its session."""
        require_any()
        response = Response(status=204)
        _keep(response, "", timedelta())
        return response


def _keep(response: Response, text: str, lifetime: timedelta) -> None:
    name = cookie_name()
    secure = name.startswith("__Host-")
    response.set_cookie(name, text, max_age=lifetime, path="/", secure=secure, httponly=True, samesite="Lax")
