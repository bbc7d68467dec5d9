"""Numbers with their units in words."""

from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Literal

from babel import lists, units
from babel.core import Locale

Width = Literal["long", "short", "narrow"]
_WIDTHS: tuple[Width, ...] = ("long", "short", "narrow")


def measured(amount: Decimal | int, unit: str, width: Width, formats: Locale) -> str:
    """The amount in that unit of CLDR, such as "duration-hour", in that width, or else in the next that has words.

    Babel prints the bare name of the unit where it has no pattern for the number's form in that width: Dutch has none
    for one hour, Japanese none for days.
    """
    written = [units.format_unit(amount, unit, name, locale=formats) for name in _WIDTHS[_WIDTHS.index(width) :]]
    return next((words for words in written if unit not in words), written[0].replace(unit, unit.partition("-")[2]))


def side_by_side(words: Sequence[str], formats: Locale) -> str:
    """One or two amounts of different units as one: 30 minutes, 34 seconds.

    Of two units Babel raises KeyError in Spanish and writes the second twice in Arabic; then "and" is right too.
    """
    with suppress(KeyError):
        joined = lists.format_list(words, "unit", locale=formats)
        if joined.count(words[-1]) == 1:
            return joined
    return lists.format_list(words, "standard", locale=formats)
