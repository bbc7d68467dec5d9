"""Dates, numbers and sizes as the reader writes them. The templates use these as filters, the reasons call them."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import dates, numbers
from babel.core import Locale
from jinja2 import pass_context
from jinja2.runtime import Context

from app.rendering.measures import measured, side_by_side
from app.rendering.text import clip, one_line

_ZONE_NAME = re.compile(r"[^\W\d_]{2,5}")
_LAST_DIGIT = re.compile(r"0(?=[^0]*$)")
_SIZES = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte")
_SPANS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_KEPT = 64
_NO_BREAK = "\xa0"
_LONGEST_UNIT = 40
_LARGEST = 10**15
"""Above this a number is written with an exponent: nobody counts the digits, and hostile ones fill pages."""


class Reader:
    """Who reads: how they write dates and numbers, and which clock is on their wall.

    A mail says the same moment and the same amounts in its title, its text and its HTML, and a batch of them says the
    same moment to many: what was written lately is kept. Safe to share between threads.
    """

    def __init__(self, formats: Locale, zone: ZoneInfo) -> None:
        self._formats = formats
        self._zone = zone
        self.direction: str = formats.text_direction
        """Which way the reader's script runs: `ltr` or `rtl`."""
        self._date_and_time = str(dates.get_datetime_format("medium", locale=formats)).replace("'", "")
        self._zone_names: dict[str, str] = {}
        self._percents = _LAST_DIGIT.sub("0.#", formats.percent_formats[None].pattern, count=1)
        self._minute = lru_cache(maxsize=_KEPT)(self._new_minute)
        self.percent = lru_cache(maxsize=_KEPT)(self._percent)
        self._amount = lru_cache(maxsize=_KEPT)(self._new_amount)
        self.duration = lru_cache(maxsize=_KEPT)(self._duration)

    def date(self, moment: datetime) -> str:
        """The day alone: November 22, 2026."""
        return dates.format_date(moment.astimezone(self._zone), "long", locale=self._formats)

    def clock(self, moment: datetime) -> str:
        """The time of day as schedules write it, on 24 hours: 08:00."""
        return moment.astimezone(self._zone).strftime("%H:%M")

    def moment(self, moment: datetime, blank: str = " ") -> str:
        """Day, time and zone: November 22, 2026, 9:05 PM CET. `blank` stands in what is not to be torn: 9:05 PM CET."""
        # No language writes seconds there, so all moments of a minute are written alike.
        return self._minute(moment.replace(second=0, microsecond=0), blank)

    def _new_minute(self, moment: datetime, blank: str) -> str:
        local = moment.astimezone(self._zone)
        time = dates.format_time(local, "short", tzinfo=self._zone, locale=self._formats)
        # The narrow space before "PM" shows as a box in more than one mail program.
        whole = f"{time} {self._zone_name(local)}".replace("\u202f", " ").replace(" ", blank)
        return self._date_and_time.replace("{1}", self.date(moment)).replace("{0}", whole).replace("\u202f", " ")

    def number(self, value: float) -> str:
        """A number with the reader's separators and at most three decimals."""
        if not _is_finite(value):
            return str(value)
        if abs(value) >= _LARGEST:
            return numbers.format_scientific(value, format="0.###E0", locale=self._formats)
        return numbers.format_decimal(value, locale=self._formats)

    def _percent(self, value: float) -> str:
        """A number of percent (42.5, not 0.425) with at most one decimal."""
        if not _is_finite(value):
            return str(value)
        if abs(value) >= _LARGEST:
            return f"{self.number(value)} %"
        return numbers.format_percent(Decimal(str(value)) / 100, self._percents, locale=self._formats)

    def filesize(self, value: float) -> str:
        """A number of bytes in the unit that suits it, thousands of thousands: 1.07 GB."""
        if not _is_finite(value):
            return str(value)
        amount, size = Decimal(str(value)), 0
        while abs(amount) >= 1000 and size < len(_SIZES) - 1:
            amount, size = amount / 1000, size + 1
        if abs(amount) >= _LARGEST:
            return f"{self.number(value)} B"
        shown = round(amount, 2)
        exact = int(shown) if shown == int(shown) else shown  # 1.00 would count as many
        return measured(exact, f"digital-{_SIZES[size]}", "short" if size else "long", self._formats)

    def _duration(self, seconds: float) -> str:
        """A number of seconds as its two largest units: 30 minutes, 34 seconds."""
        if not _is_finite(seconds):
            return str(seconds)
        whole = max(0, round(seconds))
        if whole >= _LARGEST:
            return f"{self.number(seconds)} s"
        parts: list[tuple[str, int]] = []
        for name, length in _SPANS:
            count, whole = divmod(whole, length)
            if count or parts or name == "second":
                parts.append((name, count))
        shown = [part for part in parts[:2] if part[1]] or parts[:1]
        words = [measured(count, f"duration-{name}", "long", self._formats) for name, count in shown]
        return side_by_side(words, self._formats)

    def quantity(self, value: float, unit: object = None) -> str:
        """An amount with its unit; bytes become a size, and what is no text is no unit."""
        return self._amount(value, clip(one_line(unit), _LONGEST_UNIT) if isinstance(unit, str) else "")

    def _new_amount(self, value: float, unit: str) -> str:
        if unit == "bytes":
            return self.filesize(value)
        return f"{self.number(value)} {unit}".rstrip()

    def _zone_name(self, local: datetime) -> str:
        """The reader's abbreviation (MEZ), else the one the zone is known by (CET), else its offset (UTC+03)."""
        known = local.tzname() or "UTC"
        # French would call it TU, which is in no log that the reader compares it with.
        name = known if known == "UTC" else self._zone_names.get(known)
        if name is None:
            short = dates.get_timezone_name(local, width="short", locale=self._formats)
            best = next((name for name in (short, known) if _ZONE_NAME.fullmatch(name)), f"UTC{known}")
            name = self._zone_names.setdefault(known, best)
        return name


def share(used: float, limit: float) -> float | None:
    """How many percent of the limit are used; None when there is no telling (a limit of 0)."""
    try:
        percent = float(used) / float(limit) * 100
    except (OverflowError, ZeroDivisionError):
        return None
    return percent if math.isfinite(percent) else None


def minus(value: float, other: float) -> float | None:
    """The difference; None when it is beyond counting."""
    try:
        difference = value - other
    except OverflowError:
        return None
    return difference if _is_finite(difference) else None


def _is_finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def _by_reader(name: str) -> Callable[..., str]:
    """A filter that writes as the reader of the template does, who is in its context."""

    @pass_context
    def written(context: Context, value: Any, *args: Any) -> str:
        write: Callable[..., str] = getattr(context["reader"], name)
        return write(value, *args)

    return written


@pass_context
def _moment(context: Context, value: datetime) -> str:
    """A moment as the reader writes it; HTML has no line that ends between the time and its zone."""
    reader: Reader = context["reader"]
    return reader.moment(value, _NO_BREAK) if context.eval_ctx.autoescape else reader.moment(value)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "date": _by_reader("date"),
    "datetime": _moment,
    "number": _by_reader("number"),
    "percent": _by_reader("percent"),
    "filesize": _by_reader("filesize"),
    "duration": _by_reader("duration"),
    "quantity": _by_reader("quantity"),
    "share": share,
    "minus": minus,
    "clip": clip,
    "one_line": one_line,
}
