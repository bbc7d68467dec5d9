"""Words of the operators' own: what can be worded otherwise, and what is."""

from typing import Any, NoReturn

from flask import Response
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import require
from app.api.blueprint import Blueprint, lets_in, takes
from app.api.context import services
from app.api.errors import Problem
from app.api.strict_json import read_as, read_object
from app.api.template_schemas import (
    DifferenceQuery,
    Template,
    TemplateDifference,
    TemplatePieces,
    TemplateRollback,
    Templates,
    TemplateVersions,
)
from app.api.versions import ETAG, IF_MATCH, asked_versions
from app.rendering.overrides.override import Place
from app.services.template_desk import NoSuchPlace, ShownTemplate, TemplateConflict

blueprint = Blueprint("templates", __name__, description="Words of the operators' own")
_ONE = "/templates/<string:event_type>/<string:on>/<string:locale>"


@blueprint.route("/templates")
class TemplateList(MethodView):
    """All of them."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.response(200, Templates)
    def get(self) -> Response:
        """List what can be worded otherwise, what is, and what was refused, in files too."""
        require("admin")
        return answer(services().template_desk.everything())


@blueprint.route(_ONE)
class OneTemplate(MethodView):
    """What is said of one type on one channel in one language."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.response(200, Template, headers=ETAG)
    def get(self, event_type: str, on: str, locale: str) -> Response:
        """Read the sources that are in force there, and how they came to be."""
        require("admin")
        return _answered(services().template_desk.get(_place(event_type, on, locale)))

    @blueprint.doc(**takes(TemplatePieces), parameters=[IF_MATCH], **lets_in("admin"))
    @blueprint.response(200, Template, headers=ETAG)
    def put(self, event_type: str, on: str, locale: str) -> Response:
        """Word it otherwise, as a new version; workers take it up within two seconds.

        It is rendered on every sample first: 422 names file, line and fault. With If-Match: 412 when somebody was
        faster.
        """
        who, place = require("admin"), _place(event_type, on, locale)
        try:
            return _answered(
                services().template_desk.save(place, read_object(), actor=who.actor, versions=asked_versions())
            )
        except TemplateConflict:
            _conflict()

    @blueprint.doc(parameters=[IF_MATCH], **lets_in("admin"))
    @blueprint.response(204)
    def delete(self, event_type: str, on: str, locale: str) -> Response:
        """Go back to what lies in files or comes along. Its versions stay, and can be taken up again."""
        who, place = require("admin"), _place(event_type, on, locale)
        try:
            services().template_desk.remove(place, actor=who.actor, versions=asked_versions())
        except TemplateConflict:
            _conflict()
        return Response(status=204)


@blueprint.route(f"{_ONE}/versions")
class TemplateHistory(MethodView):
    """What was said there before."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.response(200, TemplateVersions)
    def get(self, event_type: str, on: str, locale: str) -> Response:
        """List every version with its sources, the newest first."""
        require("admin")
        return answer({"items": services().template_desk.versions(_place(event_type, on, locale))})


@blueprint.route(f"{_ONE}/rollback")
class TemplateRestored(MethodView):
    """An old version, taken up again."""

    @blueprint.doc(**takes(TemplateRollback), parameters=[IF_MATCH], **lets_in("admin"))
    @blueprint.response(200, Template, headers=ETAG)
    def post(self, event_type: str, on: str, locale: str) -> Response:
        """Take an old version up again, as a new one; it has to hold as if it were new."""
        who, place = require("admin"), _place(event_type, on, locale)
        version = read_as(TemplateRollback())["version"]
        try:
            return _answered(
                services().template_desk.restore(place, version, actor=who.actor, versions=asked_versions())
            )
        except TemplateConflict:
            _conflict()


@blueprint.route(f"{_ONE}/diff")
class TemplateCompared(MethodView):
    """Two versions, side by side."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.arguments(DifferenceQuery, location="query")
    @blueprint.response(200, TemplateDifference)
    def get(self, query: dict[str, Any], event_type: str, on: str, locale: str) -> Response:
        """Compare two versions, piece by piece; version 0 is what comes along."""
        require("admin")
        place = _place(event_type, on, locale)
        return answer(services().template_desk.difference(place, query["from_"], query["to"]))


def _place(event_type: str, on: str, locale: str) -> Place:
    try:
        return services().template_desk.place(event_type, on, locale)
    except NoSuchPlace as fault:
        raise Problem(404, str(fault)) from None


def _answered(shown: ShownTemplate) -> Response:
    response = answer(shown.body)
    response.set_etag(str(shown.version))
    return response


def _conflict() -> NoReturn:
    raise Problem(412, "The template was changed since it was read; read it again.")
