"""Plain text made safe to show: no control characters, no reordering of what the reader sees, no endless lines."""

import re
from unicodedata import bidirectional

# Controls (but tab and newline), lone surrogates, and the marks that make text run the other way round (bidi
# embeddings, overrides, isolates): a name holding them could make "gpj.exe" out of "exe.jpg".
_UNSEEN = "\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
_IN_TEXT = re.compile(f"[{_UNSEEN}]")
_IN_LINE = re.compile(f"[{_UNSEEN}\u200e\u200f\u061c]")
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_MANY_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")
ELLIPSIS = "…"
# Noncharacters, which no text that is exchanged may hold. They stand for isolates until all else is clean.
_BEGIN, _END = "\ufdd0", "\ufdd1"
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_MARKS = re.compile(f"[{_BEGIN}{_END}]")
# What clean text may hold although Python calls it not printable: blanks that do not break, and direction marks.
_NOT_PRINTABLE = ("\n", "\xa0", "\u202f", "\u200e", "\u200f", "\u061c", _BEGIN, _END)


def clip(value: object, most: int) -> str:
    """The text with at most that many code points; what was cut shows as an ellipsis."""
    text = str(value)
    return text if len(text) <= most else text[: most - 1].rstrip() + ELLIPSIS


def one_line(value: object) -> str:
    """The text as a single line without direction marks, blanks run together: right for a title or a header."""
    text = str(value)
    if not text.isprintable():
        text = _IN_LINE.sub("", _BREAKS.sub("\n", text))
    return " ".join(text.split())


def clean(value: str) -> str:
    """The text with plain newlines and without what is not meant to be seen."""
    seen = value
    for harmless in _NOT_PRINTABLE:
        seen = seen.replace(harmless, "")
    if seen.isprintable():  # nearly always, and far faster
        return value
    return _IN_TEXT.sub("", _BREAKS.sub("\n", value))


def tidy(value: str) -> str:
    """Clean text without blanks at the ends of its lines, and never more than one empty line in a row."""
    lines = "\n".join(line.rstrip() for line in clean(value).split("\n"))
    return _MANY_BLANK_LINES.sub("\n\n", lines).strip("\n")


def apart(value: str) -> str:
    """A value that stands in a sentence of a language that runs the other way: it keeps its own direction there.

    Only marked here; `settled` makes it so, by the isolates of the Unicode Bidirectional Algorithm (UAX 9).
    """
    if not value or bidirectional(value[0]) in {"R", "AL"} or value.startswith(("http://", "https://")):
        # What runs with the sentence needs none, and mail programs would take one for the end of a link.
        return value
    return f"{_BEGIN}{value}{_END}"


def settled(text: str) -> str:
    """The text with an isolate around each value that was marked; what does not close on its line is none."""
    if _BEGIN not in text and _END not in text:
        return text
    return "\n".join(_settled_line(line) if _BEGIN in line or _END in line else line for line in text.split("\n"))


def _settled_line(line: str) -> str:
    if _is_even(line):
        return line.replace(_BEGIN, _FIRST_STRONG_ISOLATE).replace(_END, _POP_ISOLATE)
    opened: list[int] = []
    pairs: dict[int, str] = {}
    for mark in _MARKS.finditer(line):
        if mark[0] == _BEGIN:
            opened.append(mark.start())
        elif opened:
            pairs |= {opened.pop(): _FIRST_STRONG_ISOLATE, mark.start(): _POP_ISOLATE}
    return _MARKS.sub(lambda mark: pairs.get(mark.start(), ""), line)


def _is_even(line: str) -> bool:
    """Whether each mark in it has its other: so it is with ours, unless a text was cut or an event brings some."""
    depth = 0
    for mark in _MARKS.findall(line):
        depth += 1 if mark == _BEGIN else -1
        if depth < 0:
            return False
    return depth == 0
