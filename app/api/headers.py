"""Headers that every answer has."""

from flask import Flask, Response, request

from app.answer_headers import ALWAYS, ONLY_TLS


def register(app: Flask, *, public_url: str) -> None:
    """Add them to every answer that has not set them itself; HSTS only when the service is reached by https."""
    always_tls = public_url.startswith("https://")

    @app.after_request
    def add(response: Response) -> Response:
        wanted = {**ALWAYS, **ONLY_TLS} if always_tls or request.is_secure else ALWAYS
        for name, value in wanted.items():
            response.headers.setdefault(name, value)
        return response
