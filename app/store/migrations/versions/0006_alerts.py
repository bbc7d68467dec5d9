"""Which alert a notification is about, and in which order the notifications about one came."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_INDEXES = {
    "notifications_live_alerts": sa.text(
        "alert_key IS NOT NULL AND (status IN ('pending', 'held', 'sending', 'retrying', 'delivered')"
        " OR (possible_duplicate AND NOT closes_alert))"
    ),
    "notifications_open_alerts": sa.text(
        "alert_key IS NOT NULL AND status IN ('pending', 'held', 'sending', 'retrying')"
    ),
}


def upgrade() -> None:
    """Build this revision from the one before."""
    op.add_column("notifications", sa.Column("alert_key", sa.String(length=64), nullable=True))
    op.add_column("notifications", sa.Column("alert_step", sa.BigInteger(), nullable=True))
    op.add_column(
        "notifications", sa.Column("closes_alert", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    for name, where in _INDEXES.items():
        op.create_index(
            name,
            "notifications",
            ["channel", "alert_key", "alert_step"],
            unique=name == "notifications_live_alerts",
            sqlite_where=where,
            postgresql_where=where,
        )


def downgrade() -> None:
    """Undo it."""
    for name in reversed(_INDEXES):
        op.drop_index(name, table_name="notifications")
    for column in ("closes_alert", "alert_step", "alert_key"):
        op.drop_column("notifications", column)
