"""Blueprints whose bodies are read strictly, and what views say of themselves for the documentation."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import flask_smorest
from marshmallow import Schema
from webargs.flaskparser import FlaskParser

from app.api.error_docs import error_name
from app.api.errors import invalid
from app.api.strict_json import JSON, MERGE_PATCH, read_object
from app.domain import shapes

View = TypeVar("View", bound=Callable[..., Any])
KEY, USER, TICKET, SESSION = "service_key", "user_token", "stream_ticket", "session"


def takes(schema: type[Schema], examples: Mapping[str, Any] | None = None, *, optional: bool = False) -> dict[str, Any]:
    """The documentation of a body that the view reads itself; without examples, one is made of the schema's fields."""
    shown = {} if examples is None else {"examples": examples}
    return {"requestBody": {"required": not optional, "content": {JSON: {"schema": schema, **shown}}}}


def lets_in(scope: str | None = None, *, users: bool = False, tickets: bool = False) -> dict[str, Any]:
    """The documentation of whom a view lets in: keys with that scope (None: any key), and users to what is theirs."""
    also = (*(USER,) * users, *(TICKET,) * tickets, SESSION)
    return {"security": [{KEY: [scope] if scope else []}, *({scheme: []} for scheme in also)]}


class StrictParser(FlaskParser):
    """Hands schemas what the strict loader has read."""

    def load_json(self, req: Any, schema: Any) -> Any:
        """The body; whatever is wrong with it has ended the request before."""
        del schema
        return read_object(media_types=(JSON, MERGE_PATCH) if req.method == "PATCH" else (JSON,))

    def load_querystring(self, req: Any, schema: Any) -> Any:
        """The query, if no text in it would choke a database."""
        for name, value in req.args.items(multi=True):
            if unfit := shapes.faults([name, value]):
                invalid({"query": {name.replace("\0", ""): unfit}})
        return super().load_querystring(req, schema)


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # smorest has no types
    """A group of routes with their documentation."""

    ARGUMENTS_PARSER = StrictParser()

    def problem(self, status: int) -> Callable[[View], View]:
        """Document an error of the view that does not follow from its route: see app.api.openapi for those that do."""
        return self.alt_response(status, response=error_name(status))

    if TYPE_CHECKING:
        # What smorest leaves untyped: its decorators keep the type of what they decorate.
        route: Callable[..., Callable[[View], View]]
        doc: Callable[..., Callable[[View], View]]
        arguments: Callable[..., Callable[[View], View]]
        response: Callable[..., Callable[[View], View]]
        alt_response: Callable[..., Callable[[View], View]]
