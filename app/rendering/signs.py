"""What stands beside a text: how urgent it is, what such events are called, and why it came."""

from dataclasses import dataclass
from gettext import NullTranslations

from app.domain.events import EventTypes
from app.domain.notifications import OWN_TYPES
from app.rendering.catalogues import N_
from app.rendering.event_names import event_name
from app.rendering.occasion import Occasion

_SEVERITIES = {
    # Translators: how urgent something is.
    "low": N_("Low"),
    # Translators: how urgent something is.
    "normal": N_("Normal"),
    # Translators: how urgent something is.
    "high": N_("High"),
    # Translators: how urgent something is.
    "critical": N_("Critical"),
}
TONES = {"low": "info", "normal": "info", "high": "warn", "critical": "bad"}
# Translators: of trouble that has ended.
_RESOLVED = N_("Resolved")
_COMPLETED = N_("Completed")
# Translators: a link to more about what a message tells.
_LINK_LABEL = N_("Details")
# Translators: small print under a message in a chat; events is a name such as "Failed jobs".
_WHY = N_("Sent because “%(events)s” is turned on here.")
_SETTINGS_LABEL = N_("Change what you get and where")


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands beside the text in chats and alerts: how urgent it is, where to learn more, and why it came.

    `why` is empty where no choice of an event stands behind it.
    """

    severity: str
    link: str
    link_label: str
    why: str
    settings_link: str
    settings_label: str


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says it in one language."""

    types: EventTypes
    speech: NullTranslations
    locale: str
    settings_link: str

    def name(self, type_: str) -> str:
        """What people call a type of event; nothing, for what the service says of itself."""
        return "" if type_ in OWN_TYPES else event_name(self.types.of(type_), self.locale, self.speech)

    def severity(self, occasion: Occasion) -> str:
        """How urgent it is, in a word; of what is over, or was done, that it is."""
        known = self.types.of(occasion.type)
        if occasion.resolved and not (known.is_added and known.resolves):
            return self.speech.gettext(_RESOLVED)
        return self.speech.gettext(_COMPLETED if known.resolves else _SEVERITIES[occasion.priority])

    def signs(self, occasion: Occasion, link: str) -> Signs:
        """All of it, for chats and alerts."""
        name = self.name(occasion.type)
        return Signs(
            severity=self.severity(occasion),
            link=link,
            link_label=self.speech.gettext(_LINK_LABEL),
            why=self.speech.gettext(_WHY) % {"events": name} if name else "",
            settings_link=self.settings_link,
            settings_label=self.speech.gettext(_SETTINGS_LABEL),
        )
