"""Headers that every answer has, whichever part of a process writes it."""

from collections.abc import Mapping

ALWAYS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The pages that people see set a policy and a lifetime of their own before this one is looked at.
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
ONLY_TLS: Mapping[str, str] = {"Strict-Transport-Security": "max-age=31536000"}
PROBLEM = "application/problem+json"
"""The media type of errors (RFC 9457)."""
