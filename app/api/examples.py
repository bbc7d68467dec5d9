"""Examples, put together from those of the fields, so that every body in the documentation has one."""

from collections.abc import Mapping
from typing import Any

_BY_FORMAT = {"date-time": "2026-11-22T09:30:00Z"}
_BY_TYPE: Mapping[str, Any] = {"boolean": False, "integer": 0, "number": 0, "string": "…", "null": None}
_REF = "#/components/schemas/"


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A value as the schema describes it; `schemas` are those it may refer to."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].removeprefix(_REF)], schemas)
    if "examples" in schema:
        return schema["examples"][0]
    for choices in ("enum", "oneOf", "anyOf"):
        if choices in schema:
            first = schema[choices][0]
            return first if choices == "enum" else example_of(first, schemas)
    if "format" in schema:
        return _BY_FORMAT[schema["format"]]
    return _by_type(schema, schemas)


def _by_type(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    type_ = schema.get("type", "object")
    match type_[-1] if isinstance(type_, list) else type_:
        case "object":
            return {name: example_of(inner, schemas) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [example_of(schema["items"], schemas)]
        case simple:
            return _BY_TYPE[simple]
