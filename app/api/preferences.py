"""What users want to hear, where, and in which language."""

from typing import Any, NoReturn

from flask import Response
from flask.views import MethodView
from marshmallow import Schema

from app.api.answers import answer
from app.api.auth import require, require_user
from app.api.blueprint import Blueprint, lets_in, takes
from app.api.context import services
from app.api.errors import Problem
from app.api.preference_schemas import (
    Defaults,
    DefaultsPatch,
    NotificationAccepted,
    Preferences,
    PreferencesAnswer,
    PreferencesPatch,
    SecretAnswer,
)
from app.api.strict_json import JSON, MERGE_PATCH, read_object
from app.api.versions import ETAG, IF_MATCH, asked_versions
from app.domain.notifications import Notification
from app.services.identity import Principal
from app.services.people import DEFAULTS_USER
from app.services.preference_view import Shown
from app.services.preferences import VersionConflict
from app.services.verification import NothingToVerify

READ, WRITE = "users:read", "users:write"
blueprint = Blueprint("preferences", __name__, description="What users want to hear, where and when")


def _changes(schema: type[Schema]) -> dict[str, Any]:
    return {**takes(schema), "parameters": [IF_MATCH]}


@blueprint.route("/preferences/<string:user_id>")
class UserPreferences(MethodView):
    """One user's preferences."""

    @blueprint.doc(**lets_in(READ, users=True))
    @blueprint.response(200, PreferencesAnswer, headers=ETAG)
    def get(self, user_id: str) -> Response:
        """Read a user's preferences; a user who has not said anything has the defaults."""
        require_user(user_id, READ)
        return _answered(services().preferences.get(user_id))

    @blueprint.doc(**_changes(Preferences), **lets_in(WRITE, users=True))
    @blueprint.response(200, PreferencesAnswer, headers=ETAG)
    def put(self, user_id: str) -> Response:
        """Replace a user's preferences.

        A signing secret that this makes is only in this answer. With If-Match: 412 when somebody was faster.
        An e-mail address that a user sets gets a mail with a link, and reads as `{"address", "verified": false}` until
        that is followed: nothing else is sent there. One that a key sets is taken as verified.
        """
        return _replaced(user_id, require_user(user_id, WRITE))

    @blueprint.doc(**_changes(PreferencesPatch), **lets_in(WRITE, users=True))
    @blueprint.response(200, PreferencesAnswer, headers=ETAG)
    def patch(self, user_id: str) -> Response:
        """Change what is named, by merge patch (RFC 7396); null removes."""
        return _merged(user_id, require_user(user_id, WRITE))


@blueprint.route("/preferences/<string:user_id>/webhook/rotate")
class WebhookSecret(MethodView):
    """The secret a user's webhook is signed with."""

    @blueprint.doc(**lets_in(WRITE, users=True))
    @blueprint.response(200, SecretAnswer)
    def post(self, user_id: str) -> Response:
        """Make a new signing secret, shown this once; the one before it signs as well for 24 hours."""
        who = require_user(user_id, WRITE)
        secret = services().preferences.rotate(user_id, "webhook", actor=who.actor)
        if secret is None:
            raise Problem(404, "This user has no webhook; set one in the preferences first.")
        return answer({"secret": secret})


@blueprint.route("/preferences/<string:user_id>/verify/<string:channel>")
class AddressVerification(MethodView):
    """The question whether an address is the user's."""

    @blueprint.doc(**lets_in(WRITE, users=True))
    @blueprint.response(202, NotificationAccepted)
    @blueprint.problem(409)
    @blueprint.problem(422)
    def post(self, user_id: str, channel: str) -> Response:
        """Send the verification mail again, with a new link; 409 when there is nothing to verify."""
        who = require_user(user_id, WRITE)
        _known(channel)
        try:
            return _accepted(services().verification.ask_again(user_id, channel, actor=who.actor))
        except NothingToVerify:
            raise Problem(409, "This contact needs no verification.") from None


@blueprint.route("/preferences/<string:user_id>/test/<string:channel>")
class ChannelTest(MethodView):
    """A try whether messages arrive."""

    @blueprint.doc(**lets_in(WRITE, users=True))
    @blueprint.response(202, NotificationAccepted)
    @blueprint.problem(422)
    def post(self, user_id: str, channel: str) -> Response:
        """Send a test notification to this user on this channel, whatever the preferences say about times and types.

        At most 10 in 5 minutes for each user, then 429.
        """
        who = require_user(user_id, WRITE)
        _known(channel)
        return _accepted(services().trials.send(user_id, channel, actor=who.actor))


@blueprint.route(f"/preferences/{DEFAULTS_USER}")
class DefaultPreferences(MethodView):
    """What applies to everybody who has not chosen otherwise."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.response(200, PreferencesAnswer, headers=ETAG)
    def get(self) -> Response:
        """Read the defaults."""
        require("admin")
        return _answered(services().preferences.get(DEFAULTS_USER))

    @blueprint.doc(**_changes(Defaults), **lets_in("admin"))
    @blueprint.response(200, PreferencesAnswer, headers=ETAG)
    def put(self) -> Response:
        """Replace the defaults."""
        return _replaced(DEFAULTS_USER, require("admin"))

    @blueprint.doc(**_changes(DefaultsPatch), **lets_in("admin"))
    @blueprint.response(200, PreferencesAnswer, headers=ETAG)
    def patch(self) -> Response:
        """Change the defaults that are named."""
        return _merged(DEFAULTS_USER, require("admin"))


def _replaced(user_id: str, who: Principal) -> Response:
    given, documents = read_object(), services().preferences
    try:
        return _answered(
            documents.replace(user_id, given, actor=who.actor, by_user=who.kind == "user", versions=asked_versions())
        )
    except VersionConflict:
        _conflict()


def _merged(user_id: str, who: Principal) -> Response:
    patch, documents = read_object(media_types=(JSON, MERGE_PATCH)), services().preferences
    try:
        return _answered(
            documents.merge(user_id, patch, actor=who.actor, by_user=who.kind == "user", versions=asked_versions())
        )
    except VersionConflict:
        _conflict()


def _answered(shown: Shown) -> Response:
    response = answer(shown.body)
    response.set_etag(str(shown.version))
    return response


def _known(channel: str) -> None:
    names = services().channels
    if channel not in names:
        raise Problem(404, f"There is no such channel. Allowed: {', '.join(names)}.")


def _accepted(row: Notification) -> Response:
    link = f"/notifications/{row.id}"
    return answer({"id": row.id, "links": {"self": link}}, 202, {"Location": link})


def _conflict() -> NoReturn:
    raise Problem(412, "The preferences were changed since they were read; read them again.")
