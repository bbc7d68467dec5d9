"""For those who run the service: is it well, and what has it done."""

from flask import Response, request
from flask.views import MethodView
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from app.api.answers import answer
from app.api.auth import open_to_all, require
from app.api.blueprint import Blueprint, lets_in
from app.api.context import description, http_metrics, services
from app.api.schemas import HealthAnswer, LiveAnswer
from app.api.summary_schemas import SummaryAnswer
from app.observability.summary import summary

_DOCUMENT = {"type": "object", "required": ["openapi", "info", "paths"]}
_TEXT = {"type": "string"}
_SOME = """\
# HELP notifications_accepted_total Notifications that were accepted.
# TYPE notifications_accepted_total counter
notifications_accepted_total{type="job.failed"} 12.0
"""
blueprint = Blueprint("operations", __name__, description="Health and metrics")


@blueprint.route("/health")
@open_to_all
class Health(MethodView):
    """The state of the service."""

    @blueprint.response(200, HealthAnswer)
    @blueprint.alt_response(503, schema=HealthAnswer)
    def get(self) -> Response:
        """Tell how each part is; 503 with the same body when one of them fails."""
        report = services().health.report()
        return answer(report, 200 if report["status"] == "ok" else 503)


@blueprint.route("/health/live")
@open_to_all
class Live(MethodView):
    """Whether this process serves."""

    @blueprint.response(200, LiveAnswer)
    def get(self) -> Response:
        """Answer as long as this process serves, whatever the others do."""
        return answer({"status": "ok"})


@blueprint.route("/openapi.json")
@open_to_all
class Description(MethodView):
    """This document."""

    @blueprint.response(
        200,
        _DOCUMENT,
        example={"openapi": "3.1.0", "info": {"title": "IM2 notifications", "version": "1"}, "paths": {}},
    )
    def get(self) -> Response:
        """Describe the API: every route with what it takes, answers and refuses, by OpenAPI 3.1."""
        return Response(description(), content_type="application/json")


@blueprint.route("/metrics")
@open_to_all
class Metrics(MethodView):
    """What the service has done."""

    @blueprint.response(200, _TEXT, content_type="text/plain", example=_SOME)
    @blueprint.response(200, _TEXT, content_type="application/openmetrics-text", example=f"{_SOME}# EOF\n")
    @blueprint.problem(503)
    def get(self) -> Response:
        """Show all metrics in Prometheus' text format: the service's, and the HTTP side's of this process.

        In the format of OpenMetrics if Accept prefers that.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(services().metrics.snapshot())
        registry.register(http_metrics())
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=content_type)


@blueprint.route("/metrics/summary")
class Summary(MethodView):
    """The numbers that operators watch."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.response(200, SummaryAnswer)
    def get(self) -> Response:
        """Sum up the service's metrics: what was accepted, waits, ended and failed, by lane and by channel."""
        require("admin")
        return answer(summary(services().metrics.snapshot()))
