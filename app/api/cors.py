"""Which pages of other origins may use the API from a browser."""

from collections.abc import Collection

from flask import Flask
from flask_cors import CORS

_MAY_SEND = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "Last-Event-ID",
    "X-CSRF-Token",
)
_MAY_READ = ("ETag", "Location", "Idempotency-Replayed", "Retry-After", "Content-Disposition")


def register(app: Flask, origins: Collection[str]) -> None:
    """Let pages of these origins in, all of them for `*`; tokens travel in a header, so cookies are never asked for."""
    if origins:
        CORS(
            app,
            origins="*" if "*" in origins else list(origins),
            allow_headers=list(_MAY_SEND),
            expose_headers=list(_MAY_READ),
            methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            max_age=600,
        )
