"""What belongs to people: what they want, where they are reached, and what is in their inbox."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, Text, text

from app.store.tables.base import Serial, UtcTime, metadata

IS_OF_A_COURSE = text("type IN ('job.completed', 'job.failed', 'job.progress')")
IS_UNREAD = text("read_at IS NULL AND archived_at IS NULL")

preferences = Table(
    "preferences",
    metadata,
    Column("user_id", String(128), primary_key=True),
    Column("document", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    Column("user_id", String(128), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("public", JSON, nullable=False),
    Column("secret", Text),
    Column("target", String(255), nullable=False),
    Column("disabled_reason", Text),
    Column("updated_at", UtcTime, nullable=False),
    # Since when everything that was sent there has failed, and when its owner was told.
    Column("failing_since", UtcTime),
    Column("warned_at", UtcTime),
)

inbox = Table(
    "inbox",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("notification_id", String(40), nullable=False, unique=True),
    Column("event_id", String(40)),
    Column("user_id", String(128), nullable=False),
    Column("type", String(64), nullable=False),
    Column("priority", String(8), nullable=False),
    Column("subject_key", String(255)),
    Column("sequence", BigInteger),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("read_at", UtcTime),
    Column("archived_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    # Empty for what came before it was kept.
    Column("occurred_at", UtcTime),
    # The number of its latest change among all changes of this user's inbox, in the order of their commits.
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Index("inbox_by_user", "user_id", "seq"),
    Index("inbox_courses", "user_id", "subject_key", sqlite_where=IS_OF_A_COURSE, postgresql_where=IS_OF_A_COURSE),
    Index("inbox_unread", "user_id", "seq", sqlite_where=IS_UNREAD, postgresql_where=IS_UNREAD),
    Index("inbox_by_revision", "user_id", "revision", unique=True),
)

# The latest revision of each inbox. Whoever changes an inbox changes this row first, and so they come one by one.
inbox_heads = Table(
    "inbox_heads",
    metadata,
    Column("user_id", String(128), primary_key=True),
    Column("revision", BigInteger, nullable=False),
)

# Whom the pseudonyms in the audit log stand for.
audit_people = Table(
    "audit_people",
    metadata,
    Column("user_id", String(128), primary_key=True),
    Column("pseudonym", String(40), nullable=False, unique=True),
    Column("salt", String(64), nullable=False),
)

# People who are being erased; the row goes last.
erasures = Table(
    "erasures",
    metadata,
    Column("user_id", String(128), primary_key=True),
    Column("pseudonym", String(40), nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    # How far the search through all events has come.
    Column("last_event_id", String(40), nullable=False),
)
