"""Looking at what a channel would be sent, before anything happens."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import require
from app.api.blueprint import Blueprint, lets_in, takes
from app.api.context import services
from app.api.errors import invalid
from app.api.preview_schemas import PreviewAnswer, PreviewRequest, preview_examples
from app.api.strict_json import read_object
from app.rendering.overrides.override import Override
from app.services.intake import Invalid
from app.services.template_desk import NoSuchPlace

blueprint = Blueprint("previews", __name__, description="What a channel would be sent")


@blueprint.route("/templates/preview")
class TemplatePreview(MethodView):
    """The texts of one type of event on one channel."""

    @blueprint.doc(**takes(PreviewRequest, preview_examples()), **lets_in("admin"))
    @blueprint.response(200, PreviewAnswer)
    def post(self) -> Response:
        """Show what a channel would be sent for an event, in any language; without data, for a sample of its type.

        Nothing is stored or sent, and no one's preferences are asked. With `pieces` it is worded by these templates,
        which are checked as if they were saved: 422 names piece, line and fault.
        """
        require("admin")
        wanted = read_object()
        pieces = wanted.pop("pieces", None)
        made = services().previews.of(wanted, None if pieces is None else _draft(wanted, pieces))
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


def _draft(wanted: Mapping[str, Any], pieces: Any) -> Override:
    """Templates that are not saved, where they would be used."""
    if not isinstance(pieces, dict):
        invalid({"json": {"pieces": ["Must be an object."]}})
    desk = services().template_desk
    locale = wanted.get("locale") or services().settings.default_locale
    try:
        place = desk.place(str(wanted.get("type")), str(wanted.get("channel")), str(locale))
        return desk.check(place, pieces)
    except NoSuchPlace as fault:
        invalid({"json": {fault.field: [str(fault)]}})
    except Invalid as fault:
        invalid({"json": {"pieces": fault.errors["json"]}})
