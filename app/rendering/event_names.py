"""What the types of events are called where people read of them by name."""

from collections.abc import Mapping
from gettext import NullTranslations
from typing import Final

from app.domain.events import EventType
from app.rendering.catalogues import N_, SOURCE_LOCALE, with_parents

EVENT_NAMES: Final[Mapping[str, str]] = {
    "job.completed": N_("Completed jobs"),
    "job.failed": N_("Failed jobs"),
    "job.progress": N_("Job progress"),
    "system.error": N_("System errors"),
    "system.warning": N_("System warnings"),
    "quota.exceeded": N_("Exceeded quotas"),
    "quota.approaching": N_("Quotas nearly used up"),
}
EVERYTHING: Final = N_("All e-mail notifications")


def event_name(known: EventType, locale: str, speech: NullTranslations) -> str:
    """What people call a type, in a language that there are texts in."""
    if known.name in EVENT_NAMES:
        return speech.gettext(EVENT_NAMES[known.name])
    return in_language(known.names, locale) or known.name


def in_language(words: Mapping[str, str], locale: str) -> str | None:
    """What an operator wrote for a language, for its parents, or in English; None if there is nothing."""
    return next((words[tag] for tag in (*with_parents(locale), SOURCE_LOCALE) if tag in words), None)
