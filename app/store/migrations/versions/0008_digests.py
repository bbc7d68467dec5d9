"""What is held by person and channel, and what each digest carries."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INDEXES = {
    "notifications_held": (["user_id", "channel", "id"], sa.text("status = 'held'")),
    "notifications_digested": (["digest_id", "id"], sa.text("digest_id IS NOT NULL")),
}


def upgrade() -> None:
    """Build this revision from the one before."""
    for name, (columns, where) in _INDEXES.items():
        op.create_index(name, "notifications", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Undo it."""
    for name in reversed(_INDEXES):
        op.drop_index(name, table_name="notifications")
