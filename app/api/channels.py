"""Channels, as operators see them."""

from flask import Response
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import require
from app.api.blueprint import Blueprint, lets_in, takes
from app.api.context import services
from app.api.errors import not_found
from app.api.operator_schemas import ChannelInfo, Channels, PauseRequest
from app.api.strict_json import read_optional

blueprint = Blueprint("channels", __name__, description="The ways to reach people")


@blueprint.route("/channels")
class ChannelList(MethodView):
    """The channels."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.response(200, Channels)
    def get(self) -> Response:
        """List the channels: whether each is set up, leaves receivers alone that are in trouble, or is paused."""
        require("admin")
        return answer({"items": services().channel_desk.everything()})


@blueprint.route("/channels/<string:channel>/pause")
class ChannelPause(MethodView):
    """A channel's switch, off."""

    @blueprint.doc(**takes(PauseRequest, optional=True), **lets_in("admin"))
    @blueprint.response(200, ChannelInfo)
    def post(self, channel: str) -> Response:
        """Send nothing on this channel within two seconds; what is due is held, and nothing is lost.

        The `reason`, if there is one, is shown to operators with the pause and in the audit log. A channel that is
        paused already stays as it is.
        """
        who = require("admin")
        if channel not in services().channels:
            not_found()
        wanted = read_optional(PauseRequest())
        return answer(services().channel_desk.pause(channel, actor=who.actor, reason=wanted["reason"]))


@blueprint.route("/channels/<string:channel>/resume")
class ChannelResume(MethodView):
    """A channel's switch, on."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.response(200, ChannelInfo)
    def post(self, channel: str) -> Response:
        """Send on this channel again, what was held first."""
        who = require("admin")
        if channel not in services().channels:
            not_found()
        return answer(services().channel_desk.resume(channel, actor=who.actor))
