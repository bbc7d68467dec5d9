"""What happened, what is told of it, and every attempt at that."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table, Text, text

from app.store.tables.base import UtcTime, metadata

events = Table(
    "events",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("type", String(64), nullable=False),
    Column("recipients", JSON, nullable=False),
    Column("data", JSON, nullable=False),
    Column("source", String(255)),
    Column("subject_key", String(255)),
    Column("sequence", BigInteger),
    Column("dedupe_key", String(255)),
    Column("channels", JSON(none_as_null=True)),
    Column("priority", String(8), nullable=False),
    Column("resolved", Boolean, nullable=False),
    Column("occurred_at", UtcTime, nullable=False),
    Column("deliver_at", UtcTime),
    Column("expires_at", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("owner", String(64), nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("event_id", String(40), nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("idempotency_age", "created_at"),
    Index("idempotency_by_event", "event_id"),
)

# SQLite uses a partial index only when the query repeats its condition word for word, so these are the words.
IS_OPEN = text("status IN ('pending', 'held', 'sending', 'retrying')")
IS_UNANNOUNCED = text("status = 'pending' AND announced_at IS NULL")
IS_ANNOUNCED = text("status = 'pending' AND announced_at IS NOT NULL")
IS_PENDING = text("status = 'pending'")
IS_WAITING = text("status IN ('held', 'retrying')")
IS_SENDING = text("status = 'sending'")
IS_FAILED = text("status = 'failed'")
HAS_SUBJECT = text("subject_key IS NOT NULL")
IS_PAUSED = text("status = 'held' AND reason = 'paused'")
IS_HELD = text("status = 'held'")
IS_DIGESTED = text("digest_id IS NOT NULL")
IS_UNTOLD = text("duplicates > 0 AND repeats_told_in IS NULL AND last_repeat_at IS NOT NULL")
IS_REPLAY = text("replay_of IS NOT NULL")
# An opening that failed in doubt may be open at the receiver all the same.
IS_LIVE_ALERT = text(
    "alert_key IS NOT NULL AND (status IN ('pending', 'held', 'sending', 'retrying', 'delivered')"
    " OR (possible_duplicate AND NOT closes_alert))"
)
IS_OPEN_ALERT = text("alert_key IS NOT NULL AND status IN ('pending', 'held', 'sending', 'retrying')")
IS_OPEN_FALLBACK = text("fallback AND status IN ('pending', 'held', 'sending', 'retrying')")

notifications = Table(
    "notifications",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("event_id", String(40)),
    Column("user_id", String(128), nullable=False),
    Column("type", String(64), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("lane", String(32), nullable=False),
    Column("target", String(255), nullable=False),
    Column("priority", String(8), nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", String(32)),
    Column("subject_key", String(255)),
    Column("sequence", BigInteger),
    Column("source", String(255), nullable=False),
    Column("fingerprint", String(32), nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("announced_at", UtcTime),
    Column("lease_until", UtcTime),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("duplicates", Integer, nullable=False, server_default="0"),
    # When it was repeated the last time, and which later one has told its reader so.
    Column("last_repeat_at", UtcTime),
    Column("repeats_told_in", String(40)),
    Column("possible_duplicate", Boolean, nullable=False, server_default=text("false")),
    Column("delivered_at", UtcTime),
    Column("digest_id", String(40)),
    Column("replay_of", String(40)),
    Column("content", JSON(none_as_null=True)),
    # Somebody took it back while it was being sent: it ends there unless it was delivered.
    Column("cancel_requested_at", UtcTime),
    # On channels of alerts: which one it is about, its place in the order of those, and whether it ends it.
    Column("alert_key", String(64)),
    Column("alert_step", BigInteger),
    Column("closes_alert", Boolean, nullable=False, server_default=text("false")),
    # It stands in for an item of the inbox that nobody has read.
    Column("fallback", Boolean, nullable=False, server_default=text("false")),
    Index("notifications_by_user", "user_id", "id"),
    Index("notifications_by_event", "event_id"),
    Index("notifications_by_subject", "subject_key", "id", sqlite_where=HAS_SUBJECT, postgresql_where=HAS_SUBJECT),
    Index(
        "notifications_unannounced",
        "lane",
        "source",
        "user_id",
        "id",
        sqlite_where=IS_UNANNOUNCED,
        postgresql_where=IS_UNANNOUNCED,
    ),
    Index("notifications_announced", "lane", "announced_at", sqlite_where=IS_ANNOUNCED, postgresql_where=IS_ANNOUNCED),
    Index("notifications_pending", "next_at", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING),
    Index("notifications_waiting", "next_at", sqlite_where=IS_WAITING, postgresql_where=IS_WAITING),
    Index("notifications_sending", "lease_until", sqlite_where=IS_SENDING, postgresql_where=IS_SENDING),
    Index("notifications_failed", "id", sqlite_where=IS_FAILED, postgresql_where=IS_FAILED),
    Index(
        "notifications_live_alerts",
        "channel",
        "alert_key",
        "alert_step",
        unique=True,
        sqlite_where=IS_LIVE_ALERT,
        postgresql_where=IS_LIVE_ALERT,
    ),
    Index(
        "notifications_open_alerts",
        "channel",
        "alert_key",
        "alert_step",
        sqlite_where=IS_OPEN_ALERT,
        postgresql_where=IS_OPEN_ALERT,
    ),
    Index("notifications_paused", "channel", "id", sqlite_where=IS_PAUSED, postgresql_where=IS_PAUSED),
    Index("notifications_held", "user_id", "channel", "id", sqlite_where=IS_HELD, postgresql_where=IS_HELD),
    Index("notifications_digested", "digest_id", "id", sqlite_where=IS_DIGESTED, postgresql_where=IS_DIGESTED),
    Index(
        "notifications_untold",
        "user_id",
        "channel",
        "subject_key",
        sqlite_where=IS_UNTOLD,
        postgresql_where=IS_UNTOLD,
    ),
    Index(
        "notifications_fallbacks",
        "user_id",
        "id",
        sqlite_where=IS_OPEN_FALLBACK,
        postgresql_where=IS_OPEN_FALLBACK,
    ),
    Index("notifications_replays", "replay_of", sqlite_where=IS_REPLAY, postgresql_where=IS_REPLAY),
    # Covers the open gauges as well as the search for what has expired.
    Index(
        "notifications_open",
        "expires_at",
        "status",
        "created_at",
        "lane",
        "channel",
        sqlite_where=IS_OPEN,
        postgresql_where=IS_OPEN,
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("notification_id", String(40), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("outcome", String(16)),
    Column("http_status", Integer),
    Column("detail", Text),
    Column("provider_ref", String(255)),
)
