"""Browsers of people: each has a session, and as many tabs as the test opens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.browser.faults import Faults
from tests.integration.product import Product

_HEIGHT = 900
PATIENCE_MS = 15_000
"""How long a page may take on a busy machine to show what it is to show."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What tells one browser from another."""

    user: str | None
    locale: str
    scheme: str
    width: int


class People:
    """Opens pages, and closes all of them in the end."""

    def __init__(self, browser: Any, product: Product, faults: Faults) -> None:
        self._browser = browser
        self._product = product
        self._faults = faults
        self._contexts: dict[_Kind, Any] = {}

    def page_for(
        self, user: str | None, path: str, *, locale: str = "en", scheme: str = "light", width: int = 1280
    ) -> Any:
        """A tab with the page at a path, signed in as a user, or, with None, with the admin's key.

        The same person with the same wishes has one browser, and a second page is another tab in it.
        """
        page = self._context(_Kind(user, locale, scheme, width)).new_page()
        page.goto(self._product.url + path)
        return page

    def token(self, user: str) -> str:
        """A fresh token of a user."""
        return str(self._product.call("POST", f"/users/{user}/token").json()["token"])

    def close(self) -> None:
        """Close every browser."""
        for context in self._contexts.values():
            context.close()

    def _context(self, kind: _Kind) -> Any:
        if kind not in self._contexts:
            self._contexts[kind] = self._opened(kind)
        return self._contexts[kind]

    def _opened(self, kind: _Kind) -> Any:
        context = self._browser.new_context(
            locale=kind.locale,
            color_scheme=kind.scheme,
            viewport={"width": kind.width, "height": _HEIGHT},
            timezone_id="Europe/Berlin",
        )
        context.set_default_timeout(PATIENCE_MS)
        self._faults.watch(context)
        token = self._product.admin_key if kind.user is None else self.token(kind.user)
        answer = context.request.post(f"{self._product.url}/ui/session", data={"token": token})
        assert answer.ok, answer.text()
        return context


PageFor = Callable[..., Any]
