"""How a view reaches what its application was made with."""

from typing import cast

from flask import Flask, current_app
from prometheus_client import CollectorRegistry

from app.bootstrap import Services

_SERVICES = "notifications-services"
_HTTP_METRICS = "notifications-http-metrics"
_DESCRIPTION = "notifications-description"


def attach(app: Flask, services: Services, http_metrics: CollectorRegistry) -> None:
    """Give the application its services and the place where its requests are counted."""
    app.extensions[_SERVICES] = services
    app.extensions[_HTTP_METRICS] = http_metrics


def publish(app: Flask, description: str) -> None:
    """Give the application the text of its OpenAPI document."""
    app.extensions[_DESCRIPTION] = description


def services() -> Services:
    """The services of the application that handles this request."""
    return cast("Services", current_app.extensions[_SERVICES])


def http_metrics() -> CollectorRegistry:
    """What this process has counted of its requests."""
    return cast("CollectorRegistry", current_app.extensions[_HTTP_METRICS])


def description() -> str:
    """The application's OpenAPI document, as JSON."""
    return cast("str", current_app.extensions[_DESCRIPTION])
