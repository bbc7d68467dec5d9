"""The page behind the link at the end of a mail: looking at it changes nothing, its button turns such mails off.

Mail programs send the same POST by themselves when their own button is pressed (RFC 8058): without a login, and what
they send is not more than what the link says already.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response

from app.bootstrap import Services
from app.rendering.event_names import EVERYTHING
from app.rendering.links import UNSUBSCRIBE_PATH
from app.services.unsubscribing import Offer
from app.web.plain_page import browser_locale, plain_page

# From the page to what PUBLIC_URL names, whatever a proxy has put before it.
_ROOT = "../"


def register(app: Flask, services: Services, open_to_all: Callable[[Any], Any]) -> None:
    """Add the page, marked as open: the link itself is the proof."""
    pages = Blueprint("unsubscribe", __name__)

    def page(name: str, status: int, offer: Offer | None) -> Response:
        names = {"root": _ROOT, "preferences": f"{_ROOT}ui/preferences"}
        if offer is None:
            # Whose link it was is nobody's business, so the page speaks the browser's language.
            return plain_page(services, name, status, browser_locale(services), **names)
        topic = EVERYTHING if offer.type is None else services.pages.event_name(offer.type, offer.locale)
        return plain_page(services, name, status, offer.locale, topic=topic, **names)

    @pages.get(f"{UNSUBSCRIBE_PATH}<string:token>")
    @open_to_all
    def ask_to_unsubscribe(token: str) -> Response:
        """Ask whether e-mails like the one with this link shall be turned off. Looking at it changes nothing."""
        offer = services.unsubscribing.offer(token)
        if offer is None:
            return page("unsubscribe_gone.html", 404, None)
        if offer.is_locked:
            return page("unsubscribe_locked.html", 200, offer)
        return page("unsubscribe_done.html" if offer.is_off else "unsubscribe_ask.html", 200, offer)

    @pages.post(f"{UNSUBSCRIBE_PATH}<string:token>")
    @open_to_all
    def unsubscribe(token: str) -> Response:
        """Turn off e-mails like the one with this link (RFC 8058, one click); 409 if they cannot be."""
        offer = services.unsubscribing.leave(token)
        if offer is None:
            return page("unsubscribe_gone.html", 404, None)
        if offer.is_locked:
            return page("unsubscribe_locked.html", 409, offer)
        return page("unsubscribe_done.html", 200, offer)

    app.register_blueprint(pages)
