"""The web application, made from services that are already there."""

from functools import partial
from pathlib import Path

from flask import Flask

from app.api import (
    audit,
    auth,
    channels,
    context,
    cors,
    errors,
    event_types,
    events,
    explain,
    headers,
    history,
    http_metrics,
    inbox,
    inbox_stream,
    keys,
    limits,
    notifications,
    openapi,
    operations,
    preference_files,
    preferences,
    previews,
    sessions,
    templates,
    users,
)
from app.api.answers import dumps
from app.api.proxies import TrustedProxies
from app.api.strict_json import BODY_BYTES
from app.bootstrap import Services
from app.web import docs_page, embedding, ui, unsubscribe_page, verify_page

BLUEPRINTS = (
    events.blueprint,
    explain.blueprint,
    notifications.blueprint,
    preference_files.blueprint,
    preferences.blueprint,
    history.blueprint,
    inbox.blueprint,
    inbox_stream.blueprint,
    keys.blueprint,
    users.blueprint,
    event_types.blueprint,
    previews.blueprint,
    channels.blueprint,
    templates.blueprint,
    sessions.blueprint,
    audit.blueprint,
    operations.blueprint,
)
_STATIC = Path(__file__).parent / "web" / "static"
_FILES = (*docs_page.FILES, *embedding.FILES, "static")


def create_app(services: Services) -> Flask:
    """A Flask application that serves the API with these services. Starts and connects to nothing."""
    app = Flask("notifications", static_folder=_STATIC, static_url_path="/static")
    app.config.update(
        API_TITLE="IM2 notifications",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        MAX_CONTENT_LENGTH=BODY_BYTES,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.url_map.merge_slashes = False
    context.attach(app, services, http_metrics.register(app, lambda: services.inbox_streams.count))
    errors.register(app)
    cors.register(app, services.settings.cors_origins)
    auth.register(app)
    limits.register(app, services.settings.api_rate_limit)
    headers.register(app, public_url=services.settings.public_url)
    docs_page.register(app, auth.open_to_all)
    verify_page.register(app, services, auth.open_to_all)
    unsubscribe_page.register(app, services, auth.open_to_all)
    ui.register(app, services, auth.open_to_all, auth.session)
    embedding.register(app, services, auth.open_to_all)
    if proxies := services.settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, proxies)  # type: ignore[method-assign]  # how Flask is wrapped
    app.view_functions["static"] = auth.open_to_all(partial(app.view_functions["static"]))
    api = openapi.Api(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    context.publish(app, dumps(api.description(app, files=_FILES, types=services.event_types)))
    return app
