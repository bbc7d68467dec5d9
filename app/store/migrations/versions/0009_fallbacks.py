"""What stands in for an item of the inbox that nobody has read."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OPEN = sa.text("fallback AND status IN ('pending', 'held', 'sending', 'retrying')")


def upgrade() -> None:
    """Build this revision from the one before."""
    op.add_column("notifications", sa.Column("fallback", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.create_index(
        "notifications_fallbacks", "notifications", ["user_id", "id"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_index("notifications_fallbacks", table_name="notifications")
    op.drop_column("notifications", "fallback")
