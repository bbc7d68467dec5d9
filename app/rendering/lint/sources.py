"""What a template's source shows, before it is rendered: how it escapes, what it links to, and which names it uses."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from jinja2 import TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables

from app.rendering.sandbox.sandbox import Sandbox

REMOTE = "remote"
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_QUOTED = re.compile(r"""\s[\w:-]+=(?:"[^"]*"|'[^']*')""")
_BARE_TAG = re.compile(r"<[a-zA-Z][a-zA-Z0-9]*\s*/?>")
_FILLED = "\ufffc"
_BARE_VALUE = re.compile(rf"(?<==){_FILLED}|(?<== ){_FILLED}")
_UNESCAPED = re.compile(r"\|\s*safe\b|\bMarkup\b|\bautoescape\b")
_REMOTE = re.compile(r"<(?:img|script|link|iframe|form|object|embed|svg)\b|\son\w+\s*=|url\(|@import", re.IGNORECASE)
_HREF = re.compile(r"""\b(?:href|src|action)\s*=\s*["']?([^"'>]*)""", re.IGNORECASE)
_GUARDED = re.compile(r"\{\{[^{}]*\|\s*safe_url\s*\}\}")
_TEXT_MACROS = re.compile(r"""\b(?:import|include|from)\s+["'][^"']*\.txt["']""")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong in one source, and in which line."""

    line: int
    kind: str
    message: str
    advice: str


def of_source(piece: str, source: str) -> Iterator[Finding]:
    """What is wrong with a template by the look of it; whose it is makes no difference."""
    yield from _each(_UNESCAPED, source, "unescaped", "turns escaping off", "let values be escaped")
    if not piece.endswith(".html"):
        return
    masked = _JINJA.sub(lambda found: _FILLED + "\n" * found[0].count("\n"), source)
    for tag in _TAG.finditer(masked):
        rest = _QUOTED.sub("", tag[0])
        if not _BARE_TAG.fullmatch(rest):
            where = _BARE_VALUE.search(masked, tag.start(), tag.end()) or tag
            message = "an attribute needs quotes around what is filled in"
            yield _at(masked, where, "unquoted", message, 'write name="{{ value }}"')
    yield from _each(
        _REMOTE,
        _COMMENT.sub("", source),
        "remote",
        "an element or a style that loads or runs something",
        "leave it out",
    )
    yield from _each(
        _TEXT_MACROS, source, "text macros", "macros of plain text escape nothing", "take those of _layout/parts.html"
    )
    for link in _HREF.finditer(source):
        if link[1].lstrip().startswith("{{") and not _GUARDED.fullmatch(link[1].strip()):
            yield _at(source, link, "link", "a link that an event brings needs |safe_url", "write {{ link|safe_url }}")


def of_names(
    environment: Sandbox, source: str, *, known: Collection[str], fields: Collection[str], type_: str
) -> Iterator[Finding]:
    """Names that no rendering gives, and fields of `data` that events of the type do not have."""
    try:
        tree = environment.parse(source)
        used = find_undeclared_variables(tree)
        inside = _set_in(tree) | _given_by_layouts(environment, tree)
    except TemplateSyntaxError as error:
        yield Finding(error.lineno, "syntax", error.message or "cannot be read", "mend it")
        return
    except TemplateNotFound as error:
        yield Finding(1, "syntax", f"there is no template {error.name}", "extend one of _layout/")
        return
    given = {*known, *environment.globals, *inside}
    for name in sorted(used - given):
        yield Finding(
            _line_of(source, name), "variable", f"the variable {name} is not defined", "see docs/templates.md"
        )
    for line, field in sorted(_fields(tree)):
        if field not in fields:
            named = ", ".join(sorted(fields)) or "none"
            advice = f"declared are {named}; others belong into the type's schema"
            yield Finding(line, "field", f"events of the type {type_} have no field {field}", advice)


def _given_by_layouts(environment: Sandbox, tree: nodes.Template) -> set[str]:
    """What a template's blocks see because the layouts that it extends import or set it."""
    given: set[str] = set()
    for extended in tree.find_all(nodes.Extends):
        if isinstance(extended.template, nodes.Const) and environment.loader is not None:
            source, _, _ = environment.loader.get_source(environment, extended.template.value)
            layout = environment.parse(source)
            given |= _set_in(layout) | _given_by_layouts(environment, layout)
    return given


def _set_in(tree: nodes.Template) -> set[str]:
    """What a template imports or sets itself: its blocks see it too."""
    sets = {one.target.name for one in tree.find_all(nodes.Assign) if isinstance(one.target, nodes.Name)}
    return sets | {one.target for one in tree.find_all(nodes.Import)}


def _fields(tree: nodes.Template) -> set[tuple[int, str]]:
    """The fields that are read of `data`, and in which line."""
    found = {(one.lineno, one.attr) for one in tree.find_all(nodes.Getattr) if _is_data(one.node)}
    for item in tree.find_all(nodes.Getitem):
        if _is_data(item.node) and isinstance(item.arg, nodes.Const) and isinstance(item.arg.value, str):
            found.add((item.lineno, item.arg.value))
    return found


def _is_data(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "data"


def _line_of(source: str, name: str) -> int:
    found = re.search(rf"\b{re.escape(name)}\b", source)
    return source.count("\n", 0, found.start()) + 1 if found else 1


def _each(pattern: re.Pattern[str], source: str, kind: str, message: str, advice: str) -> Iterator[Finding]:
    return (_at(source, found, kind, message, advice) for found in pattern.finditer(source))


def _at(source: str, found: re.Match[str], kind: str, message: str, advice: str) -> Finding:
    return Finding(source.count("\n", 0, found.start()) + 1, kind, message, advice)
