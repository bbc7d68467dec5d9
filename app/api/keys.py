"""Service keys, and tokens for users."""

from typing import Any

from flask import Response
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import require
from app.api.blueprint import Blueprint, lets_in, takes
from app.api.context import services
from app.api.errors import not_found
from app.api.schemas import KeyAnswer, KeyRequest, KeysAnswer, TokenAnswer
from app.api.strict_json import read_as
from app.domain.ids import is_id, is_user_id
from app.store.api_keys import StoredKey

blueprint = Blueprint("keys", __name__, description="Service keys, and tokens for users")
_REQUEST = KeyRequest()


@blueprint.route("/keys")
class Keys(MethodView):
    """Service keys."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.response(200, KeysAnswer)
    def get(self) -> Response:
        """List the service keys, the oldest first, with those that were revoked; their texts are kept nowhere."""
        require("admin")
        keys = services().identity.keys()
        return answer({"items": [_shown(key) for key in keys]})

    @blueprint.doc(**takes(KeyRequest), **lets_in("admin"))
    @blueprint.response(201, KeyAnswer)
    def post(self) -> Response:
        """Make a service key. Its text is in this answer and nowhere else."""
        who = require("admin")
        wanted = read_as(_REQUEST)
        scopes = list(dict.fromkeys(wanted["scopes"]))
        made = services().identity.create_key(wanted["name"], scopes, actor=who.actor)
        return answer({"id": made.id, "name": made.name, "scopes": list(made.scopes), "key": made.key}, 201)


@blueprint.route("/keys/<string:key_id>")
class OneKey(MethodView):
    """One service key."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.response(204)
    def delete(self, key_id: str) -> Response:
        """Revoke a key. Every process stops taking it within two seconds."""
        who = require("admin")
        if not is_id("key", key_id) or not services().identity.revoke_key(key_id, actor=who.actor):
            not_found()
        return Response(status=204)


@blueprint.route("/users/<string:user_id>/token")
class UserToken(MethodView):
    """A user's key to their own things."""

    @blueprint.doc(**lets_in("users:write"))
    @blueprint.response(200, TokenAnswer)
    def post(self, user_id: str) -> Response:
        """Issue a token with which the user reaches their own preferences, history and inbox for 15 minutes."""
        who = require("users:write")
        if not is_user_id(user_id):
            not_found()
        token, expires_at = services().identity.issue_user_token(user_id, actor=who.actor)
        return answer({"token": token, "expires_at": expires_at})


def _shown(key: StoredKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
