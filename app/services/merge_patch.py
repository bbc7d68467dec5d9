"""JSON merge patches (RFC 7396)."""

from collections.abc import Mapping
from typing import Any


def merged(target: Any, patch: Any) -> Any:
    """The target changed by a merge patch (section 2); the target itself stays as it is."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def nulls_of(patch: Mapping[str, Any]) -> dict[str, Any]:
    """Of a patch only its nulls, and what they are in."""
    said = {
        name: nulls_of(value) if isinstance(value, Mapping) else None
        for name, value in patch.items()
        if value is None or isinstance(value, Mapping)
    }
    return {name: value for name, value in said.items() if value != {}}
