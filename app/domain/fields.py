"""What a field of an event's data may hold: a rule that checks it, and the same rule as JSON Schema."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """A field that holds a non-empty string."""

    def fault(self, value: object) -> str | None:
        """What is wrong with the value, or None."""
        return None if isinstance(value, str) and value.strip() else "Must be a non-empty string."

    @property
    def schema(self) -> dict[str, Any]:
        """The same rule as JSON Schema."""
        return {"type": "string", "pattern": "\\S"}


@dataclass(frozen=True, slots=True)
class Number:
    """A field that holds a number in a range; `least` is minus infinity where it has no lower end."""

    least: float = 0
    most: float | None = None

    def fault(self, value: object) -> str | None:
        """What is wrong with the value, or None."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "Must be a number."
        if value < self.least or (self.most is not None and value > self.most):
            if self.least == float("-inf"):
                return f"Must be at most {self.most:g}."
            return (
                f"Must be from {self.least:g} to {self.most:g}."
                if self.most is not None
                else f"Must be at least {self.least:g}."
            )
        return None

    @property
    def schema(self) -> dict[str, Any]:
        """The same rule as JSON Schema."""
        return {"type": "number"} | self.bounds

    @property
    def bounds(self) -> dict[str, Any]:
        """The range as JSON Schema."""
        least = {} if self.least == float("-inf") else {"minimum": self.least}
        return least | ({} if self.most is None else {"maximum": self.most})


@dataclass(frozen=True, slots=True)
class Whole(Number):
    """A field that holds a whole number in a range."""

    def fault(self, value: object) -> str | None:
        """What is wrong with the value, or None."""
        if isinstance(value, bool) or not isinstance(value, int):
            return "Must be a whole number."
        # A dataclass with slots is another class than the one that `super()` remembers.
        return Number.fault(self, value)

    @property
    def schema(self) -> dict[str, Any]:
        """The same rule as JSON Schema."""
        return {"type": "integer"} | self.bounds


@dataclass(frozen=True, slots=True)
class Flag:
    """A field that holds true or false."""

    def fault(self, value: object) -> str | None:
        """What is wrong with the value, or None."""
        return None if isinstance(value, bool) else "Must be true or false."

    @property
    def schema(self) -> dict[str, Any]:
        """The same rule as JSON Schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A field that holds one of some texts."""

    allowed: tuple[str, ...]

    def fault(self, value: object) -> str | None:
        """What is wrong with the value, or None."""
        return None if isinstance(value, str) and value in self.allowed else f"Allowed: {', '.join(self.allowed)}."

    @property
    def schema(self) -> dict[str, Any]:
        """The same rule as JSON Schema."""
        return {"type": "string", "enum": list(self.allowed)}


Rule = Text | Number | Flag | Choice
