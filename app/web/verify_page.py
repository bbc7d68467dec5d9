"""The page behind the link in a verification mail: looking at it changes nothing, its button confirms the address.

Mail programs and scanners open links by themselves; only a POST is somebody's decision.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response

from app.bootstrap import Services
from app.rendering.links import VERIFY_PATH
from app.services.verification import Question
from app.web.plain_page import browser_locale, plain_page

# From the page to what PUBLIC_URL names, whatever a proxy has put before it.
_ROOT = "../../"


def register(app: Flask, services: Services, open_to_all: Callable[[Any], Any]) -> None:
    """Add the page, marked as open: the link itself is the proof."""
    pages = Blueprint("verify", __name__)

    def page(name: str, status: int, question: Question | None) -> Response:
        if question is None:
            # Whose link it was is nobody's business, so the page speaks the browser's language.
            return plain_page(services, name, status, browser_locale(services), root=_ROOT)
        return plain_page(
            services,
            name,
            status,
            question.locale,
            question.timezone,
            root=_ROOT,
            address=question.address,
            until=question.until,
        )

    @pages.get(f"{VERIFY_PATH}<string:token>")
    @open_to_all
    def verify_address(token: str) -> Response:
        """Ask whether notifications may go to this address. Looking at it changes nothing."""
        question = services.verification.question(token)
        if question is None:
            return page("verify_gone.html", 404, None)
        return page("verify_done.html" if question.verified else "verify_ask.html", 200, question)

    @pages.post(f"{VERIFY_PATH}<string:token>")
    @open_to_all
    def confirm_address(token: str) -> Response:
        """Let notifications go to this address."""
        question = services.verification.question(token)
        if question is None or not services.preferences.verify(
            question.user_id, question.channel, question.contact, actor=f"link:{question.notification_id}"
        ):
            return page("verify_gone.html", 404, None)
        return page("verify_done.html", 200, question)

    app.register_blueprint(pages)
