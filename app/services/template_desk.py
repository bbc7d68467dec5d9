"""Templates of the operators' own, as operators read and change them."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from app.domain.clock import Clock
from app.rendering.overrides.difference import difference
from app.rendering.overrides.files import known_locale
from app.rendering.overrides.override import ANY, MOST_BYTES, Override, Place, pieces_of, worded_types
from app.rendering.render import Renderer
from app.services.intake import Invalid
from app.services.template_shelf import TemplateShelf, as_override
from app.store import audit, templates
from app.store.engine import Database
from app.store.templates import TemplateVersion


class NoSuchPlace(Exception):
    """There is no such type, channel or language, as `field` says; the message says which there are."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class TemplateConflict(Exception):
    """The override is not at a version the caller asked for."""


@dataclass(frozen=True, slots=True)
class ShownTemplate:
    """An override as the API answers it; `version` counts its changes, 0 when there never was one."""

    body: dict[str, Any]
    version: int


class TemplateDesk:
    """Reads, saves, removes and restores overrides. Whatever is saved has been rendered on every sample."""

    def __init__(
        self, database: Database, shelf: TemplateShelf, as_delivered: Renderer, kinds: Mapping[str, str], clock: Clock
    ) -> None:
        """`kinds` has the kind of each channel."""
        self._database = database
        self._shelf = shelf
        self._as_delivered = as_delivered
        self._kinds = kinds
        self._clock = clock

    def place(self, type_: str, channel: str, locale: str) -> Place:
        """Where an override may be. Raises NoSuchPlace."""
        locales = self._as_delivered.locales
        tag = ANY if locale == ANY else known_locale(locale, locales)
        types = worded_types(self._as_delivered.types)
        if type_ not in types:
            raise NoSuchPlace("type", f"There is no such type. Allowed: {', '.join(types)}.")
        if channel != ANY and channel not in self._kinds:
            raise NoSuchPlace("channel", f"There is no such channel. Allowed: {', '.join((*self._kinds, ANY))}.")
        if tag is None:
            raise NoSuchPlace("locale", f"There are no texts in this language. Allowed: {', '.join((*locales, ANY))}.")
        return Place(type_, channel, tag)

    def everything(self) -> dict[str, Any]:
        """What can be overridden, and what is."""
        in_force = self._shelf.look_now()
        items = [
            {
                "template": str(one.place),
                "origin": one.origin,
                "template_version": one.version,
                "pieces": sorted(one.sources),
                "in_force": True,
                "errors": {},
            }
            for one in in_force.everything()
        ]
        items += [
            {
                "template": one.where,
                "origin": one.origin,
                "template_version": one.version,
                "pieces": [],
                "in_force": False,
                "errors": one.faults,
            }
            for one in self._shelf.refused
        ]
        return {
            "types": list(worded_types(self._as_delivered.types)),
            "channels": {name: list(self._pieces(name)) for name in (*self._kinds, ANY)},
            "locales": [*self._as_delivered.locales, ANY],
            "items": items,
        }

    def get(self, place: Place) -> ShownTemplate:
        """What a reader there gets, piece by piece, and how it came to be."""
        self._shelf.look_now()
        with self._database.read() as conn:
            return self._shown(conn, place)

    def versions(self, place: Place) -> list[dict[str, Any]]:
        """Every version of an override with its sources, the newest first."""
        with self._database.read() as conn:
            return [
                {**_told(row), "sources": dict(row.sources or {})} for row in templates.history(conn, _where(place))
            ]

    def save(
        self, place: Place, given: Mapping[str, Any], *, actor: str, versions: Container[int] | None
    ) -> ShownTemplate:
        """Put these pieces in the place of what was there, if it is at one of these versions (None: at any).

        Raises Invalid, which names file, line and fault, and TemplateConflict.
        """
        sources = self._read(place, given)
        return self._change(place, sources, "template.save", actor, versions)

    def check(self, place: Place, given: Mapping[str, Any]) -> Override:
        """These pieces as they would be saved, saved nowhere. Raises Invalid, as `save` does."""
        return Override(place, self._read(place, given), f"{place}@draft", "database")

    def remove(self, place: Place, *, actor: str, versions: Container[int] | None) -> None:
        """Let what comes along, or lies in files, be in force again. Raises TemplateConflict."""
        self._change(place, None, "template.remove", actor, versions)

    def restore(self, place: Place, version: int, *, actor: str, versions: Container[int] | None) -> ShownTemplate:
        """Take an old version up again, as a new one. Raises Invalid and TemplateConflict."""
        sources = self._sources(place, version)
        if not sources:
            raise Invalid({"json": {"version": ["There is no such version, or it says that there is none."]}})
        return self._change(place, self._read(place, sources), "template.restore", actor, versions, restores=version)

    def difference(self, place: Place, before: int | None, after: int | None) -> dict[str, Any]:
        """What one version says otherwise than another, piece by piece; 0 is what comes along. Raises Invalid."""
        with self._database.read() as conn:
            last = templates.latest(conn, _where(place))
        newest = last.version if last else 0
        after = newest if after is None else after
        before = max(after - 1, 0) if before is None else before
        wrong = {name: number for name, number in (("from", before), ("to", after)) if not 0 <= number <= newest}
        if wrong:
            raise Invalid({"query": {name: [f"There are the versions 0 to {newest}."] for name in wrong}})
        old, new = (self._sources(place, number) or {} for number in (before, after))
        pieces = {}
        for piece in self._pieces(place.channel):
            as_delivered = self._as_delivered.source(place.type, piece)
            names = f"{piece}@{before}", f"{piece}@{after}"
            if said := difference(old.get(piece, as_delivered), new.get(piece, as_delivered), *names):
                pieces[piece] = said
        return {"from": before, "to": after, "pieces": pieces}

    def _read(self, place: Place, given: Mapping[str, Any]) -> dict[str, str]:
        """The pieces, if they hold. Raises Invalid."""
        allowed = self._pieces(place.channel)
        faults: dict[str, list[str]] = {}
        for name, source in given.items():
            if name not in allowed:
                faults[name] = [f"Not a piece of this. Allowed: {', '.join(allowed)}."]
            elif not isinstance(source, str):
                faults[name] = ["Not a valid string."]
            elif len(source.encode()) > MOST_BYTES:
                faults[name] = [f"Has more than {MOST_BYTES:,} bytes."]
        if not given:
            faults["_schema"] = [f"At least one piece is needed. Allowed: {', '.join(allowed)}."]
        sources = dict(given)
        faults = faults or self._shelf.faults_of(Override(place, sources, str(place), "database"))
        if faults:
            raise Invalid({"json": faults})
        return sources

    def _change(
        self,
        place: Place,
        sources: Mapping[str, str] | None,
        action: str,
        actor: str,
        versions: Container[int] | None,
        *,
        restores: int | None = None,
    ) -> ShownTemplate:
        now = self._clock.now()
        with self._database.write() as conn:
            templates.lock(conn)
            last = templates.latest(conn, _where(place))
            version = last.version if last else 0
            if versions is not None and version not in versions:
                raise TemplateConflict(f"version {version}")
            if sources != (last.sources if last else None):
                new = TemplateVersion(*_where(place), version + 1, sources, restores, actor, now)
                templates.add(conn, new)
                detail = {"version": new.version, "pieces": sorted(sources or {}), "restores": restores}
                audit.record(conn, [audit.Entry(now, actor, action, f"template:{place}", detail)])
        return self.get(place)

    def _shown(self, conn: Connection, place: Place) -> ShownTemplate:
        rows = templates.history(conn, _where(place))
        found = self._shelf.in_force().find(place.type, place.channel, place.locale)
        refused = next((one.faults for one in self._shelf.refused if one.where == str(place)), {})
        version = rows[0].version if rows else 0
        body = {
            "type": place.type,
            "channel": place.channel,
            "locale": place.locale,
            "version": version,
            "template_version": found.version if found else None,
            "origin": found.origin if found else "built-in",
            "pieces": {piece: self._piece(place.type, piece, found) for piece in self._pieces(place.channel)},
            "errors": refused,
            "history": [_told(row) for row in rows],
        }
        return ShownTemplate(body, version)

    def _piece(self, type_: str, piece: str, found: Override | None) -> dict[str, Any]:
        if found and piece in found.sources:
            return {"source": found.sources[piece], "origin": found.origin}
        return {"source": self._as_delivered.source(type_, piece), "origin": "built-in"}

    def _pieces(self, channel: str) -> tuple[str, ...]:
        return pieces_of(self._kinds.get(channel))

    def _sources(self, place: Place, version: int) -> Mapping[str, str] | None:
        with self._database.read() as conn:
            rows = {row.version: row for row in templates.history(conn, _where(place))}
        return rows[version].sources if version in rows else None


def _where(place: Place) -> templates.Where:
    return place.type, place.channel, place.locale


def _told(row: TemplateVersion) -> dict[str, Any]:
    change = "removed" if row.sources is None else "saved" if row.restores is None else "restored"
    return {
        "version": row.version,
        "change": change,
        "restores": row.restores,
        "at": row.created_at,
        "by": row.actor,
        "template_version": None if row.sources is None else as_override(row).version,
    }
