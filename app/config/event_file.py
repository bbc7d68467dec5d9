"""Types of events that operators add: `events.toml` in DATA_DIR, read once when a process starts.

[types."billing.overdue"]
severity = "high"                     # low, normal, high, critical
subject = "invoice"                   # the field that says what an event is about
names = { en = "Overdue invoices", de = "Überfällige Rechnungen" }

[types."billing.overdue".data]
invoice = { type = "text", sample = "INV-7", label = { en = "Invoice", de = "Rechnung" } }
amount = { type = "number", minimum = 0, sample = 129.5 }
days = { type = "integer", default = 0 }

[types."billing.overdue".channels]    # by kind: inbox, mail, hook, chat, alert
chat = "off"
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from babel.core import Locale, UnknownLocaleError

from app.domain import shapes
from app.domain.events import EVENT_TYPES, KINDS, PRIORITIES, RHYTHMS, USUAL, EventType, EventTypes
from app.domain.fields import Choice, Flag, Number, Rule, Text, Whole

NAME = "events.toml"
MOST_TYPES = 100
_MOST_FIELDS = 30
_LONGEST_WORD = 100
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,30}(\.[a-z0-9_]{1,30}){1,3}")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_FAMILIES = frozenset({*(name.partition(".")[0] for name in EVENT_TYPES), "contact", "digest", "test", "verification"})
_TYPE_KEYS = ("severity", "subject", "names", "data", "channels", "resolves", "for_operators")
_FIELD_KEYS: Mapping[str, tuple[str, ...]] = {
    "text": (),
    "number": ("minimum", "maximum"),
    "integer": ("minimum", "maximum"),
    "boolean": (),
    "choice": ("allowed",),
}
_ANY_FIELD_KEYS = ("type", "optional", "default", "sample", "label")
_SAMPLES: Mapping[str, Any] = {"text": "sample", "number": 1.5, "integer": 1, "boolean": True}

Tell = Callable[[str, str], None]
"""Is told where something is wrong, and what is allowed there."""


def read(path: Path, fault: Tell) -> EventTypes:
    """The types that come along and those of the file, if there is one; what is wrong with it is told, line by line."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return EVENT_TYPES
    except (OSError, UnicodeDecodeError) as error:
        fault(NAME, f"cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}")
        return EVENT_TYPES
    except tomllib.TOMLDecodeError as error:
        fault(NAME, f"is not TOML: {error}")
        return EVENT_TYPES
    given = document.get("types", {})
    if not isinstance(given, Mapping):
        fault(f"{NAME}: types", "must be a table")
        return EVENT_TYPES
    for name in document.keys() - {"types"}:
        fault(f"{NAME}: {name}", 'must not be there; allowed: tables like [types."billing.overdue"]')
    if len(given) > MOST_TYPES:
        fault(f"{NAME}: types", f"must be at most {MOST_TYPES}")
        return EVENT_TYPES
    added = [_Type(name, f"{NAME}: {name}", fault).read(said) for name, said in given.items()]
    return EventTypes([*EVENT_TYPES.values(), *(one for one in added if one is not None)])


@dataclass(slots=True)
class _Type:
    """One type as it is read; `told` says whether anything was wrong."""

    name: str
    place: str
    fault: Tell
    told: bool = field(default=False)

    def read(self, given: object) -> EventType | None:
        """The type, or None when something is wrong with it."""
        if not _TYPE.fullmatch(self.name) or self.name.partition(".")[0] in _FAMILIES:
            self._tell("", f"must be like billing.overdue, and must not begin with {', '.join(sorted(_FAMILIES))}")
            return None
        said = self._table(given, "")
        self._unknown(said, _TYPE_KEYS, "")
        names = self._words(said.get("names"), ".names")
        if "en" not in names:
            self._tell(".names", 'must have a name in English, like names = { en = "Overdue invoices" }')
        fields = self._fields(said.get("data"))
        required = {name: one.rule for name, one in fields.items() if not one.optional}
        subject = said.get("subject")
        if not isinstance(subject, str) or subject not in required:
            self._tell(".subject", f"must be one of the required fields: {', '.join(required) or 'there are none'}")
            subject = ""
        severity = self._one_of(said.get("severity", "normal"), PRIORITIES, ".severity")
        defaults = self._channels(said.get("channels", {}))
        resolves = self._flag(said.get("resolves", False), ".resolves")
        for_operators = self._flag(said.get("for_operators", False), ".for_operators")
        if self.told:
            return None
        return EventType(
            self.name,
            severity,
            required,
            defaults,
            subject,
            {name: one.sample for name, one in fields.items()},
            resolves=resolves,
            for_operators=for_operators,
            optional={name: one.rule for name, one in fields.items() if one.optional},
            is_added=True,
            fills={name: one.default for name, one in fields.items() if one.default is not None},
            names=names,
            labels={name: one.label for name, one in fields.items() if one.label},
        )

    def _fields(self, given: object) -> dict[str, "_Field"]:
        if not given:
            self._tell(".data", 'must name the fields, like invoice = { type = "text" }')
        said = self._table(given or {}, ".data")
        if len(said) > _MOST_FIELDS:
            self._tell(".data", f"must have at most {_MOST_FIELDS} fields")
        found = {name: self._field(name, one) for name, one in said.items()}
        return {name: one for name, one in found.items() if one is not None}

    def _field(self, name: str, given: object) -> "_Field | None":
        place = f".data.{name}"
        if not _FIELD.fullmatch(name):
            self._tell(place, "must be a word of letters, digits and _")
            return None
        said = self._table(given, place)
        kind = self._one_of(said.get("type"), tuple(_FIELD_KEYS), f"{place}.type")
        if kind is None:
            return None
        self._unknown(said, (*_ANY_FIELD_KEYS, *_FIELD_KEYS[kind]), place)
        rule = self._rule(kind, said, place)
        if rule is None:
            return None
        default = said.get("default")
        sample = said.get("sample", default if default is not None else self._some(kind, rule))
        for key in ("default", "sample"):
            # What is put into an event has to be fit for it, as what comes with one.
            if key not in said:
                continue
            if unfit := shapes.faults(said[key]):
                self._tell(f"{place}.{key}", " ".join(unfit))
            elif wrong := rule.fault(said[key]):
                self._tell(f"{place}.{key}", wrong[0].lower() + wrong[1:])
        optional = self._flag(said.get("optional", False), f"{place}.optional") or default is not None
        return _Field(rule, optional, default, sample, self._words(said.get("label", {}), f"{place}.label"))

    def _rule(self, kind: str, said: Mapping[str, Any], place: str) -> Rule | None:
        if kind == "text":
            return Text()
        if kind == "boolean":
            return Flag()
        if kind == "choice":
            allowed = said.get("allowed")
            if not isinstance(allowed, list) or not allowed or not all(isinstance(one, str) and one for one in allowed):
                self._tell(f"{place}.allowed", 'must list texts, like ["card", "invoice"]')
                return None
            return Choice(tuple(allowed))
        least, most = (self._bound(said.get(key), f"{place}.{key}") for key in ("minimum", "maximum"))
        if least is not None and most is not None and least > most:
            self._tell(f"{place}.maximum", "must not be below minimum")
        made = Whole if kind == "integer" else Number
        return made(float("-inf") if least is None else least, most)

    def _bound(self, value: object, place: str) -> float | None:
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and not shapes.faults(value):
            return value
        self._tell(place, "must be a number")
        return None

    def _some(self, kind: str, rule: Rule) -> Any:
        if isinstance(rule, Choice):
            return rule.allowed[0]
        if isinstance(rule, Number) and rule.fault(_SAMPLES[kind]):
            return rule.most if rule.least == float("-inf") else rule.least
        return _SAMPLES[kind]

    def _channels(self, given: object) -> Mapping[str, Any]:
        said = self._table(given, ".channels")
        self._unknown(said, KINDS, ".channels")
        return {**USUAL, **{kind: self._one_of(one, RHYTHMS, f".channels.{kind}") for kind, one in said.items()}}

    def _words(self, given: object, place: str) -> dict[str, str]:
        said = self._table(given if given is not None else {}, place)
        for tag, word in said.items():
            if not _is_language(tag):
                self._tell(f"{place}.{tag}", "must be a language, like en, de or pt-BR")
            if not isinstance(word, str) or not word.strip() or len(word) > _LONGEST_WORD or not word.isprintable():
                self._tell(f"{place}.{tag}", f"must be a line of 1 to {_LONGEST_WORD} letters")
        return {tag.replace("_", "-"): word for tag, word in said.items()}

    def _table(self, given: object, place: str) -> Mapping[str, Any]:
        if isinstance(given, Mapping):
            return given
        self._tell(place, "must be a table")
        return {}

    def _unknown(self, said: Mapping[str, Any], allowed: tuple[str, ...], place: str) -> None:
        for key in said.keys() - {*allowed}:
            self._tell(f"{place}.{key}", f"is not known; allowed: {', '.join(allowed)}")

    def _one_of(self, value: object, allowed: tuple[str, ...], place: str) -> Any:
        """The value, or None when it is none of these."""
        if value in allowed:
            return value
        self._tell(place, f"must be one of {', '.join(allowed)}")
        return None

    def _flag(self, value: object, place: str) -> bool:
        if not isinstance(value, bool):
            self._tell(place, "must be true or false")
        return value is True

    def _tell(self, place: str, allowed: str) -> None:
        self.told = True
        self.fault(f"{self.place}{place}", allowed)


@dataclass(frozen=True, slots=True)
class _Field:
    rule: Rule
    optional: bool
    default: Any
    sample: Any
    label: Mapping[str, str]


def _is_language(tag: str) -> bool:
    try:
        Locale.parse(tag.replace("_", "-"), sep="-", resolve_likely_subtags=False)
    except (UnknownLocaleError, ValueError, TypeError):
        return False
    return True
