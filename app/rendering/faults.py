"""What went wrong in a template and where, in words that quote nothing of the event."""

import re
from pathlib import Path
from traceback import walk_tb

from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError

from app.rendering.overrides.override import Override
from app.rendering.sandbox.meter import OutOfBounds
from app.rendering.sandbox.sandbox import Sandbox

_QUOTED = re.compile(r"'(\w+)'")


def fault(environment: Sandbox, path: str, error: Exception, own: Override | None) -> str:
    """What is wrong, with the template and the line: "job.failed/short.txt, line 3: the variable x is not defined".

    `path` is the template that was rendered, and `own` the operator's, if it is one of theirs. The message of the error
    itself may quote the event's data, so it is not passed on.
    """
    if isinstance(error, TemplateNotFound):
        return f"{path}: there is no template {error.name}"
    if isinstance(error, TemplateSyntaxError):
        return f"{error.name or path}, line {error.lineno}: {error.message}"
    place, source_line = _place(environment, path, error, own)
    if isinstance(error, UndefinedError):
        # A name that stands in the template's own line is the template's word, not the event's.
        names = [name for name in _QUOTED.findall(str(error)) if re.search(rf"\b{name}\b", source_line)]
        return f"{place}: the variable {names[-1]} is not defined" if names else f"{place}: a variable is not defined"
    return f"{place}: {_refusal(error)}"


def _refusal(error: Exception) -> str:
    """Why the sandbox ended it, or what it ended with."""
    if isinstance(error, OutOfBounds):
        return str(error)
    if isinstance(error, SecurityError):
        return "the sandbox does not allow this"
    if isinstance(error, RecursionError):
        return "calls itself, or nests, without end"
    return "TemplateError" if isinstance(error, TemplateError) else type(error).__name__


def _place(environment: Sandbox, path: str, error: Exception, own: Override | None) -> tuple[str, str]:
    """The innermost template line the error passed through, as "template, line n", and that line's text."""
    roots = getattr(environment.loader, "searchpath", [])
    for frame, line in reversed(list(walk_tb(error.__traceback__))):
        filename = frame.f_code.co_filename
        if own is not None and filename == path:
            return f"{path}, line {line}", _line(own.sources[path.rpartition("/")[2]], line)
        for root in roots:
            if filename.startswith(f"{root}/"):
                return f"{filename[len(root) + 1 :]}, line {line}", _line(Path(filename).read_text("utf-8"), line)
    return path, ""


def _line(source: str, number: int) -> str:
    lines = source.splitlines()
    return lines[number - 1] if 0 < number <= len(lines) else ""
