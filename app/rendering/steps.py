"""What happened to a notification at each step of its way, where that is more than a status and its reason."""

from collections.abc import Mapping
from typing import Any, Final

from babel.core import Locale, UnknownLocaleError

from app.rendering.catalogues import N_

_SAID: Final[Mapping[tuple[str, str], str]] = {
    ("plan", "pending"): N_("Accepted, to be sent immediately."),
    ("render", "rendered"): N_("The text was written. Language: %(language)s."),
    ("deliver", "pending"): N_("Put back in the queue: it will be sent when its turn comes."),
    ("deliver", "retrying"): N_("Attempt %(number)s failed; another one will follow."),
    ("deliver", "unknown"): N_("Attempt %(number)s was interrupted; it may or may not have arrived."),
    ("deliver", "delivered"): N_("Delivered on attempt %(number)s."),
    ("relay", "released"): N_("The wait is over: it will be sent now."),
    ("digest", "released"): N_("The wait is over: it will be sent now."),
    ("digest", "digested"): N_("Added to a digest."),
}
_REPLAYED: Final = N_("Sent again as a new notification.")
_FIRST: Final = 1


def told(step: str, detail: Mapping[str, Any]) -> str | None:
    """The sentence for a step, not yet translated; None where the sentence of its status and reason says it all.

    Its gaps are `number`, of the attempt, and `language`.
    """
    if step == "replay":
        return _REPLAYED
    decision = str(detail.get("decision"))
    if (step, decision) == ("deliver", "delivered") and detail.get("attempt", _FIRST) == _FIRST:
        return None
    sentence = _SAID.get((step, decision))
    return None if sentence and "%(number)s" in sentence and detail.get("attempt") is None else sentence


def language(tag: object, formats: Locale) -> str:
    """What a language is called; the tag itself if nobody knows."""
    try:
        return Locale.parse(str(tag), sep="-").get_display_name(formats) or str(tag)
    except (UnknownLocaleError, ValueError):
        return str(tag)
