"""What is held by person and channel, what each digest carries, and the inbox's items that move."""

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
_COURSE = sa.text("type IN ('job.completed', 'job.failed', 'job.progress')")


def upgrade() -> None:
    """Build this revision from the one before."""
    for name, (columns, where) in _INDEXES.items():
        op.create_index(name, "notifications", columns, sqlite_where=where, postgresql_where=where)
    op.add_column("inbox", sa.Column("occurred_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "inbox_courses", "inbox", ["user_id", "subject_key"], sqlite_where=_COURSE, postgresql_where=_COURSE
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_index("inbox_courses", table_name="inbox")
    op.drop_column("inbox", "occurred_at")
    for name in reversed(_INDEXES):
        op.drop_index(name, table_name="notifications")
