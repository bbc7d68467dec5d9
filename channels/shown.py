"""Words of others made fit to be shown: nothing unseen in them, and nothing that turns the reading round."""

import re
from typing import Any

# Controls but tab and newline, and the marks that make text run the other way, so that "exe.jpg" could read "gpj.exe".
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")


def shown(text: str) -> str:
    """The text as it will look."""
    return text if text.isprintable() else _UNSEEN.sub("", text)


def shown_all(value: Any) -> Any:
    """The same for every text in a JSON document."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {shown_all(name): shown_all(inner) for name, inner in value.items()}
    return [shown_all(inner) for inner in value] if isinstance(value, list | tuple) else value
