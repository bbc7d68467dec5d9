"""Log entries as text: without secrets, without control characters, and readable on a terminal."""

import re
from collections.abc import Mapping

_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"""(://)[^\s/?#"'<>\\]+@"""), r"\1***@"),
    (re.compile(r"whsec_[A-Za-z0-9+/=_-]+"), "whsec_***"),
    (re.compile(r"im2n_[A-Za-z0-9_-]+"), "im2n_***"),
    (re.compile(r"""\b(Bearer|Basic|GenieKey)\s+[^\s"',;\\]{4,}""", re.IGNORECASE), r"\1 ***"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "***"),
    (re.compile(r"/services/T\w+/B\w+/\w+"), "/services/***"),
    (re.compile(r"/api/(v\d+/)?webhooks/\d+/[\w-]+"), "/api/webhooks/***"),
)
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
_FRONT = ("timestamp", "level", "component", "logger", "message", "traceback")
_LEVEL_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def redact(text: str) -> str:
    """The text without credentials: user info of URLs, our keys and secrets, tokens, and the paths of chat hooks."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def escape(text: str) -> str:
    """The text on one line, with every control character made visible."""
    return text.translate(_CONTROL)


def readable(entry: Mapping[str, object], *, colour: bool) -> str:
    """A log entry for people: time, level, message and fields on one line, a traceback indented below."""
    level = str(entry.get("level", "INFO"))
    fields = " ".join(
        f"{paint(name, '2', colour=colour)}={escape(str(value))}"
        for name, value in entry.items()
        if name not in _FRONT and value is not None
    )
    time = paint(_time_of_day(entry), "2", colour=colour)
    level = paint(level.ljust(8), _LEVEL_COLOURS.get(level, "0"), colour=colour)
    lines = [f"{time} {level} {escape(str(entry.get('message', '')))} {fields}".rstrip()]
    lines += [f"    {escape(line)}" for line in str(entry.get("traceback") or "").splitlines()]
    return "\n".join(lines)


def paint(text: str, code: str, *, colour: bool) -> str:
    """The text in the colour of an SGR code such as 32, or as it is."""
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def _time_of_day(entry: Mapping[str, object]) -> str:
    return str(entry.get("timestamp", ""))[11:19]
