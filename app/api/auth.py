"""Who may do what. Every route is closed unless its view is marked open, and every closed one has to say for whom."""

import hmac
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from flask import Flask, Response, current_app, g, request

from app.api.context import services
from app.api.errors import Problem, not_found
from app.domain.ids import is_user_id
from app.services.identity import Principal
from app.services.sessions import Session

CSRF_HEADER = "X-CSRF-Token"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
View = TypeVar("View", bound=Callable[..., Any])


def opened_by_ticket(view: View) -> View:
    """Mark a view that a browser may also reach with `?ticket=`, since EventSource sends no headers."""
    view.opened_by_ticket = True  # type: ignore[attr-defined]
    return view


def open_to_all(view: View) -> View:
    """Mark a view, or a view class, that answers without a token."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def principal() -> Principal:
    """Who this request comes from. Only for closed routes."""
    who: Principal = g.principal
    return who


def session() -> Session | None:
    """The session that this request belongs to, if it came without a token; also for open routes."""
    if "Authorization" in request.headers:
        return None
    text = request.cookies.get(cookie_name())
    return services().sessions.recognise(text) if text else None


def cookie_name() -> str:
    """What the cookie of a session is called; browsers take the prefix as a promise, which only https can keep."""
    return "__Host-im2n_session" if services().settings.public_url.startswith("https://") else "im2n_session"


def require(scope: str) -> Principal:
    """Go on only for a key that has the scope; a user's token and other keys get 403."""
    who = principal()
    g.cleared = True
    if not who.may(scope):
        raise Problem(403, f"This needs a key with the scope {scope}.")
    return who


def require_any() -> Principal:
    """Go on for everybody who has a key or a token that works."""
    g.cleared = True
    return principal()


def require_user(user_id: str, scope: str) -> Principal:
    """Go on only for the user themselves or a key that has the scope.

    To another user, and for what can't be a user's id, the answer is 404, as if there were nothing.
    """
    who = principal()
    g.cleared = True
    if who.kind == "user" and who.id != user_id:
        not_found()
    if who.kind == "key" and not who.may(scope):
        raise Problem(403, f"This needs a key with the scope {scope}, or the user's own token.")
    if not is_user_id(user_id):
        not_found()
    return who


def is_open(app: Flask, endpoint: str) -> bool:
    """Whether the view of an endpoint answers without a token."""
    return _is_marked(app, endpoint, "open_to_all")


def still_allowed() -> Callable[[], bool]:
    """A question for later, when this request is over: does the token that it came with still work?

    A ticket is only asked for at the door, unless its holder is erased. The question raises DatabaseUnavailable.
    """
    identity, token = services().identity, _bearer()
    sessions, cookie = services().sessions, g.session
    if cookie is not None:
        return lambda: sessions.recognise(cookie.text) is not None
    if token is not None:
        return lambda: identity.authenticate(token) is not None
    who = principal()
    return lambda: not identity.is_erased(who)


def register(app: Flask) -> None:
    """Close the application's routes."""
    app.before_request(_identify)
    app.after_request(_check_that_somebody_asked)


def _identify() -> None:
    # Without a route the answer is 404 or 405 to everybody, token or not.
    if request.endpoint is None or is_open(current_app, request.endpoint):
        g.cleared = True
        return
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        # A browser asks for a page whether it may send the real request, and cannot send a token with that.
        g.cleared = True
        return
    who = _who(request.endpoint)
    if who is None:
        _refuse()
    g.principal = who
    # What a path can do is no secret, and Flask answers that by itself.
    g.cleared = request.method == "OPTIONS"


def _who(endpoint: str) -> Principal | None:
    g.session = None
    ticket = request.args.get("ticket")
    if ticket and "Authorization" not in request.headers and _is_marked(current_app, endpoint, "opened_by_ticket"):
        return services().identity.holder_of_ticket(ticket)
    token = _bearer()
    if token is not None:
        return services().identity.authenticate(token)
    current = g.session = session()
    if current is None:
        return None
    if request.method not in _READS:
        _check_csrf(current)
    return current.who


def _check_csrf(current: Session) -> None:
    # The browser adds the cookie to whatever any page sends; only our own pages can know this text.
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(errors="replace"), current.csrf_token.encode()):
        detail = f"With a session this needs the header {CSRF_HEADER}, with the csrf_token of `GET /ui/session`."
        raise Problem(403, detail)


def _bearer() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None


def _is_marked(app: Flask, endpoint: str, mark: str) -> bool:
    """Whether a view, or its class, was marked."""
    view: Any = app.view_functions[endpoint]
    return bool(getattr(view, mark, False) or getattr(getattr(view, "view_class", None), mark, False))


def _refuse() -> NoReturn:
    detail = "This needs `Authorization: Bearer` with a key or a token that works."
    raise Problem(401, detail, headers={"WWW-Authenticate": 'Bearer realm="notifications"'})


def _check_that_somebody_asked(response: Response) -> Response:
    # A net under the views: one that forgot to say whom it is for gives nothing away.
    if response.status_code < 400 and not g.get("cleared", False):
        raise RuntimeError(f"the view of {request.endpoint} let somebody pass without asking for a scope")
    return response
