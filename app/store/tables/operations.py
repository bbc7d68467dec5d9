"""What running the service needs."""

from sqlalchemy import JSON, BigInteger, Column, Float, Index, Integer, String, Table, Text, UniqueConstraint

from app.store.tables.base import Serial, UtcTime, metadata

paused_channels = Table(
    "paused_channels",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("paused_at", UtcTime, nullable=False),
    Column("actor", String(160), nullable=False),
    Column("reason", String(200)),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)

counters = Table(
    "counters",
    metadata,
    Column("process", String(128), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("labels", String(255), primary_key=True),
    Column("value", Float, nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("process", String(128), primary_key=True),
    Column("role", String(32), nullable=False),
    Column("beat_at", UtcTime, nullable=False),
    Column("detail", JSON, nullable=False),
)

canaries = Table(
    "canaries",
    metadata,
    Column("lane", String(32), primary_key=True),
    Column("id", String(40), nullable=False),
    Column("sent_at", UtcTime, nullable=False),
    Column("tried_at", UtcTime, nullable=False),
    Column("published_at", UtcTime),
    Column("crossed_id", String(40)),
    Column("crossed_at", UtcTime),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(160), nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", String(160), nullable=False),
    Column("detail", JSON, nullable=False),
    Index("audit_by_object", "object", "id"),
)

audit_chain = Table(
    "audit_chain",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("audit_id", BigInteger, nullable=False),
    Column("prev", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("audit_id"),
)

# Up to which link of the chain the log was purged.
audit_anchor = Table(
    "audit_anchor",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
)

markers = Table(
    "markers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

template_versions = Table(
    "template_versions",
    metadata,
    Column("revision", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("type", String(64), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("locale", String(35), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sources", JSON(none_as_null=True)),
    Column("restores", Integer),
    Column("actor", String(160), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("type", "channel", "locale", "version"),
)
