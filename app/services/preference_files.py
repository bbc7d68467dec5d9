"""Everybody's preferences as entries of a file: written out to be kept, changed by many, or moved elsewhere.

An entry is a document with whose it is, and holds only what they set, so that defaults stay defaults wherever it is
read. Contacts of the environment are in no entry: each installation has its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.clock import Clock
from app.domain.ids import is_user_id
from app.services.intake import Invalid
from app.services.people import DEFAULTS_USER
from app.services.preference_view import PreferenceView
from app.services.preferences import PreferenceDocuments, Restored
from app.store import audit, people
from app.store.engine import Database

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

    def entries(self, *, with_secrets: bool) -> Iterator[dict[str, Any]]:
        """Everybody's, the defaults' and the operators' among them, in the order of their ids and read in slices."""
        last = ""
        while True:
            with self._database.read() as conn:
                user_ids = people.users_after(conn, last, _SLICE)
                found = self._view.many(conn, user_ids)
            for stored in found:
                yield self._view.entry(stored, with_secrets=with_secrets)
            if len(user_ids) < _SLICE:
                return
            last = user_ids[-1]

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
    fits = isinstance(user_id, str) and (user_id == DEFAULTS_USER or is_user_id(user_id))
    return user_id if fits else None
