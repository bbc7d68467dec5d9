"""What the inbox component says, in a language: sentences, and the forms of those that count something."""

from collections.abc import Callable, Mapping
from gettext import NullTranslations
from typing import Any, Final

from babel.core import Locale

from app.rendering.catalogues import N_

_WORDS: Final[Mapping[str, str]] = {
    "notifications": N_("Notifications"),
    "show": N_("Show"),
    # Translators: all notifications; the name of a filter.
    "all": N_("All"),
    # Translators: unread notifications; the name of a filter.
    "unread": N_("Unread"),
    # Translators: notifications that have been read; the name of a filter.
    "read": N_("Read"),
    # Translators: notifications in the archive; the name of a filter.
    "archived": N_("Archived"),
    # Translators: a button.
    "mark_read": N_("Mark as read"),
    # Translators: a button.
    "mark_unread": N_("Mark as unread"),
    # Translators: a button; puts a notification away.
    "archive": N_("Archive"),
    # Translators: a button; takes a notification out of the archive.
    "unarchive": N_("Move back to the inbox"),
    # Translators: a button.
    "read_all": N_("Mark all as read"),
    # Translators: a button; shows older notifications too.
    "older": N_("Show older"),
    # Translators: a button.
    "again": N_("Try again"),
    # Translators: a button; closes a panel.
    "close": N_("Close"),
    "loading": N_("Loading…"),
    "empty_all": N_("No notifications yet."),
    "empty_unread": N_("You're all caught up."),
    "empty_read": N_("Nothing has been read yet."),
    "empty_archived": N_("The archive is empty."),
    "away": N_("Can't reach the service right now. Try again in a moment."),
    "undone": N_("This couldn't be saved. Nothing has changed."),
    "kind_completed": N_("Completed"),
    "kind_failed": N_("Failed"),
    "kind_progress": N_("In progress"),
    "kind_error": N_("System error"),
    "kind_warning": N_("System warning"),
    "kind_exceeded": N_("Quota exceeded"),
    "kind_approaching": N_("Quota nearly used up"),
    "kind_digest": N_("Digest"),
    "priority_low": N_("Low"),
    "priority_normal": N_("Normal"),
    "priority_high": N_("High"),
    "priority_critical": N_("Critical"),
}
# Every category that any language has belongs to one of these.
_SAMPLES = (*range(201), 1_000_000)


def inbox_words(locale: str, translations: NullTranslations) -> dict[str, Any]:
    """The sentences of a language: `words` by name, and `plurals` by name and category of CLDR, with `{gaps}`."""
    return {
        "locale": locale,
        "words": {name: translations.gettext(source) for name, source in _WORDS.items()},
        "plurals": {
            # Translators: the name of a button with a bell.
            "bell": _forms(
                locale,
                lambda count: translations.ngettext(
                    "Notifications, %(count)s unread", "Notifications, %(count)s unread", count
                ),
            ),
            "repeated": _forms(
                locale,
                lambda count: translations.ngettext(
                    "This happened %(count)s time.", "This happened %(count)s times.", count
                ),
            ),
        },
    }


def _forms(locale: str, sentence: Callable[[int], str]) -> dict[str, str]:
    category_of = Locale.parse(locale, sep="-").plural_form
    forms: dict[str, str] = {}
    for count in _SAMPLES:
        forms.setdefault(category_of(count), sentence(count).replace("%(count)s", "{count}"))
    # A fraction may have a category of its own, and nothing here is counted in fractions.
    forms.setdefault("other", forms[category_of(_SAMPLES[-1])])
    return forms
