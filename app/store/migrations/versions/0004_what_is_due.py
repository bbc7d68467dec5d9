"""A quick way to the notification that has been due for the longest."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build this revision from the one before."""
    pending = sa.text("status = 'pending'")
    op.create_index(
        "notifications_pending", "notifications", ["next_at"], sqlite_where=pending, postgresql_where=pending
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_index("notifications_pending", table_name="notifications")
