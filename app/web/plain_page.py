"""Pages without scripts: a few words, and perhaps a button."""

from flask import Response, request

from app.bootstrap import Services

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def plain_page(
    services: Services, name: str, status: int, locale: str, timezone: str = "UTC", **names: object
) -> Response:
    """The page of that name, in a language and with what its template asks for."""
    html = services.pages.render(name, locale, timezone, **names)
    return Response(html, status, {"Content-Security-Policy": _POLICY}, mimetype="text/html")


def browser_locale(services: Services) -> str:
    """The language the browser asks for, for pages that are about nobody we know."""
    default = services.settings.default_locale
    return request.accept_languages.best_match([default, *services.pages.locales], default)
