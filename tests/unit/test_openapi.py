"""The description of the API is complete: a route that lacks anything fails here, by its name."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.api.answers import dumps
from app.domain.events import EVENT_TYPES
from tests.fakes.product import Product
from tests.unit.test_api_access import ADMIN_KEY, ANYBODY, OPEN, ROWS, path_of, routes

PROBLEM = "application/problem+json"
FILES = {"GET /docs/<name>", "GET /static/<path:filename>", "GET /ui/words/inbox/<locale>.json"}
METHODS = {"get", "post", "put", "patch", "delete"}
WAITING = {"429", "503"}
BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/tests", "ce-type": "job.failed", "ce-recipients": "u-1"}


@dataclass(frozen=True)
class Operation:
    """One of the document's operations, its references resolved as far as its parts."""

    name: str
    said: Mapping[str, Any]
    arguments: list[Mapping[str, Any]]
    responses: Mapping[str, Mapping[str, Any]]

    def bodies(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Where it has a body, its media type and what is said of it."""
        for media_type, content in self.said.get("requestBody", {}).get("content", {}).items():
            yield f"{self.name} takes {media_type}", media_type, content
        for status, response in self.responses.items():
            for media_type, content in response.get("content", {}).items():
                yield f"{self.name} answers {status} {media_type}", media_type, content


@pytest.fixture(scope="module")
def product(shared_product):
    return shared_product


@pytest.fixture(scope="module")
def document(product) -> dict[str, Any]:
    return dict(product.call("GET", "/openapi.json", None).json)


@pytest.fixture(scope="module")
def operations(document) -> list[Operation]:
    parts = document["components"]["responses"]
    return [
        Operation(
            f"{method.upper()} {path}",
            said,
            item.get("parameters", []),
            {
                status: parts[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
                for status, response in said["responses"].items()
            },
        )
        for path, item in document["paths"].items()
        for method, said in item.items()
        if method in METHODS
    ]


def route_of(name: str) -> str:
    """An operation, or its path, in the words of Flask."""
    return re.sub(r"\{(\w+)\}", r"<\1>", name)


def examples(content: Mapping[str, Any]) -> list[Any]:
    several = [example["value"] for example in content.get("examples", {}).values()]
    return several or [content["example"]]


def test_it_is_an_openapi_document(document):
    assert document["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_route_is_in_it_but_the_files_of_pages(product, operations):
    assert {route_of(operation.name) for operation in operations} == routes(product) - FILES


def test_every_operation_says_what_it_is(document, operations):
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    lacking = [
        f"{operation.name}: {word}"
        for operation in operations
        for word in ("operationId", "summary", "description", "tags", "responses")
        if not operation.said.get(word)
    ]
    assert lacking == []
    ids = [operation.said["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    assert {tag for operation in operations for tag in operation.said["tags"]} == tags


def test_every_operation_says_for_whom_it_is(operations):
    """As the table of all routes has it, which is checked against the routes themselves."""
    said = {operation.name: operation.said.get("security") for operation in operations}
    assert said == {operation.name: security(operation.name) for operation in operations}


def security(name: str) -> list[dict[str, list[str]]]:
    row = ROWS[route_of(name)]
    if row.needs == OPEN:
        return []
    users = [{"user_token": []}] if row.users or row.needs == ANYBODY else []
    tickets = [{"stream_ticket": []}] if name.endswith("/stream") else []
    return [{"service_key": [] if row.needs == ANYBODY else [row.needs]}, *users, *tickets, {"session": []}]


def test_every_operation_says_how_it_may_end(operations):
    for operation in operations:
        row, expected = ROWS[route_of(operation.name)], set()
        if row.needs != OPEN:
            expected |= {"401", "429"}
        if row.needs != OPEN or operation.arguments:
            expected |= {"503"}
        if row.needs not in (OPEN, ANYBODY):
            expected |= {"403"}
        if operation.arguments:
            expected |= {"404"}
        if row.body is not None:
            expected |= {"400", "413", "415", "422"}
        if any(one["in"] == "query" for one in operation.said.get("parameters", [])):
            expected |= {"422"}
        assert expected <= set(operation.responses), operation.name
        assert [status for status in operation.responses if status.startswith("2")], operation.name
        assert ("requestBody" in operation.said) is (row.body is not None), operation.name


def test_every_error_is_a_problem_and_says_how_to_go_on(operations):
    for operation in operations:
        for status, response in operation.responses.items():
            assert response["description"], (operation.name, status)
            if status.startswith("2") or operation.name == "GET /health":
                continue
            is_page = status == "404" and operation.said["tags"] == ["pages"]
            assert set(response["content"]) == {"text/html" if is_page else PROBLEM}, (operation.name, status)
            headers = {name for name, header in response.get("headers", {}).items() if header["required"]}
            assert ("Retry-After" in headers) is (status in WAITING), (operation.name, status)
            assert ("WWW-Authenticate" in headers) is (status == "401"), (operation.name, status)


def test_every_parameter_says_what_it_looks_like(operations):
    loose = [
        (operation.name, parameter["name"])
        for operation in operations
        for parameter in (*operation.arguments, *operation.said.get("parameters", []))
        if not ({"pattern", "enum", "format", "minimum", "$ref"} & set(parameter["schema"]) or is_any_text(parameter))
    ]
    assert loose == []
    assert all(argument["description"] for operation in operations for argument in operation.arguments)


def is_any_text(parameter: Mapping[str, Any]) -> bool:
    return parameter["in"] != "path" and parameter["schema"] == {**parameter["schema"], "type": "string"}


def test_every_body_has_examples_that_fit(document, operations):
    wrong = []
    for operation in operations:
        for where, _, content in operation.bodies():
            schema = {**content["schema"], "components": document["components"]}
            check = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
            for example in examples(content):
                wrong += [f"{where}: {error.message[:200]}" for error in check.iter_errors(example)]
                wrong += [f"{where}: nothing to see in {example}"[:200] for text in texts(example) if text == "…"]
    assert wrong == []


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for inner in value:
                yield from texts(inner)
        case dict():
            for inner in value.values():
                yield from texts(inner)


def test_every_type_of_event_is_shown_in_every_door(operations):
    for operation in operations:
        if operation.name not in {"POST /events", "POST /events/batch", "POST /events/explain"}:
            continue
        for where, _, content in operation.bodies():
            if " takes " in where:
                shown = list(types_in(examples(content)))
                assert set(shown) == set(EVENT_TYPES), where


def types_in(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else value.get("events", [value]):
        if isinstance(one, list) or "events" in one:
            yield from types_in(one)
        elif "type" in one:
            yield one["type"]


def test_every_example_of_a_request_is_taken(product: Product, operations):
    for operation in operations:
        method, path = operation.name.split()
        for where, media_type, content in operation.bodies():
            if " takes " not in where:
                continue
            for name, example in content.get("examples", {"": {"value": content.get("example")}}).items():
                target = path_of(route_of(path), product, ADMIN_KEY)
                headers = {"Content-Type": media_type, **(BINARY if name == "binary" else {})}
                value = {"token": ADMIN_KEY} if path == "/ui/session" else example["value"]
                answer = product.call(method, target, headers=headers, data=dumps(value))
                assert answer.status_code < 300, (where, name, answer.json)
                assert not (answer.json or {}).get("rejected"), (where, name, answer.json)
