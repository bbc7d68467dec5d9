"""Everybody's preferences as entries of a file: written out to be kept, changed by many, or moved elsewhere.

An entry is a document with whose it is, and holds only what they set, so that defaults stay defaults wherever it is
read. Contacts of the environment are in no entry: each installation has its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.clock import Clock
from app.domain.ids import is_user_id
from app.services.intake import Invalid
from app.services.paging import DEFAULT_LIMIT, Page, make_cursor, read_cursor, refuse_cursor
from app.services.people import DEFAULTS_USER
from app.services.preference_view import PreferenceView
from app.services.preferences import PreferenceDocuments, Restored
from app.store import audit, people
from app.store.engine import Database

_KIND = "preferences"
_SLICE = 200
_OBJECT = "preferences"


class PreferenceFiles:
    """Makes entries, and takes them in."""

    def __init__(self, database: Database, view: PreferenceView, documents: PreferenceDocuments, clock: Clock) -> None:
        self._database = database
        self._view = view
        self._documents = documents
        self._clock = clock

    def count(self) -> int:
        """Of how many there is an entry."""
        with self._database.read() as conn:
            return people.count_documents(conn)

    def begin(self, *, actor: str, with_secrets: bool) -> None:
        """Put on record that everything is being written out. Before the first entry is."""
        with self._database.write() as conn:
            detail = {"with_secrets": with_secrets}
            audit.record(conn, [audit.Entry(self._clock.now(), actor, "preferences.export", _OBJECT, detail)])

    def page(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page:
        """Entries without secrets. Raises Invalid for a cursor that is none of this list."""
        entries = self._after("" if cursor is None else _last_user(cursor), limit + 1, with_secrets=False)
        following = make_cursor(_KIND, entries[limit - 1]["user_id"]) if len(entries) > limit else None
        return Page(entries[:limit], following)

    def entries(self, *, cursor: str | None = None, with_secrets: bool = False) -> Iterator[dict[str, Any]]:
        """Everybody's, the defaults' and the operators' among them, in the order of their ids and read in slices.

        Raises Invalid for a cursor that is none of this list.
        """
        last = "" if cursor is None else _last_user(cursor)
        while True:
            found = self._after(last, _SLICE, with_secrets=with_secrets)
            yield from found
            if len(found) < _SLICE:
                return
            last = found[-1]["user_id"]

    def _after(self, last: str, limit: int, *, with_secrets: bool) -> list[dict[str, Any]]:
        with self._database.read() as conn:
            found = self._view.many(conn, people.users_after(conn, last, limit))
        return [self._view.entry(stored, with_secrets=with_secrets) for stored in found]

    def restore(self, entry: Mapping[str, Any], *, actor: str, dry_run: bool) -> Restored:
        """Put an entry in the place of what there is about its user, or only tell what would become of it.

        Raises Invalid.
        """
        user_id = user_of(entry)
        if user_id is None:
            raise Invalid({"json": {"user_id": [f"Must be the id of a user, or {DEFAULTS_USER}."]}})
        return self._documents.restore(user_id, entry, actor=actor, dry_run=dry_run)


def user_of(entry: Mapping[str, Any]) -> str | None:
    """Whose an entry is; None when it does not say."""
    user_id = entry.get("user_id")
    return user_id if isinstance(user_id, str) and _may_have_one(user_id) else None


def _may_have_one(user_id: str) -> bool:
    return user_id == DEFAULTS_USER or is_user_id(user_id)


def _last_user(cursor: str) -> str:
    position = read_cursor(_KIND, cursor)
    if not _may_have_one(position):
        refuse_cursor()
    return position
