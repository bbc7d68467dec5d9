"""What is held by person and channel, what each digest carries, repeats that were not told, and items that move."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_REPEATS = {"last_repeat_at": sa.BigInteger(), "repeats_told_in": sa.String(length=40)}
_INDEXES = {
    "notifications_held": (["user_id", "channel", "id"], sa.text("status = 'held'")),
    "notifications_digested": (["digest_id", "id"], sa.text("digest_id IS NOT NULL")),
    "notifications_untold": (
        ["user_id", "channel", "subject_key"],
        sa.text("duplicates > 0 AND repeats_told_in IS NULL AND last_repeat_at IS NOT NULL"),
    ),
}
_COURSE = sa.text("type IN ('job.completed', 'job.failed', 'job.progress')")


def upgrade() -> None:
    """Build this revision from the one before."""
    for name, kind in _REPEATS.items():
        op.add_column("notifications", sa.Column(name, kind, nullable=True))
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
    for name in reversed(_REPEATS):
        op.drop_column("notifications", name)
