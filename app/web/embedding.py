"""What goes with the inbox component: its words in every language, and a page that shows how to embed it."""

import json
import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, abort, request

from app.bootstrap import Services
from app.web.plain_page import browser_locale

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,4}")
_AN_HOUR = 3600
# From the page to what PUBLIC_URL names, whatever a proxy has put before it.
_ROOT = "../"
FILES = ("embedding.inbox_words",)
"""The endpoints that serve nothing but its parts."""


def register(app: Flask, services: Services, open_to_all: Callable[[Any], Any]) -> None:
    """Add both, marked as open: there is nothing of anybody in them."""
    pages = Blueprint("embedding", __name__)

    @pages.get("/ui/words/inbox/<string:locale>.json")
    @open_to_all
    def inbox_words(locale: str) -> Response:
        """Say what the inbox component says, in this language or the one that stands in for it."""
        if not _LOCALE.fullmatch(locale):
            abort(404)
        body = json.dumps(services.pages.inbox_words(locale), ensure_ascii=False)
        response = Response(body, content_type="application/json")
        response.headers["Cache-Control"] = f"public, max-age={_AN_HOUR}"
        response.add_etag()
        response.make_conditional(request)
        return response

    @pages.get("/ui/demo")
    @open_to_all
    def demo() -> Response:
        """Show how to put the inbox into a page, and let it be tried with a token."""
        asked = request.args.get("lang", "")
        locale = asked if asked in services.pages.locales else browser_locale(services)
        html = services.pages.render("ui/demo.html", locale, root=_ROOT, whose="")
        return Response(html, 200, {"Content-Security-Policy": _POLICY}, mimetype="text/html")

    app.register_blueprint(pages)
