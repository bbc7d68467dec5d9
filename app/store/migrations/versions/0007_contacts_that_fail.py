"""Since when a contact takes nothing of what is sent there, and when its owner was warned."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build this revision from the one before."""
    op.add_column("contacts", sa.Column("failing_since", sa.BigInteger(), nullable=True))
    op.add_column("contacts", sa.Column("warned_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Undo it."""
    op.drop_column("contacts", "warned_at")
    op.drop_column("contacts", "failing_since")
