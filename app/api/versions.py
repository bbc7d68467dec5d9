"""Documents that know their version: ETag on what is answered, If-Match on what is changed."""

from collections.abc import Collection

from flask import request

ETAG = {"ETag": {"description": "The version, for If-Match.", "required": True, "schema": {"type": "string"}}}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": "Change it only if it is at this version; without it, at any.",
    "schema": {"type": "string"},
    "example": '"4"',
}


def asked_versions() -> Collection[int] | None:
    """The versions that If-Match allows, or None when any will do."""
    tags = request.if_match
    if "If-Match" not in request.headers or tags.star_tag:
        return None
    # Proxies that compress weaken the tag; ours name a version all the same. Of W/"" Werkzeug makes None.
    return {int(tag) for tag in tags.as_set(include_weak=True) if tag and tag.isdecimal() and len(tag) < 10}
