"""JSON texts, read strictly: one meaning for each, and nothing that fails only further in.

What Python's loader lets through and this one refuses: repeated names, NaN and infinities, numbers that overflow,
NUL and lone surrogates, and documents deep enough to exhaust the stack.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from app.domain import shapes

# An object around its fields: what is in a field may be as deep as an event's data.
_ENVELOPE = shapes.MOST_DEPTH + 1
_TOO_DEEP = f"Nested deeper than {shapes.MOST_DEPTH} levels."
_TROUBLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class NotJson(ValueError):
    """The text is no JSON; the message, a sentence without its beginning, says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A value that could not be taken over, and where it is: names and positions from the outside in."""

    path: tuple[str | int, ...]
    why: str


def parse(body: bytes) -> tuple[Any, list[Fault]]:
    """A JSON text as a value, and what of it could not be taken over. Raises NotJson."""
    try:
        text = body.decode()
        try:
            return _QUICK.decode(text), []
        except _Odd:
            document = _THOROUGH.decode(text)
            return document, _unreadable(document)
    except UnicodeDecodeError:
        raise NotJson("is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        return None, [Fault((), _TOO_DEEP)]


def read_object(body: bytes) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """An object in which every value is fit to be kept, and by field what is wrong if it is none. Raises NotJson."""
    document, found = parse(body)
    errors: dict[str, list[str]] = {}
    for fault in found:
        errors.setdefault(str(fault.path[0]) if fault.path else "_schema", []).append(fault.why)
    if not errors and not isinstance(document, dict):
        errors["_schema"] = ["Must be an object."]
    if not errors and _needs_a_look(body):
        errors = {name: unfit for name, value in document.items() if (unfit := shapes.faults({name: value}, _ENVELOPE))}
    return ({} if errors else dict(document)), errors


def _needs_a_look(body: bytes) -> bool:
    # A document can't be deeper than it has brackets, and NUL and surrogates pass the decoder only as escapes.
    return body.count(b"{") + body.count(b"[") > _ENVELOPE or _TROUBLE.search(body) is not None


class _Odd(Exception):
    """The quick decoder met something that has to be looked at closely."""


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Stands in a document where a value could not be taken over."""

    why: str


def _unreadable(document: object) -> list[Fault]:
    # A stack of our own: the depth of what a stranger sends must not be the depth of our calls.
    found: list[Fault] = []
    waiting: list[tuple[tuple[str | int, ...], object]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _Unreadable):
            found.append(Fault(path, value.why))
        elif isinstance(value, dict):
            waiting.extend(((*path, name), inner) for name, inner in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, place), inner) for place, inner in enumerate(value))
    return found


def _decoder(refuse: Callable[[str], Any]) -> json.JSONDecoder:
    """A decoder that asks `refuse` what to put where a value can't be taken over."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(found)
        if len(value) != len(found):
            seen: set[str] = set()
            for name, _ in found:
                if name in seen:
                    value[name] = refuse("Given more than once.")
                seen.add(name)
        return value

    def integer(digits: str) -> Any:
        if len(digits) < 19:
            return int(digits)
        # Reading thousands of digits is slow, and Python refuses it beyond 4,300.
        unfit = shapes.faults(int(digits)) if len(digits) < 22 else ["Integers must fit into 64 bits."]
        return refuse(unfit[0]) if unfit else int(digits)

    def fraction(digits: str) -> Any:
        number = float(digits)
        return number if math.isfinite(number) else refuse("Too large for a number.")

    def constant(_name: str) -> Any:
        return refuse("NaN and Infinity are not JSON numbers.")

    return json.JSONDecoder(object_pairs_hook=pairs, parse_int=integer, parse_float=fraction, parse_constant=constant)


def _give_up(_why: str) -> NoReturn:
    raise _Odd


_QUICK = _decoder(_give_up)
_THOROUGH = _decoder(_Unreadable)
