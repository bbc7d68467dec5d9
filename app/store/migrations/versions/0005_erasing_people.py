"""What erasing a person needs: pseudonyms in the audit log, a note of what is under way, and a way to events' keys."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build this revision from the one before."""
    op.create_table(
        "audit_people",
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("pseudonym", sa.String(length=40), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
        sa.UniqueConstraint("pseudonym"),
    )
    op.create_table(
        "erasures",
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("pseudonym", sa.String(length=40), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("last_event_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_index("idempotency_by_event", "idempotency", ["event_id"])


def downgrade() -> None:
    """Undo it."""
    op.drop_index("idempotency_by_event", table_name="idempotency")
    op.drop_table("erasures")
    op.drop_table("audit_people")
