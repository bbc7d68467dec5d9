"""The pages people sign in to: each is a frame in the reader's language, and fetches what it shows from the API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from app.bootstrap import Services
from app.domain.ids import is_user_id
from app.services.sessions import Session
from app.web import history_page, ops_page, preference_page
from app.web.plain_page import browser_locale

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# From a page to what PUBLIC_URL names, whatever a proxy has put before it.
_ROOT = "../"
_KEPT: Mapping[str, Callable[[str], bool]] = {"user": is_user_id, "lang": str.isascii}
"""What of a page's address goes along to the next one."""
_OF_A_PERSON = ("inbox", "preferences", "history")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Whose page is shown, in which language and on which clock."""

    user_id: str
    locale: str
    zone: str


def register(
    app: Flask, services: Services, open_to_all: Callable[[Any], Any], session: Callable[[], Session | None]
) -> None:
    """Add the pages, marked as open: who is not signed in gets a page that asks for it, at the same address."""
    pages = Blueprint("ui", __name__)
    shown = _Pages(services, session)

    @pages.get("/ui/")
    @open_to_all
    def home() -> AnyResponse:
        """Go on to the inbox."""
        return redirect("inbox")

    @pages.get("/ui/inbox")
    @open_to_all
    def inbox() -> Response:
        """Show a person's inbox, live."""
        return shown.page("inbox")

    @pages.get("/ui/preferences")
    @open_to_all
    def preferences() -> Response:
        """Let a person choose what they get, where and when."""
        return shown.page("preferences", lambda locale: preference_page.names(services, locale))

    @pages.get("/ui/history")
    @open_to_all
    def history() -> Response:
        """Show what became of a person's notifications, and why."""
        return shown.page("history", lambda locale: history_page.names(services, locale))

    @pages.get("/ui/ops")
    @open_to_all
    def ops() -> Response:
        """Show operators what goes on, and let them steer it."""
        return shown.page("ops", lambda locale: ops_page.names(services, locale))

    app.register_blueprint(pages)


class _Pages:
    """Renders a page for whoever asks."""

    def __init__(self, services: Services, session: Callable[[], Session | None]) -> None:
        self._services = services
        self._session = session

    def page(self, name: str, own: Callable[[str], Mapping[str, object]] = lambda _: {}) -> Response:
        """The page of that name, with its `own` names in a language; or one that says why not."""
        current = self._session()
        if current is None:
            url = self._services.settings.sign_in_url
            return self._answer("sign_in", self._locale(), sign_in_url=url and _coming_back(url))
        who = current.who
        is_operator = who.may("admin")
        known: dict[str, Any] = {"here": name, "csrf_token": current.csrf_token, "is_operator": is_operator}
        if name not in _OF_A_PERSON:
            if not is_operator:
                return self._answer("operators_only", self._locale(), user_id="", **known)
            locale = self._locale()
            return self._answer(name, locale, **{"user_id": "", **known, **own(locale)})
        asked = who.id if who.kind == "user" else request.args.get("user", "")
        if not (who.kind == "user" or who.may("users:read")) or not is_user_id(asked):
            may_read = who.may("users:read")
            return self._answer("whose", self._locale(), user_id="", asked=asked, may_read=may_read, **known)
        reader = self._reader(asked)
        is_own = who.kind == "user"
        locale = self._locale(reader.locale)
        return self._answer(name, locale, reader.zone, user_id=asked, is_own=is_own, **known, **own(locale))

    def _reader(self, user_id: str) -> _Reader:
        wishes = self._services.preferences.get(user_id).body
        return _Reader(user_id, wishes["locale"], wishes["timezone"])

    def _locale(self, own: str | None = None) -> str:
        """The language that is asked for by `?lang=`, else the reader's own, else the browser's."""
        asked = request.args.get("lang", "")
        if asked in self._services.pages.locales:
            return asked
        return own or browser_locale(self._services)

    def _answer(self, template: str, locale: str, zone: str = "UTC", **names: object) -> Response:
        kept = {key: value for key, value in request.args.items() if key in _KEPT and _KEPT[key](value)}
        given = {"root": _ROOT, "zone": zone, "whose": f"?{urlencode(kept)}" if kept else "", **names}
        html = self._services.pages.render(f"ui/{template}.html", locale, zone, **given)
        return Response(html, 200, {"Content-Security-Policy": _POLICY}, mimetype="text/html")


def _coming_back(url: str) -> str:
    """The page where people sign in, told where they want to go."""
    mark = "&" if "?" in url else "?"
    return f"{url}{mark}next={quote(request.full_path.rstrip('?'), safe='')}"
