"""The filters and tests that templates may use, each counting what it looks at and what it makes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

from jinja2.filters import FILTERS
from jinja2.tests import TESTS
from markupsafe import soft_str

from app.rendering.sandbox.meter import TEXTS, Meter, OutOfBounds
from app.rendering.sandbox.operations import MOST_RANGE, Operations

# Left out is what trusts a text (safe), makes links of it (urlize), takes other time than its length (striptags,
# wordwrap), or gives something else each time (random).
_OF_JINJA = (
    "abs batch capitalize center count d default dictsort e escape filesizeformat first float forceescape groupby"
    " indent int items join last length list lower map max min reject rejectattr replace reverse round select"
    " selectattr slice sort string sum title tojson trim truncate unique upper urlencode wordcount"
)
_MOST_DECIMALS = 100
_STEPS_OF_OURS = 10
"""Dates and numbers as the reader writes them take their time."""


def filters(meter: Meter, operations: Operations, ours: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """What stands behind a bar, by name: ours, and those of Jinja whose work is bounded."""
    look_first = _Looks(meter).by_name()
    known: dict[str, Callable[..., Any]] = {name: FILTERS[name] for name in _OF_JINJA.split()}
    guarded = {name: _guarded(meter, filter_, look_first.get(name)) for name, filter_ in known.items()}
    guarded |= {name: _guarded(meter, filter_, None, steps=_STEPS_OF_OURS) for name, filter_ in ours.items()}

    def filled(pattern: Any, *args: Any, **names: Any) -> Any:
        return operations.fill(soft_str(meter.weigh(pattern)), names or args)

    return {**guarded, "format": filled}


def tests(meter: Meter) -> dict[str, Any]:
    """What stands behind `is`, by name."""
    known: dict[str, Any] = dict(TESTS)
    return {name: _guarded(meter, test, None) for name, test in known.items()}


class _Looks:
    """What is looked at before a filter begins that makes much out of little."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def by_name(self) -> dict[str, Callable[..., None]]:
        return {
            "batch": self.count,
            "slice": self.count,
            "center": self.center,
            "indent": self.indent,
            "join": self.join,
            "replace": self.replace,
            "round": self.round,
            "tojson": self.tojson,
        }

    def count(self, _values: Any, count: int, _fill: Any = None) -> None:
        if not 0 < count <= MOST_RANGE:
            raise OutOfBounds(f"divides into more than {MOST_RANGE:,}")

    def center(self, _text: Any, width: int = 80) -> None:
        self._meter.make(width)

    def indent(self, text: Any, width: int | str = 4, *_more: Any, **_named: Any) -> None:
        lines = len(str(text).splitlines()) + 1
        self._meter.make(lines * (len(width) if isinstance(width, str) else max(width, 0)))

    def join(self, values: Any, between: Any = "", *_more: Any, **_named: Any) -> None:
        entries = len(values) if hasattr(values, "__len__") else MOST_RANGE
        self._meter.make(entries * len(str(between)))

    def replace(self, text: Any, old: Any, new: Any, *_more: Any, **_named: Any) -> None:
        self._meter.make(str(text).count(str(old)) * len(str(new)))

    def round(self, _number: Any, precision: int = 0, *_more: Any, **_named: Any) -> None:
        if abs(precision) > _MOST_DECIMALS:
            raise OutOfBounds(f"rounds to more than {_MOST_DECIMALS} decimals")

    def tojson(self, _value: Any, indent: object = None) -> None:
        if indent is not None:
            raise OutOfBounds("indents JSON")


def _guarded(
    meter: Meter, work: Callable[..., Any], look_first: Callable[..., None] | None, *, steps: int = 0
) -> Callable[..., Any]:
    # Some are handed the context, or the like, before what they work on.
    extra = 1 if hasattr(work, "jinja_pass_arg") else 0

    @wraps(work)
    def guard(*args: Any, **named: Any) -> Any:
        if steps:
            meter.spend(steps)
        for value in args[extra:]:
            meter.weigh(value)
        for value in named.values():
            meter.weigh(value)
        if look_first is not None:
            look_first(*args[extra:], **named)
        made = work(*args, **named)
        if type(made) in TEXTS or not isinstance(made, Iterator):
            return meter.weigh(made)
        return _counted(meter, made)

    return guard


def _counted(meter: Meter, values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        meter.spend(1)
        yield meter.weigh(value)
