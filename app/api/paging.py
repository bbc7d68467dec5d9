"""What every list can be asked: how many entries, and from where on."""

from marshmallow import Schema, fields, validate

from app.api.parts import words
from app.services.paging import DEFAULT_LIMIT, MOST


def next_cursor() -> fields.String:
    """Where the next page begins, as every page of a list says it."""
    return words("aGlzdG9yeTpudGZfMDE5NGQ3YTI", about="null on the last page.", allow_none=True)


class PageQuery(Schema):
    """The page that is asked for."""

    limit = fields.Integer(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(1, MOST, error="Must be from {min} to {max}."),
        metadata={"description": "How many entries at most."},
    )
    cursor = fields.String(
        load_default=None, metadata={"description": "The next_cursor of the page before; absent for the first page."}
    )
