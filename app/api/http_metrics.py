"""Metrics of the HTTP side, counted in this process."""

from collections.abc import Callable

from flask import Flask, Request, request
from prometheus_client import CollectorRegistry, Gauge
from prometheus_flask_exporter import PrometheusMetrics

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def register(app: Flask, count_streams: Callable[[], int]) -> CollectorRegistry:
    """Count and time the application's requests; the registry holds what was counted.

    A stream is timed until it opens, and then counted for as long as it is open.
    """
    registry = CollectorRegistry()
    # Its own page forgets foreign collectors and fails on `?name[]=`, so that /metrics is a view of ours.
    PrometheusMetrics(app, path=None, group_by=rule, registry=registry)
    Gauge("inbox_streams_open", "Inbox streams that this process has open", registry=registry).set_function(
        count_streams
    )

    @app.before_request
    def skip_made_up_methods() -> None:
        # Anybody can send any word as a method, and each of them would become a label.
        if request.method not in _METHODS:
            request.prom_do_not_track = True  # type: ignore[attr-defined]  # how the exporter is told

    return registry


def rule(asked: Request) -> str:
    """The route of a request as a label; never its path, which holds user ids."""
    return asked.url_rule.rule if asked.url_rule is not None else "none"
