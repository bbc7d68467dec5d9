"""Somebody else's site, with the inbox in a page: the three lines of docs/inbox.md under a policy without holes."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

_NONCE = "bm90IGZvciB1c2U"
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Encoder</title></head>
<body>
<main><h1>Encoder</h1>
<script type="module" src="{service}/static/im2-inbox.js"></script>
<im2-inbox id="inbox"></im2-inbox>
<script type="module" nonce="{nonce}">
document.getElementById('inbox').token = () => fetch('/my-im2-token?{query}').then((answer) => answer.text());
</script>
</main>
</body>
</html>"""


class Elsewhere:
    """The site. A context manager; `origin` is what it is called, and under `alias` it is another origin."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, name="elsewhere", daemon=True)
        self.origin = f"http://localhost:{self._server.server_port}"
        self.alias = f"http://127.0.0.1:{self._server.server_port}"
        self.service = ""
        """Where the scripts come from."""
        self.token: Callable[[str], str] = str
        """What the site's own server asks for a user's token."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def policy(self) -> str:
        """What docs/inbox.md asks for, and nothing else."""
        return (
            f"default-src 'none'; script-src {self.service} 'nonce-{_NONCE}'; connect-src 'self' {self.service}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
        )

    def answer(self, path: str) -> tuple[str, str]:
        """The type and the text of what is at a path."""
        parts = urlsplit(path)
        if parts.path == "/my-im2-token":
            return "text/plain", self.token(parse_qs(parts.query)["user"][0])
        return "text/html", _PAGE.format(service=self.service, nonce=_NONCE, query=parts.query)


def _handler(site: Elsewhere) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, text = site.answer(self.path)
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", site.policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
