"""Templates of an operator for one type of notification, and where they apply."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from jinja2 import Template

from app.domain.notifications import DIGEST
from app.rendering.catalogues import with_parents

ANY = "_any"
"""Every channel, or every language."""
PIECES: tuple[str, ...] = ("subject.txt", "short.txt", "body.txt", "body.html")
MOST_BYTES = 64 * 1024
"""The longest piece."""

Origin = Literal["database", "file"]


def worded_types(types: Iterable[str]) -> tuple[str, ...]:
    """What operators may word: events and digests, and not what the service says of itself, such as verifications."""
    return (*types, DIGEST)


def pieces_of(kind: str | None) -> tuple[str, ...]:
    """Which pieces a kind of channel is made from; None stands for every kind."""
    if kind is None:
        return PIECES
    return ("subject.txt", "body.txt", "body.html") if kind == "mail" else ("subject.txt", "short.txt")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an override applies: one type, on one channel or `_any`, in one language or `_any`."""

    type: str
    channel: str = ANY
    locale: str = ANY

    def __str__(self) -> str:
        return f"{self.type}/{self.channel}/{self.locale}"


@dataclass(frozen=True, slots=True, eq=False)
class Override:
    """The sources of some pieces; what is not there is taken from what comes along."""

    place: Place
    sources: Mapping[str, str]
    version: str
    """What notifications keep of it: `job.failed/email/de@3`, or with `@file-` and the beginning of a hash."""
    origin: Origin
    compiled: dict[tuple[str, str], Template] = field(default_factory=dict)
    """By language and piece, so that they go when the override does."""

    def path(self, piece: str) -> str:
        """What an error calls a piece."""
        return f"{self.place}/{piece}"


class Overrides:
    """Those that are in force. One applies as a whole: the most specific, and of two the one in the database."""

    def __init__(self, database: Mapping[Place, Override], files: Mapping[Place, Override]) -> None:
        self._layers = (database, files)

    def everything(self) -> Iterator[Override]:
        """Each of them, with those in the database first."""
        for layer in self._layers:
            yield from layer.values()

    def find(self, type_: str, channel: str, locale: str) -> Override | None:
        """What applies to a reader of that language on that channel, if anything does."""
        for layer in self._layers:
            if layer:
                for place in _from_narrow_to_wide(type_, channel, locale):
                    if place in layer:
                        return layer[place]
        return None


NOTHING = Overrides({}, {})


def _from_narrow_to_wide(type_: str, channel: str, locale: str) -> Iterator[Place]:
    locales = () if locale == ANY else tuple(with_parents(locale))
    for on in dict.fromkeys((channel, ANY)):
        for tag in (*locales, ANY):
            yield Place(type_, on, tag)
