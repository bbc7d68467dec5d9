"""Changes of an inbox are numbered, so that a stream of them can be taken up where it broke off."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build this revision from the one before."""
    op.add_column("inbox", sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "inbox_heads",
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
    )
    # What is there counts as changed in the order in which it arrived.
    op.execute("UPDATE inbox SET revision = seq")
    op.execute("INSERT INTO inbox_heads (user_id, revision) SELECT user_id, max(seq) FROM inbox GROUP BY user_id")
    op.create_index("inbox_by_revision", "inbox", ["user_id", "revision"], unique=True)


def downgrade() -> None:
    """Undo it."""
    op.drop_index("inbox_by_revision", table_name="inbox")
    op.drop_table("inbox_heads")
    op.drop_column("inbox", "revision")
