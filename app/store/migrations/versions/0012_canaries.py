"""Test messages that prove the lanes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build this revision from the one before."""
    op.create_table(
        "canaries",
        sa.Column("lane", sa.String(32), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("tried_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.Column("crossed_id", sa.String(40), nullable=True),
        sa.Column("crossed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("lane"),
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_table("canaries")
