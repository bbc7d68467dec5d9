"""The only places a notification links to: pages under the public URL."""

import re
from functools import lru_cache
from urllib.parse import quote, urlsplit

VERIFY_PATH = "/ui/verify/"
UNSUBSCRIBE_PATH = "/unsubscribe/"
HIDDEN = "…"
"""Stands in stored text for what only the receiver of a mail may see."""
_NEVER_IN_A_LINK = re.compile(r"[\x00-\x20\x7f-\xa0\\\"'<>`{}|^\u2028\u2029\u202a-\u202e\u2066-\u2069\ufdd0\ufdd1]")
_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:[/?#]|$)", re.IGNORECASE)
_LONGEST = 2048
_PORTS = {"http": 80, "https": 443}


class Links:
    """Makes links under one public URL, and recognises them."""

    def __init__(self, public_url: str) -> None:
        self._base = public_url.rstrip("/")
        self._origin = _origin(self._base)
        self._path = urlsplit(self._base).path + "/"
        self._checked = lru_cache(maxsize=256)(self._check)

    @property
    def preferences(self) -> str:
        """Where a reader changes what they get."""
        return f"{self._base}/ui/preferences"

    @property
    def verification(self) -> str:
        """The page that confirms an address, without what opens it."""
        return f"{self._base}{VERIFY_PATH}{HIDDEN}"

    @property
    def unsubscription(self) -> str:
        """The page that turns off mails like the one it is in, without what opens it."""
        return f"{self._base}{UNSUBSCRIBE_PATH}{HIDDEN}"

    def about(self, subject: str | None) -> str:
        """The page of one job, resource or component: what was said about it; or all, if its name is endless."""
        history = f"{self._base}/ui/history"
        page = f"{history}?subject_key={quote(subject or '', safe='', errors='replace')}"
        return page if subject and len(page) <= _LONGEST else history

    def safe(self, url: object) -> str:
        """The URL if it is an http or https link under the public URL; else the empty string."""
        return self._checked(url) if isinstance(url, str) and len(url) <= _LONGEST else ""

    def _check(self, url: str) -> str:
        if _NEVER_IN_A_LINK.search(url) or _DOTS.search(url):
            return ""
        if _origin(url) != self._origin or self._origin is None:
            return ""
        return url if url == self._base or (urlsplit(url).path or "/").startswith(self._path) else ""


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port, or None for anything that is not a plain http or https URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]
