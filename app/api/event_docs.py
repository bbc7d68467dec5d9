"""What is said about events in the documentation, made from the event types themselves."""

from collections.abc import Mapping
from typing import Any

from app.domain.events import EVENT_TYPES, EventType

_READER = "u-17"


def data_schema_name(type_: str) -> str:
    """The name under which the documentation has the data of a type: `job.failed` is JobFailedData."""
    return "".join(word.capitalize() for word in type_.split(".")) + "Data"


def data_schemas(types: Mapping[str, EventType]) -> dict[str, Any]:
    """The JSON Schema of each type's data, by its name in the documentation."""
    return {data_schema_name(type_.name): _data_schema(type_) for type_ in types.values()}


def event_rules(*, addressed: bool = True) -> dict[str, Any]:
    """What an event's type asks of its other fields, as keywords beside those of its fields.

    What is not addressed is only looked at: it has no recipients, and without data it is of the type's sample.
    """
    return {"allOf": [_rule(type_, addressed=addressed) for type_ in EVENT_TYPES.values()]}


def event_examples() -> dict[str, Any]:
    """An event of each type, as the `examples` of a body."""
    return {type_.name: {"summary": type_.name, "value": example_event(type_)} for type_ in EVENT_TYPES.values()}


def example_event(type_: EventType) -> dict[str, Any]:
    """An event of this type as a service would submit it."""
    return {"type": type_.name, **_for_whom(type_, [_READER]), "data": dict(type_.sample)}


def example_cloudevent(type_: EventType) -> dict[str, Any]:
    """The same in the envelope of CloudEvents."""
    return {
        "specversion": "1.0",
        "id": f"{type_.name}-1",
        "source": "/encoder",
        "type": type_.name,
        **_for_whom(type_, _READER),
        "data": dict(type_.sample),
    }


def _for_whom(type_: EventType, recipients: object) -> Mapping[str, Any]:
    return {} if type_.for_operators else {"recipients": recipients}


def _data_schema(type_: EventType) -> dict[str, Any]:
    rules = _data_rules(type_)
    return {"description": f"What {type_.name} carries.", **rules, "examples": [dict(type_.sample)]}


def _data_rules(type_: EventType) -> dict[str, Any]:
    return {name: rule for name, rule in type_.data_schema.items() if name != "$schema"}


def _rule(type_: EventType, *, addressed: bool) -> dict[str, Any]:
    asked = {} if type_.for_operators or not addressed else {"required": ["recipients"]}
    data = _data_rules(type_) if addressed else {"anyOf": [_data_rules(type_), {"type": "null"}]}
    return {
        "if": {"properties": {"type": {"const": type_.name}}, "required": ["type"]},
        "then": {"properties": {"data": data}, **asked},
    }
