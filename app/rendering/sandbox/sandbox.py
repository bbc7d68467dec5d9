"""The environment templates run in: they see what they are handed, change nothing, and come to an end."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Template, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext, Macro, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from app.rendering.filters import Reader
from app.rendering.sandbox import filters
from app.rendering.sandbox.code import CountedCode
from app.rendering.sandbox.meter import Meter
from app.rendering.sandbox.operations import Operations, limited_range

_METHODS = (
    "capitalize casefold count endswith find get index isalnum isalpha isdecimal isdigit isnumeric isspace items keys"
    " lower lstrip partition removeprefix removesuffix rfind rpartition rsplit rstrip split splitlines startswith"
    " strip swapcase title upper values date isoformat isoweekday time timestamp total_seconds weekday"
)
"""What can be called on texts, lists, objects and times: nothing that makes much out of little."""
_OWNERS = (LoopContext, Reader)
_FEW = 8
_OF_DICTS = frozenset(dir(dict))
_MOST_KEPT = 1_000
_BOUND = (MethodType, BuiltinMethodType)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, bounded in time and memory by a meter.

    A template that does too much is stopped from inside, in the thread it runs in: that is the only way to stop one
    without ending the process.
    """

    code_generator_class = CountedCode
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, loader: BaseLoader, meter: Meter, ours: Mapping[str, Callable[..., Any]]) -> None:
        """`ours` are filters."""
        self.meter = meter
        super().__init__(
            loader=loader,
            undefined=StrictUndefined,
            autoescape=lambda name: name is not None and name.endswith(".html"),
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
            finalize=meter.weigh,
        )
        self.operations = Operations(meter)
        self.binop_table |= {
            "+": self.operations.add,
            "*": self.operations.multiply,
            "**": self.operations.power,
            "%": self.operations.remainder,
        }
        self.filters = filters.filters(meter, self.operations, ours)
        self.tests = filters.tests(meter)
        self.globals = {"range": limited_range, "dict": dict, "namespace": Namespace}
        self.concat = self._joined  # type: ignore[method-assign]  # what macros and blocks are put together with
        self._methods = frozenset(_METHODS.split())
        self._open: dict[tuple[type, str], bool] = {}
        self._loaded: dict[str, Template] = {}
        self._speech: frozenset[Callable[..., str]] = frozenset()

    def speak(self, functions: Mapping[str, Callable[..., str]]) -> None:
        """Let templates call these, which say things in the reader's language; each takes an EvalContext first."""
        self.globals.update(functions)
        self._speech = frozenset(functions.values())

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """What every template sees, as one plain dict: each rendering copies it, and nothing adds to it later."""
        return {**self.globals, **d} if d else self.globals

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002  # Jinja's name
    ) -> Template:
        """The template of that name, kept once it is read. Raises TemplateNotFound and TemplateSyntaxError."""
        if type(name) is not str or globals:
            return super().get_template(name, parent, globals)
        found = self._loaded.get(name)
        if found is None:
            found = self._loaded[name] = super().get_template(name, parent)
        return found

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What stands behind a dot; the usual is found on a short way that Jinja's own would end at too."""
        if type(obj) is dict:
            if attribute in obj and attribute not in _OF_DICTS:
                return obj[attribute]
        elif (
            (value := getattr(obj, attribute, None)) is not None
            and not isinstance(value, _BOUND)
            and self.is_safe_attribute(obj, attribute, value)
        ):
            return value
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may see this; it depends on the type of the object alone, and so is asked once of each."""
        key = type(obj), attr
        found = self._open.get(key)
        if found is None:
            found = super().is_safe_attribute(obj, attr, value)
            if len(self._open) < _MOST_KEPT:
                self._open[key] = found
        return found

    def is_safe_callable(self, obj: Any) -> bool:
        """Whether a template may call this: functions and macros, and of what belongs to a value only some."""
        owner = getattr(obj, "__self__", None)
        return (
            owner is None
            or owner is self
            or isinstance(owner, _OWNERS)
            or getattr(obj, "__name__", "") in self._methods
        )

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """What a template gets for a text's `format`, whose widths nobody counts: the filter of that name is there."""
        return None if super().wrap_str_format(value) is None else _refuse

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063  # Jinja's
        """Call what a template calls."""
        if len(args) > _FEW:
            __self.meter.spend(len(args))
        kind = type(__obj)
        if kind is Macro or (kind is FunctionType and __obj in __self._speech):
            # All that these are handed beside their arguments is whether to escape.
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return __obj(__context.eval_ctx, *args, **kwargs)
        owner = getattr(__obj, "__self__", None)
        if owner is None:
            return __context.call(__obj, *args, **kwargs)
        if owner is not __self:
            for value in (owner, *args):
                __self.meter.weigh(value)
        return __self.meter.weigh(super().call(__context, __obj, *args, **kwargs))

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        """The same, one step each."""
        for value in values:
            self.meter.spend(1)
            yield value

    @pass_eval_context
    def chain(self, eval_ctx: EvalContext, *parts: Any) -> str:
        """What stands between `~`, as one text."""
        for part in parts:
            self.meter.weigh(part)
        return markup_join(parts) if eval_ctx.autoescape else str_join(parts)

    def _joined(self, pieces: Iterable[str]) -> str:
        kept = list(pieces)
        self.meter.make(sum(map(len, kept)))
        return "".join(kept)


def _refuse(*_args: Any, **_named: Any) -> str:
    raise SecurityError("format is a filter here")
