"""Reading variables with every fault collected, so that a bad start is put right in one go."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "": 1}


class SettingsError(Exception):
    """Settings the product can't run with; `faults` has one line each, naming the variable, and holds no value."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = list(faults)


class Reader:
    """Typed access to variables. A blank variable counts as unset; a bad one yields its default and leaves a fault.

    Faults name the variable and what is allowed, and never repeat the value: any variable might hold a secret that
    was pasted into the wrong line.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name: value.strip() for name, value in environ.items() if value.strip()}
        self._faults: list[str] = []

    def __contains__(self, name: object) -> bool:
        """Whether the variable is set and not blank."""
        return name in self._environ

    def names(self) -> list[str]:
        """The variables that are set, in order."""
        return sorted(self._environ)

    def fault(self, name: str, allowed: str) -> None:
        """Note that a variable is wrong."""
        self._faults.append(f"{name}: {allowed}")

    def finish(self) -> None:
        """Raise SettingsError if anything was wrong."""
        if self._faults:
            raise SettingsError(self._faults)

    def parsed(self, name: str, default: T, parse: Callable[[str], T], allowed: str) -> T:
        """The variable as `parse` understands it; `parse` raises ValueError for what it does not allow."""
        if name not in self._environ:
            return default
        try:
            return parse(self._environ[name])
        except ValueError:
            self.fault(name, allowed)
            return default

    def text(self, name: str, default: str) -> str:
        """The variable as it is, on one line."""
        return self.parsed(name, default, _line, "must be one line of text without control characters")

    def optional(self, name: str) -> str | None:
        """The variable as it is, or None."""
        return self.text(name, "") or None

    def flag(self, name: str, default: bool) -> bool:
        """A yes or no."""
        return self.parsed(name, default, _flag, "must be true or false")

    def choice(self, name: str, default: str, allowed: Sequence[str]) -> str:
        """One of a few words, in the spelling of `allowed`; letter case does not matter."""
        by_folded = {word.casefold(): word for word in allowed}

        def pick(value: str) -> str:
            if value.casefold() not in by_folded:
                raise ValueError
            return by_folded[value.casefold()]

        return self.parsed(name, default, pick, f"must be one of {', '.join(allowed)}")

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number within the range, ends included."""

        def read(value: str) -> int:
            if not re.fullmatch(r"[+-]?\d{1,12}", value, re.ASCII):
                raise ValueError
            return _within(int(value), least, most)

        return self.parsed(name, default, read, f"must be a whole number from {least:,} to {most:,}")

    def optional_whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number within the range, or None."""
        return self.whole(name, least, least, most) if name in self else None

    def number(self, name: str, default: float, most: float, least: float = 0, above: bool = False) -> float:
        """A number within the range; `above` leaves the lower end out."""

        def read(value: str) -> float:
            number = float(value)
            if not math.isfinite(number) or (above and number <= least):
                raise ValueError
            return _within(number, least, most)

        allowed = f"above {least:g} and at most {most:,g}" if above else f"from {least:g} to {most:,g}"
        return self.parsed(name, default, read, f"must be a number {allowed}")

    def url(self, name: str, schemes: Sequence[str]) -> str | None:
        """A URL of one of the schemes, with a host, or None."""

        def read(value: str) -> str | None:
            parts = urlsplit(_line(value))
            _ = parts.port  # urlsplit checks the port only when it is asked for
            if parts.scheme not in schemes or not parts.hostname or " " in value:
                raise ValueError
            return value

        return self.parsed(name, None, read, f"must be a URL that starts with {', '.join(s + '://' for s in schemes)}")


def durations(value: str) -> tuple[float, ...]:
    """Read `5s,1m,2h` as seconds; a number without a unit is seconds. Raises ValueError."""
    found = [_DURATION.fullmatch(part.strip().lower()) for part in value.split(",")]
    if not all(found):
        raise ValueError(value)
    return tuple(float(match[1]) * _SECONDS[match[2] or ""] for match in found if match)


def _line(value: str) -> str:
    if not value.isprintable():
        raise ValueError
    return value


def _flag(value: str) -> bool:
    if value.casefold() in _YES:
        return True
    if value.casefold() in _NO:
        return False
    raise ValueError


def _within(number: T, least: float, most: float) -> T:
    if not least <= number <= most:  # type: ignore[operator]
        raise ValueError
    return number
