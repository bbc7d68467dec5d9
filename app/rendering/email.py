"""The look of e-mail: mail programs want styles on each element, so classes are turned into style attributes.

This happens to the source of a template when it is loaded, not to every mail: our rules select by class alone, so what
an element looks like is known before its text is. Rules for dark mode and narrow screens cannot live in attributes;
they stay in a stylesheet in the head, and the classes stay for them.
"""

import re
from collections.abc import Callable
from pathlib import Path

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader

STYLESHEET = "_layout/mail.css"
_CLASS = re.compile(r'\bclass="([^"{}]+)"')
_STYLE = re.compile(r'\bstyle="([^"]*)"')


class MailStyles:
    """The stylesheet of our mails."""

    def __init__(self, css: str) -> None:
        # Without these two it would fetch stylesheets from anywhere and drop what is under @media.
        self._inliner = CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, extra_css=css)

    def inline(self, source: str) -> str:
        """The template's source with a style attribute beside each class attribute that has rules."""
        return _CLASS.sub(self._with_style, source)

    def _with_style(self, found: re.Match[str]) -> str:
        styled = _STYLE.search(self._inliner.inline(f'<div class="{found[1]}"></div>'))
        return f'{found[0]} style="{" ".join(styled[1].split())}"' if styled else found[0]


class StyledLoader(FileSystemLoader):
    """Loads templates from a folder; those that end in .html come with their styles inlined."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, followlinks=False)
        stylesheet = folder / STYLESHEET
        self._styles = MailStyles(stylesheet.read_text("utf-8")) if stylesheet.is_file() else None

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Raises jinja2.TemplateNotFound."""
        source, filename, up_to_date = super().get_source(environment, template)
        return self.styled(template, source), filename, up_to_date

    def styled(self, name: str, source: str) -> str:
        """The source of a template that may come from elsewhere, as this loader would give it."""
        return self._styles.inline(source) if self._styles and name.endswith(".html") else source
