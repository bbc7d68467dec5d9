"""What operators need: cancel marks, paused channels, and quick ways to dead letters and replays."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build this revision from the one before."""
    op.add_column("notifications", sa.Column("cancel_requested_at", sa.BigInteger(), nullable=True))
    failed, replays = sa.text("status = 'failed'"), sa.text("replay_of IS NOT NULL")
    op.create_index("notifications_failed", "notifications", ["id"], sqlite_where=failed, postgresql_where=failed)
    op.create_index(
        "notifications_replays", "notifications", ["replay_of"], sqlite_where=replays, postgresql_where=replays
    )
    paused = sa.text("status = 'held' AND reason = 'paused'")
    op.create_index(
        "notifications_paused", "notifications", ["channel", "id"], sqlite_where=paused, postgresql_where=paused
    )
    op.create_table(
        "paused_channels",
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("paused_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=160), nullable=False),
        sa.PrimaryKeyConstraint("channel"),
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_table("paused_channels")
    op.drop_index("notifications_paused", table_name="notifications")
    op.drop_index("notifications_replays", table_name="notifications")
    op.drop_index("notifications_failed", table_name="notifications")
    op.drop_column("notifications", "cancel_requested_at")
