"""A quick way to the users of a source for whom something waits to be announced, and to the oldest of each."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NAME = "notifications_unannounced"
_UNANNOUNCED = sa.text("status = 'pending' AND announced_at IS NULL")


def upgrade() -> None:
    """Build this revision from the one before."""
    _replace(["lane", "source", "user_id", "id"])


def downgrade() -> None:
    """Undo it."""
    _replace(["lane", "source", "id"])


def _replace(columns: list[str]) -> None:
    op.drop_index(_NAME, table_name="notifications")
    op.create_index(_NAME, "notifications", columns, sqlite_where=_UNANNOUNCED, postgresql_where=_UNANNOUNCED)
