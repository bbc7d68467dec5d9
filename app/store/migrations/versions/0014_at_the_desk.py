"""Why a channel is paused, and an index that counts what is open by lane and channel too."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NAME = "notifications_open"
_OPEN = sa.text("status IN ('pending', 'held', 'sending', 'retrying')")


def upgrade() -> None:
    """Build this revision from the one before."""
    op.add_column("paused_channels", sa.Column("reason", sa.String(200), nullable=True))
    _replace(["expires_at", "status", "created_at", "lane", "channel"])


def downgrade() -> None:
    """Undo it."""
    _replace(["expires_at", "status", "created_at"])
    op.drop_column("paused_channels", "reason")


def _replace(columns: list[str]) -> None:
    op.drop_index(_NAME, table_name="notifications")
    op.create_index(_NAME, "notifications", columns, sqlite_where=_OPEN, postgresql_where=_OPEN)
