"""Asking what would become of an event."""

from flask import Response
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import require
from app.api.blueprint import Blueprint, lets_in, takes
from app.api.context import services
from app.api.event_docs import event_examples
from app.api.schemas import ExplainAnswer, ExplainRequest
from app.api.strict_json import read_object

blueprint = Blueprint("explain", __name__, description="What would become of an event")


@blueprint.route("/events/explain")
class EventExplanation(MethodView):
    """An event that is not sent."""

    @blueprint.doc(**takes(ExplainRequest, event_examples()), **lets_in("events:write"))
    @blueprint.response(200, ExplainAnswer)
    def post(self) -> Response:
        """Tell what would become of an event, for each recipient and channel, and which rule decides.

        It is checked, planned and written as if it came now, or at `at`; nothing is stored or sent. What repeats an
        earlier event, or is over a limit, is known for now only.
        """
        who = require("events:write")
        return answer({"decisions": services().explain.decisions(read_object(), owner=who.id)})
