"""Bodies that hold many: each entry is looked at by itself, and a wrong one holds up no other."""

from collections.abc import Collection, Sequence
from typing import Any

from app.api.errors import invalid
from app.domain.json_text import Fault
from app.services.intake import MOST_IN_BATCH


def read_entries(
    document: object, found: Sequence[Fault], name: str, *, beside: Collection[str] = ()
) -> tuple[list[Any], dict[int, dict[str, Any]]]:
    """The entries under that name, and by index what is wrong with those that could not be read.

    `beside` are the other fields that the body may have. Raises Problem 422.
    """
    refused: dict[int, dict[str, Any]] = {}
    outside: dict[str, list[str]] = {}
    for fault in found:
        match fault.path:
            case (there, int(index), *inner) if there == name:
                field = str(inner[0]) if inner else "_schema"
                refused.setdefault(index, {}).setdefault(field, []).append(fault.why)
            case path:
                outside.setdefault(str(path[0]) if path else "_schema", []).append(fault.why)
    if not outside and not isinstance(document, dict):
        outside["_schema"] = ["Must be an object."]
    if isinstance(document, dict):
        outside |= {
            field: ["Unknown field."] for field in document if field not in {name, *beside} and field not in outside
        }
        given = document.get(name)
        if name not in outside and not (isinstance(given, list) and 1 <= len(given) <= MOST_IN_BATCH):
            outside[name] = [f"Must be a list of 1 to {MOST_IN_BATCH} {name}."]
    if outside or not isinstance(document, dict):
        invalid({"json": outside})
    return document[name], refused
