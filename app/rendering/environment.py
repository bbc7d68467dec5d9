"""One sandboxed Jinja environment per language, made at its first use and kept, with its templates compiled."""

from collections.abc import Callable, Mapping
from gettext import NullTranslations
from pathlib import Path
from threading import Lock
from typing import Any

from jinja2 import Template, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from app.rendering.catalogues import Catalogues, runs_from_right
from app.rendering.email import StyledLoader
from app.rendering.overrides.override import Override
from app.rendering.sandbox.meter import Meter
from app.rendering.sandbox.operations import Operations
from app.rendering.sandbox.sandbox import Sandbox
from app.rendering.text import apart


class Environments:
    """The environments of one folder of templates. Safe to share between threads."""

    def __init__(self, templates: Path, catalogues: Catalogues, filters: Mapping[str, Callable[..., Any]]) -> None:
        self._folder = templates
        self._loader = StyledLoader(templates)
        self._catalogues = catalogues
        self._filters = filters
        self._made: dict[str, Sandbox] = {}
        self._lock = Lock()
        self.meter = Meter()

    def of(self, locale: str) -> Sandbox:
        """The environment that speaks a locale given by `Catalogues.resolve`."""
        found = self._made.get(locale)
        if found is not None:
            return found
        with self._lock:
            if locale not in self._made:
                self._made[locale] = self._make(locale)
            return self._made[locale]

    def source(self, name: str) -> str:
        """A template as it lies in the folder; empty when there is none."""
        file = self._folder / name
        return file.read_text("utf-8") if file.is_file() else ""

    def template(self, locale: str, type_: str, piece: str, override: Override | None) -> Template:
        """The template of a piece, of an operator's own if there is one.

        Raises jinja2.TemplateNotFound and TemplateSyntaxError.
        """
        environment = self.of(locale)
        if override is None or piece not in override.sources:
            return environment.get_template(f"{type_}/{piece}")
        found = override.compiled.get((locale, piece))
        if found is None:
            name = override.path(piece)
            code = environment.compile(self._loader.styled(name, override.sources[piece]), name, name)
            found = Template.from_code(environment, code, environment.make_globals(None))
            override.compiled[locale, piece] = found
        return found

    def _make(self, locale: str) -> Sandbox:
        environment = Sandbox(self._loader, self.meter, self._filters)
        environment.policies["ext.i18n.trimmed"] = True
        # Called "newstyle" by the extension: the functions fill in the variables themselves, escaped where that is due.
        environment.newstyle_gettext = True  # type: ignore[attr-defined]  # added by the extension
        environment.speak(
            _speech(self._catalogues.translations(locale), environment.operations, runs_from_right(locale))
        )
        return environment


def _speech(
    translations: NullTranslations, operations: Operations, runs_the_other_way: bool
) -> dict[str, Callable[..., str]]:
    """The functions behind `{% trans %}` and `_()`. Jinja's own ones give the same, in three calls instead of one."""

    def fill(eval_ctx: EvalContext, message: str, variables: Mapping[str, Any]) -> str:
        if runs_the_other_way:
            # A value that begins with a digit or a sign would pull the sentence apart. What is HTML sees to itself.
            variables = {
                name: apart(value)
                if type(value) is str or (not eval_ctx.autoescape and isinstance(value, str))
                else value
                for name, value in variables.items()
            }
        text = Markup(message) if eval_ctx.autoescape else message  # noqa: S704  # the catalogue's words, not the event's
        filled: str = operations.fill(text, variables) if "%" in message else text
        return filled

    @pass_eval_context
    def gettext(eval_ctx: EvalContext, message: str, /, **variables: Any) -> str:
        return fill(eval_ctx, translations.gettext(message), variables)

    @pass_eval_context
    def ngettext(eval_ctx: EvalContext, singular: str, plural: str, num: int, /, **variables: Any) -> str:
        return fill(eval_ctx, translations.ngettext(singular, plural, num), {"num": num, **variables})

    return {"_": gettext, "gettext": gettext, "ngettext": ngettext}
