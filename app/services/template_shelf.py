"""Which templates of the operators are in force, for those who write texts, and which are refused, and why."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.rendering.override_check import Faults, faults_of
from app.rendering.overrides import files
from app.rendering.overrides.override import NOTHING, Origin, Override, Overrides, Place, worded_types
from app.rendering.render import Renderer
from app.store import templates
from app.store.engine import Database
from app.store.templates import TemplateVersion

_REMEMBERED_SECONDS = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refused:
    """What an operator has put there and is not used: what lies below it is."""

    where: str
    origin: Origin
    faults: Faults
    version: str | None = None


@dataclass(frozen=True, slots=True)
class _Layer:
    """What one origin has, as of a state that it tells apart from others."""

    state: object
    good: Mapping[Place, Override]
    refused: tuple[Refused, ...]


_EMPTY = _Layer(None, {}, ())


class TemplateShelf:
    """Looks at most every two seconds whether anything has changed. Safe to share between threads."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        renderer: Renderer,
        kinds: Mapping[str, str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`renderer` has no overrides of its own; `kinds` has the kind of each channel."""
        self._database = database
        self._folder = folder
        self._renderer = renderer
        self._kinds = kinds
        self._monotonic = monotonic
        self._looked_at = float("-inf")
        self._files = _EMPTY
        self._rows = _EMPTY
        self._in_force = NOTHING
        self._turn = threading.Lock()

    def in_force(self) -> Overrides:
        """What applies now. Raises DatabaseUnavailable."""
        if self._monotonic() - self._looked_at >= _REMEMBERED_SECONDS:
            # Those who come while one of them looks do not wait, but at the very first.
            first = self._looked_at == float("-inf")
            if self._turn.acquire(blocking=first):
                try:
                    if self._monotonic() - self._looked_at >= _REMEMBERED_SECONDS:
                        self._look()
                finally:
                    self._turn.release()
        return self._in_force

    def look_now(self) -> Overrides:
        """What applies now, without waiting for the next look. Raises DatabaseUnavailable."""
        with self._turn:
            self._look()
        return self._in_force

    @property
    def refused(self) -> tuple[Refused, ...]:
        """What is not used, as of the last look."""
        return (*self._rows.refused, *self._files.refused)

    def faults_of(self, override: Override) -> Faults:
        """Why it would not be used; nothing, when it would."""
        return faults_of(override, self._renderer, self._kinds)

    def _look(self) -> None:
        before = (self._rows, self._files)
        self._rows = self._of_rows(self._rows)
        _tell(self._rows.refused, before[0].refused)
        self._files = _of_files(self._folder, self._renderer, self._kinds, self._files)
        _tell(self._files.refused, before[1].refused)
        self._in_force = Overrides(self._rows.good, self._files.good)
        self._looked_at = self._monotonic()

    def _of_rows(self, before: _Layer) -> _Layer:
        with self._database.read() as conn:
            state = templates.revision(conn)
            if state == before.state:
                return before
            rows = templates.standing(conn)
        # Those that were saved with an older version of the service may not hold any more.
        layer = _Layer(state, {one.place: one for one in map(as_override, rows)}, ())
        return _checked(layer, before, self.faults_of)


def files_alone(folder: Path, renderer: Renderer, kinds: Mapping[str, str]) -> tuple[Overrides, tuple[Refused, ...]]:
    """What lies in files and holds, for what runs without a database; and what is refused.

    `renderer` has no overrides of its own; `kinds` has the kind of each channel.
    """
    layer = _of_files(folder, renderer, kinds, _EMPTY)
    return Overrides({}, layer.good), layer.refused


def _of_files(folder: Path, renderer: Renderer, kinds: Mapping[str, str], before: _Layer) -> _Layer:
    state = files.signature(folder)
    if state == before.state:
        return before
    found = files.read(folder, kinds, renderer.locales, worded_types(renderer.types))
    strangers = (Refused(name, "file", {name.rpartition("/")[2]: [why]}) for name, why in found.strangers.items())
    given = _Layer(state, found.overrides, tuple(strangers))
    return _checked(given, before, lambda override: faults_of(override, renderer, kinds))


def _checked(given: _Layer, before: _Layer, faults_of_one: Callable[[Override], Faults]) -> _Layer:
    """Those that hold, told apart from those that do not; what was looked at before is not looked at again."""
    known = {override.version: override for override in before.good.values()}
    known_bad = {one.version: one for one in before.refused if one.version is not None}
    good: dict[Place, Override] = {}
    refused = list(given.refused)
    for place, override in given.good.items():
        if override.version in known:
            good[place] = known[override.version]
        elif override.version in known_bad:
            refused.append(known_bad[override.version])
        elif faults := faults_of_one(override):
            refused.append(Refused(str(place), override.origin, faults, override.version))
        else:
            good[place] = override
    return _Layer(given.state, good, tuple(refused))


def as_override(row: TemplateVersion) -> Override:
    """A version that has sources, as it is rendered."""
    place = Place(row.type, row.channel, row.locale)
    return Override(place, row.sources or {}, f"{place}@{row.version}", "database")


def _tell(refused: tuple[Refused, ...], before: tuple[Refused, ...]) -> None:
    for one in refused:
        if one not in before:
            _log.error("template_refused", extra={"template": one.where, "origin": one.origin, "errors": one.faults})
