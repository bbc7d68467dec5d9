"""Which JSON values are fit to be kept: nothing too deep, and no text a database or a receiver would choke on."""

import math
from collections.abc import Iterator

MOST_DEPTH = 8
MOST_DATA_BYTES = 64 * 1024
_LARGEST_INTEGER = 2**63 - 1


def faults(value: object, depth: int = MOST_DEPTH) -> list[str]:
    """What makes a JSON value unfit; empty when it is fine. `depth` is how many levels of nesting it may have."""
    return sorted(set(_faults(value, depth)))


def _faults(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield from _text_faults(value)
    elif isinstance(value, float) and not math.isfinite(value):
        yield "NaN and Infinity are not JSON numbers."
    elif isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        yield "Integers must fit into 64 bits."
    elif isinstance(value, dict | list):
        if depth == 0:
            yield f"Nested deeper than {MOST_DEPTH} levels."
            return
        if isinstance(value, dict):
            for name in value:
                yield from _text_faults(name) if isinstance(name, str) else ("Names must be strings.",)
        for item in value.values() if isinstance(value, dict) else value:
            yield from _faults(item, depth - 1)
    elif not (value is None or isinstance(value, bool | int | float)):
        yield "Is no value of JSON."


def _text_faults(text: str) -> Iterator[str]:
    if "\x00" in text:
        yield "Text must not contain NUL."
    if any("\ud800" <= character <= "\udfff" for character in text):
        yield "Text must not contain lone surrogates."
