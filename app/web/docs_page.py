"""The API's description as a page, with everything it needs served from here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask_swagger_ui
from flask import Blueprint, Flask, Response, abort, send_from_directory

_OURS = Path(__file__).parent / "docs"
_SWAGGER = Path(flask_swagger_ui.__file__).parent / "dist"
_FILES = {
    "start.js": _OURS,
    "swagger-ui.css": _SWAGGER,
    "swagger-ui-bundle.js": _SWAGGER,
    "favicon-32x32.png": _SWAGGER,
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_A_DAY = 86_400
FILES = ("docs.file",)
"""The endpoints that serve nothing but its parts."""


def register(app: Flask, open_to_all: Callable[[Any], Any]) -> None:
    """Add the page and its files, marked as open. They are no part of the API that they describe."""
    pages = Blueprint("docs", __name__)

    @pages.get("/docs")
    @open_to_all
    def docs() -> Response:
        """Show this description as a page."""
        response = send_from_directory(_OURS, "index.html")
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    @pages.get("/docs/<string:name>")
    @open_to_all
    def file(name: str) -> Response:
        if name not in _FILES:
            abort(404)
        response = send_from_directory(_FILES[name], name, max_age=_A_DAY)
        response.headers["Cache-Control"] = f"public, max-age={_A_DAY}"
        return response

    app.register_blueprint(pages)
