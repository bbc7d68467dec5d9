"""Looking at what a channel would be sent, before anything happens."""

from flask import Response
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import require
from app.api.blueprint import Blueprint, lets_in, takes
from app.api.context import services
from app.api.preview_schemas import PreviewAnswer, PreviewRequest, preview_examples
from app.api.strict_json import read_object

blueprint = Blueprint("previews", __name__, description="What a channel would be sent")


@blueprint.route("/templates/preview")
class TemplatePreview(MethodView):
    """The texts of one type of event on one channel."""

    @blueprint.doc(**takes(PreviewRequest, preview_examples()), **lets_in("admin"))
    @blueprint.response(200, PreviewAnswer)
    def post(self) -> Response:
        """Show what a channel would be sent for an event, in any language; without data, for a sample of its type.

        Nothing is stored or sent, and no one's preferences are asked.
        """
        require("admin")
        made = services().previews.of(read_object())
        return answer(
            {
                "type": made.type,
                "channel": made.channel,
                "locale": made.content.locale,
                "subject": made.content.title,
                "text": made.content.text,
                "html": made.content.html,
                "document": made.document,
            }
        )
