"""The description of the API: what the views say of themselves, completed by what follows from their routes.

A view says in its docstring what it does, by smorest's decorators what it takes and answers, and by `lets_in` for whom
it is. The rest is derived: its id, the errors it can end with, the form of its path's arguments, and an example of
every body. A view that is in none of smorest's blueprints is a page.
"""

import inspect
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask
from marshmallow import Schema, fields
from werkzeug.routing import Rule

from app.api import schemas
from app.api.auth import is_open
from app.api.blueprint import KEY, SESSION, TICKET, USER
from app.api.error_docs import error_name, error_responses
from app.api.event_docs import data_schemas
from app.api.examples import example_of
from app.api.parts import example_id
from app.api.strict_json import JSON, MERGE_PATCH
from app.domain.events import EVENT_TYPES, EventTypes
from app.domain.ids import USER_ID_FORM, Prefix, id_form
from app.rendering.overrides.override import ANY, worded_types
from channels.registry import channel_names

_ABOUT = """\
Services report what happens to `POST /events`; what became of it is in `GET /events/{event_id}`, and for people in
their history and inbox.

Every error is `application/problem+json` (RFC 9457) and names the fields that are wrong under `errors`, by location.
Unknown fields are refused. Times are RFC 3339 in UTC. Lists come in pages: the `next_cursor` of one is the `cursor` of
the next. How often a key may ask is limited; above that the answer is 429 with `Retry-After`.
"""
_SCHEMES = {
    KEY: {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of a service, `im2n_…`, with scopes: `events:write`, `users:read`, `users:write`, or"
        " `admin`, which includes all of them.",
    },
    USER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A user's token, by `POST /users/{user_id}/token`. It opens what is theirs for 15 minutes.",
    },
    TICKET: {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "For browsers, by `POST /inbox/{user_id}/ticket`. It opens that stream for 60 seconds.",
    },
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": "im2n_session",
        "description": "For pages, by `POST /ui/session`: it counts as the key or token it was made from. What changes"
        " something needs the header `X-CSRF-Token` too. By https the cookie is called `__Host-im2n_session`.",
    },
}
_PAGES = {"name": "pages", "description": "What people look at"}
_METHODS = ("get", "post", "put", "patch", "delete")
_ARGUMENT = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
# What smorest adds by itself says nothing: an error of any kind, and 422 for whatever has arguments.
_UNSAID = ({"$ref": "#/components/responses/DEFAULT_ERROR"}, {"$ref": "#/components/responses/UNPROCESSABLE_ENTITY"})


class _Converter(OpenAPIConverter):
    """Takes over the docstrings of schemas, and what marshmallow has no words for."""

    def schema2jsonschema(self, schema: Schema) -> dict[str, Any]:
        """A schema with its docstring and its `keywords`."""
        described: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        return {"description": inspect.getdoc(schema), **described, **getattr(schema, "keywords", {})}

    def field2property(self, field: fields.Field[Any]) -> dict[str, Any]:
        """A field with the `keywords` of its metadata."""
        return {**super().field2property(field), **field.metadata.get("keywords", {})}


class _Marshmallow(MarshmallowPlugin):
    Converter = _Converter


class Api(flask_smorest.Api):  # type: ignore[misc]  # smorest has no types
    """Routing and documentation; errors are answered by app.api.errors."""

    ERROR_SCHEMA = schemas.Problem

    def __init__(self, app: Flask) -> None:
        super().__init__(app, spec_kwargs={"marshmallow_plugin": _Marshmallow(), "info": {"description": _ABOUT}})

    def _register_error_handlers(self) -> None:
        pass

    def description(self, app: Flask, *, files: Collection[str], types: EventTypes) -> dict[str, Any]:
        """The OpenAPI document of all routes but those whose endpoints only serve files.

        Where it names the types that come along, it names those that an operator has added too.
        """
        document: dict[str, Any] = self.spec.to_dict()
        document["tags"].append(_PAGES)
        parts = document["components"]
        parts["schemas"] |= data_schemas(types)
        parts["responses"] = error_responses()
        parts["securitySchemes"] = _SCHEMES
        for rule in app.url_map.iter_rules():
            if rule.endpoint not in files:
                path = document["paths"].setdefault(_ARGUMENT.sub(r"{\1}", rule.rule), {})
                _describe(app, rule, path, parts["schemas"])
        _widen(document, [name for name in types if name not in EVENT_TYPES])
        return document


def _widen(part: Any, added: Sequence[str]) -> None:
    """Name added types wherever all of those are named that come along."""
    if isinstance(part, dict):
        if isinstance(part.get("enum"), list) and set(EVENT_TYPES) <= {*map(str, part["enum"])}:
            part["enum"] = [*part["enum"], *added]
        for value in part.values():
            _widen(value, added)
    elif isinstance(part, list):
        for value in part:
            _widen(value, added)


def _describe(app: Flask, rule: Rule, path: dict[str, Any], known: Mapping[str, Any]) -> None:
    """Complete what is said about a route, method by method."""
    view: Any = app.view_functions[rule.endpoint]
    if rule.arguments:
        path["parameters"] = [_argument(name, path) for name in _ARGUMENT.findall(rule.rule)]
    for method in _METHODS:
        if method.upper() in (rule.methods or ()):
            said = path.get(method) or _page(view, rule.arguments)
            operation = _Operation(method, said, rule.arguments, is_open(app, rule.endpoint), known)
            path[method] = {"operationId": _operation_id(method, view), **operation.completed()}


@dataclass(frozen=True)
class _Operation:
    """A method of a route: what it says of itself, and what is known about it and about schemas."""

    method: str
    said: Mapping[str, Any]
    arguments: Collection[str]
    is_open: bool
    known: Mapping[str, Any]

    def completed(self) -> dict[str, Any]:
        """All there is to say."""
        security = [] if self.is_open else self.said.get("security", [])
        description = [self.said.get("description"), _for_whom(security)]
        given: dict[str, Any] = {
            "parameters": [_without_null(parameter) for parameter in self.said.get("parameters", ())]
        }
        if "requestBody" in self.said:
            given["requestBody"] = self._body(self.said["requestBody"])
        return {
            "summary": self.said.get("summary", ""),
            "description": "\n\n".join(filter(None, description)),
            "tags": self.said["tags"],
            "security": security,
            **given,
            "responses": self._responses(),
        }

    def _responses(self) -> dict[str, Any]:
        derived = {str(status): {"$ref": f"#/components/responses/{error_name(status)}"} for status in self._errors()}
        own = {
            status: self._shown(answer) for status, answer in self.said["responses"].items() if answer not in _UNSAID
        }
        return dict(sorted((derived | own).items()))

    def _errors(self) -> Iterator[int]:
        """What it can end with, beside what it says itself."""
        parameters = self.said.get("parameters", ())
        if not self.is_open:
            yield from (401, 429)
        if not self.is_open or self.arguments:
            # Who asks, or what for, is looked up.
            yield 503
        if any(scopes for scheme in self.said.get("security", ()) for scopes in scheme.values()):
            yield 403
        if self.arguments:
            yield 404
        if "requestBody" in self.said:
            yield from (400, 413, 415)
        if "requestBody" in self.said or parameters:
            yield 422
        if any(parameter["name"] == "If-Match" for parameter in parameters):
            yield 412

    def _body(self, body: Mapping[str, Any]) -> dict[str, Any]:
        # What JSON may change, a merge patch may: see StrictParser.
        as_patch = {MERGE_PATCH: body["content"][JSON]} if self.method == "patch" else {}
        return self._shown({**body, "content": as_patch | body["content"]})

    def _shown(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A body with an example of each of its contents."""
        if "content" not in body:
            return dict(body)
        contents = {
            media_type: content
            if "example" in content or "examples" in content
            else {**content, "example": example_of(content["schema"], self.known)}
            for media_type, content in body["content"].items()
        }
        return {**body, "content": contents}


def _page(view: Any, arguments: Collection[str]) -> dict[str, Any]:
    """What a page says of itself."""
    summary, _, more = (inspect.getdoc(view) or "").partition("\n\n")
    content = {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>…"}}
    responses = {"200": {"description": "The page.", "content": content}}
    if arguments:
        responses["404"] = {"description": "A page that says that there is none.", "content": content}
    return {"summary": summary, "description": more, "tags": [_PAGES["name"]], "responses": responses}


def _for_whom(security: Collection[Mapping[str, list[str]]]) -> str:
    """Who gets in, as a sentence."""
    if not security:
        return "For everybody, without a token."
    doors = {scheme: scopes for either in security for scheme, scopes in either.items()}
    keys = [f"keys with the scope `{doors[KEY][0]}`" if doors[KEY] else "every key"] if KEY in doors else []
    users = ["users, who see what is theirs"] if USER in doors else []
    tickets = ["who has a ticket"] if TICKET in doors else []
    return f"For {', and for '.join(keys + users + tickets)}."


def _without_null(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter that is not given is absent, and never null."""
    schema = {name: value for name, value in parameter["schema"].items() if (name, value) != ("default", None)}
    if isinstance(schema.get("type"), list):
        [schema["type"]] = [type_ for type_ in schema["type"] if type_ != "null"]
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    return {**parameter, "schema": schema}


def _argument(name: str, path: Mapping[str, Any]) -> dict[str, Any]:
    """An argument of a path; of one that is not known here its route has to say more."""
    own: Mapping[str, Any] = next((one for one in path.get("parameters", ()) if one["name"] == name), {})
    about, form = _arguments().get(name, (own.get("description", ""), own.get("schema", {})))
    schema = {"type": "string", **form}
    return {"in": "path", "name": name, "required": True, **own, "description": about, "schema": schema}


def _arguments() -> dict[str, tuple[str, Mapping[str, Any]]]:
    """What is known about arguments of paths: what they are, and what they look like."""
    ids: Mapping[str, Prefix] = {"event": "evt", "notification": "ntf", "item": "itm", "key": "key"}
    return {
        "user_id": ("The user's id.", {"pattern": f"^{USER_ID_FORM}$", "examples": ["u-17"]}),
        "token": ("What the link of a mail ends with.", {"pattern": "^[A-Za-z0-9._-]+$", "examples": ["ntf_….…"]}),
        "channel": ("The channel's name.", {"enum": list(channel_names())}),
        "event_type": ("The type.", {"enum": list(worded_types(EVENT_TYPES))}),
        "on": (f"The channel's name, or `{ANY}` for every channel.", {"enum": [*channel_names(), ANY]}),
        "locale": (
            f"A language there are texts in, or `{ANY}` for every one.",
            {"pattern": "^(_any|[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*)$", "examples": ["de"]},
        ),
        **{
            f"{what}_id": (f"The {what}'s id.", {"pattern": f"^{id_form(prefix)}$", "examples": [example_id(prefix)]})
            for what, prefix in ids.items()
        },
    }


def _operation_id(method: str, view: Any) -> str:
    name: str = getattr(view, "view_class", view).__name__
    return method + "".join(word[:1].upper() + word[1:] for word in name.split("_"))
