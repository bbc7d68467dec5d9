"""Plain text made safe to show: no control characters, no reordering of what the reader sees, no endless lines."""

import re

# Controls (but tab and newline), lone surrogates, and the marks that make text run the other way round (bidi
# embeddings, overrides, isolates): a name holding them could make "gpj.exe" out of "exe.jpg".
_UNSEEN = "\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
_IN_TEXT = re.compile(f"[{_UNSEEN}]")
_IN_LINE = re.compile(f"[{_UNSEEN}\u200e\u200f\u061c]")
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_MANY_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")
ELLIPSIS = "…"


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
    if value.replace("\n", "").replace("\xa0", "").replace("\u202f", "").isprintable():  # nearly always, and far faster
        return value
    return _IN_TEXT.sub("", _BREAKS.sub("\n", value))


def tidy(value: str) -> str:
    """Clean text without blanks at the ends of its lines, and never more than one empty line in a row."""
    lines = "\n".join(line.rstrip() for line in clean(value).split("\n"))
    return _MANY_BLANK_LINES.sub("\n\n", lines).strip("\n")
