"""What happened to a notification at each step of its way, where that is more than a status and its reason."""

from collections.abc import Mapping
from typing import Any, Final

from babel.core import Locale, UnknownLocaleError

from app.rendering.catalogues import N_

_SAID: Final[Mapping[tuple[str, str], str]] = {
    ("plan", "pending"): N_("Accepted, to be sent at once."),
    ("render", "rendered"): N_("Its text was written. Language: %(language)s."),
    ("deliver", "pending"): N_("Put back for a moment: it is sent when its turn comes."),
    ("deliver", "retrying"): N_("Attempt %(number)s did not succeed; there will be another one."),
    ("deliver", "unknown"): N_("Attempt %(number)s broke off, and nobody knows whether it arrived."),
    ("deliver", "delivered"): N_("Delivered by attempt %(number)s."),
    ("relay", "released"): N_("The waiting is over: it is to be sent now."),
    ("digest", "released"): N_("The waiting is over: it is to be sent now."),
    ("digest", "digested"): N_("Put into a digest."),
}
_REPLAYED: Final = N_("Sent again, as a notification of its own.")
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
