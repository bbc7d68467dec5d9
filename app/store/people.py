"""Preference documents and contacts, as rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    bindparam,
    delete,
    func,
    literal,
    null,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.store.tables import contacts, preferences

_P = preferences.c
_C = contacts.c
# In the public part, and only while it is false: what was stored without it may be used.
_VERIFIED = "verified"
_USERS: BindParameter[Any] = bindparam("users", expanding=True)
# Built once: building a statement costs SQLAlchemy more than running it.
_documents = select(_P.user_id, _P.document, _P.version, _P.updated_at).where(_P.user_id.in_(_USERS))
_contacts = select(
    _C.user_id,
    _C.channel,
    _C.public,
    _C.secret,
    _C.target,
    _C.disabled_reason,
    _C.failing_since,
    _C.warned_at,
    _C.updated_at,
).where(_C.user_id.in_(_USERS))
_all_about = union_all(
    _contacts.add_columns(literal(0).label("version")),
    select(
        _P.user_id,
        null().label("channel"),
        _P.document,
        null().label("secret"),
        null().label("target"),
        null().label("disabled_reason"),
        null().label("failing_since"),
        null().label("warned_at"),
        _P.updated_at,
        _P.version,
    ).where(_P.user_id.in_(_USERS)),
)
_contacts_on = _contacts.where(_C.channel == bindparam("channel_name"))
_contacts_on_locked = _contacts_on.with_for_update()


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A preference document as it was accepted; `version` counts its changes from 1."""

    document: Mapping[str, Any]
    version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StoredContact:
    """A contact with its secret still sealed; one that is not verified is not used yet."""

    user_id: str
    channel: str
    public: Mapping[str, Any]
    sealed: str | None
    target: str
    disabled_reason: str | None
    verified: bool = True
    disabled_at: datetime | None = None
    from_environment: bool = False
    """It is not stored, but comes from a variable of the environment."""
    failing_since: datetime | None = None
    """When the first of the attempts failed that have all failed since."""
    warned_at: datetime | None = None
    """When its owner was told so."""
    refused: str | None = None
    """What its receiver has against it, though it is used all the same."""

    @property
    def is_usable(self) -> bool:
        """Whether anything but the question for its verification may go there."""
        return self.verified and self.disabled_reason is None

    @property
    def in_trouble(self) -> bool:
        """Whether it did not take what was sent there before."""
        return self.failing_since is not None or self.refused is not None


@dataclass(frozen=True, slots=True)
class Sealed:
    """The sealed secret of one contact."""

    user_id: str
    channel: str
    secret: str


def documents(conn: Connection, user_ids: Iterable[str]) -> dict[str, StoredDocument]:
    """The documents of those users that have one."""
    rows = conn.execute(_documents, {"users": list(user_ids)})
    return {row.user_id: StoredDocument(row.document, row.version, row.updated_at) for row in rows}


def all_about(conn: Connection, user_ids: Iterable[str]) -> tuple[dict[str, StoredDocument], list[StoredContact]]:
    """The documents of those users that have one, and every contact of them, by one look."""
    documents: dict[str, StoredDocument] = {}
    found: list[StoredContact] = []
    for row in conn.execute(_all_about, {"users": list(user_ids)}):
        if row.version:
            documents[row.user_id] = StoredDocument(row.public, row.version, row.updated_at)
        else:
            found.append(_stored(row))
    return documents, found


def count_documents(conn: Connection) -> int:
    """How many users have one."""
    return conn.execute(select(func.count()).select_from(preferences)).scalar_one()


def users_after(conn: Connection, last: str, limit: int) -> list[str]:
    """The next users that have a document, in the order of their ids; none comes before ""."""
    return list(conn.execute(select(_P.user_id).where(_P.user_id > last).order_by(_P.user_id).limit(limit)).scalars())


def some_sealed(conn: Connection) -> str | None:
    """Any one of the secrets that are stored, or None when there is none."""
    sealed: str | None = conn.execute(select(_C.secret).where(_C.secret.is_not(None)).limit(1)).scalar()
    return sealed


def count_sealed(conn: Connection) -> int:
    """How many contacts have a secret."""
    return conn.execute(select(func.count()).select_from(contacts).where(_C.secret.is_not(None))).scalar_one()


def sealed_after(conn: Connection, last: Sealed | None, limit: int) -> list[Sealed]:
    """The next contacts that have a secret, in the order of their users."""
    statement = select(_C.user_id, _C.channel, _C.secret).where(_C.secret.is_not(None))
    if last is not None:
        statement = statement.where(tuple_(_C.user_id, _C.channel) > (last.user_id, last.channel))
    return [Sealed(*row) for row in conn.execute(statement.order_by(_C.user_id, _C.channel).limit(limit))]


_reseal = (
    update(contacts)
    .where(_C.user_id == bindparam("whose"), _C.channel == bindparam("on"), _C.secret == bindparam("old"))
    .values(secret=bindparam("new"))
)


def reseal(conn: Connection, fresh: Iterable[tuple[Sealed, str]]) -> None:
    """Put secrets that were sealed anew into the place of the old ones; what was changed meanwhile stays."""
    rows = [{"whose": was.user_id, "on": was.channel, "old": was.secret, "new": new} for was, new in fresh]
    conn.execute(_reseal, rows)


def put_document(
    conn: Connection, user_id: str, document: Mapping[str, Any], *, replaces: int | None, now: datetime
) -> int | None:
    """Store a document over the version it replaces (None: there was none); the new version, or None on a conflict."""
    if replaces is None:
        put = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
        row = {"user_id": user_id, "document": dict(document), "version": 1, "updated_at": now}
        # RETURNING, because an INSERT's rowcount is not known on PostgreSQL.
        statement = put(preferences).on_conflict_do_nothing(index_elements=["user_id"]).returning(preferences.c.version)
        version: int | None = conn.execute(statement, row).scalar()
        return version
    changed = conn.execute(
        update(preferences)
        .where(preferences.c.user_id == user_id, preferences.c.version == replaces)
        .values(document=dict(document), version=replaces + 1, updated_at=now)
    )
    return replaces + 1 if changed.rowcount else None


def contacts_of(conn: Connection, user_ids: Iterable[str]) -> list[StoredContact]:
    """Every contact of these users."""
    return [_stored(row) for row in conn.execute(_contacts, {"users": list(user_ids)})]


def contacts_on(conn: Connection, channel: str, user_ids: Iterable[str], *, lock: bool = False) -> list[StoredContact]:
    """The contacts of these users on one channel; `lock`: nobody else changes them before the transaction ends."""
    statement = _contacts_on_locked if lock else _contacts_on
    rows = conn.execute(statement, {"users": list(user_ids), "channel_name": channel})
    return [_stored(row) for row in rows]


def put_contact(conn: Connection, contact: StoredContact, now: datetime) -> None:
    """Store a contact, over an older one of the same user and channel."""
    conn.execute(_upsert(conn, contact, now))


def put_mark(conn: Connection, contact: StoredContact, now: datetime) -> bool:
    """Store what is disabled in the place of nothing, or of another that is disabled; false when that is not so."""
    other = _C.disabled_reason.is_not(None) & (_C.target != contact.target)
    return conn.execute(_upsert(conn, contact, now, where=other)).scalar() is not None


def remove_contact(conn: Connection, user_id: str, channel: str) -> None:
    """Forget a contact."""
    conn.execute(delete(contacts).where(contacts.c.user_id == user_id, contacts.c.channel == channel))


def disable_contact(conn: Connection, user_id: str, channel: str, reason: str, now: datetime) -> bool:
    """Stop using a contact, and say why; false when it was already disabled or is gone."""
    changed = conn.execute(
        update(contacts)
        .where(contacts.c.user_id == user_id, contacts.c.channel == channel, contacts.c.disabled_reason.is_(None))
        .values(disabled_reason=reason, updated_at=now)
    )
    return bool(changed.rowcount)


def note_failing(
    conn: Connection, user_id: str, channel: str, *, since: datetime | None, warned_at: datetime | None = None
) -> None:
    """Note since when everything that was sent to a contact has failed; None: it does not."""
    where = (contacts.c.user_id == user_id, contacts.c.channel == channel)
    conn.execute(update(contacts).where(*where).values(failing_since=since, warned_at=warned_at))


def remove_mark(conn: Connection, contact: StoredContact) -> None:
    """Take back what `put_mark` stored, if it is there still."""
    where = (contacts.c.user_id == contact.user_id, contacts.c.channel == contact.channel)
    conn.execute(delete(contacts).where(*where, _C.target == contact.target, _C.disabled_reason.is_not(None)))


def _upsert(conn: Connection, contact: StoredContact, now: datetime, *, where: Any = None) -> Any:
    insert = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
    values = {
        "public": dict(contact.public) | ({} if contact.verified else {_VERIFIED: False}),
        "secret": contact.sealed,
        "target": contact.target,
        "disabled_reason": contact.disabled_reason,
        "updated_at": contact.disabled_at or now,
        "failing_since": None,
        "warned_at": None,
    }
    statement = insert(contacts).values(user_id=contact.user_id, channel=contact.channel, **values)
    # RETURNING, because an INSERT's rowcount is not known on PostgreSQL.
    return statement.on_conflict_do_update(index_elements=["user_id", "channel"], set_=values, where=where).returning(
        _C.user_id
    )


def _stored(row: Any) -> StoredContact:
    public = {name: value for name, value in row.public.items() if name != _VERIFIED}
    verified = row.public.get(_VERIFIED, True)
    return StoredContact(
        row.user_id,
        row.channel,
        public,
        row.secret,
        row.target,
        row.disabled_reason,
        verified,
        # Nothing else is written to one that is disabled.
        disabled_at=None if row.disabled_reason is None else row.updated_at,
        failing_since=row.failing_since,
        warned_at=row.warned_at,
    )
