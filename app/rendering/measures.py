"""A number with its unit in words."""

from decimal import Decimal

from babel import units
from babel.core import Locale

_WIDTHS = ("long", "short", "narrow")


def measured(amount: Decimal | int, unit: str, width: str, formats: Locale) -> str:
    """The amount in that unit of CLDR, such as "duration-hour", in that width, or else in the next that has words.

    Babel prints the bare name of the unit where it has no pattern for the number's form in that width: Dutch has none
    for one hour, Japanese none for days.
    """
    written = [units.format_unit(amount, unit, name, locale=formats) for name in _WIDTHS[_WIDTHS.index(width) :]]
    return next((words for words in written if unit not in words), written[0].replace(unit, unit.partition("-")[2]))
