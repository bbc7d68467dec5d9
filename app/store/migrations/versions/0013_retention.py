"""Up to where the audit log may be purged, and a quick way to what is about a subject.

Entries may go once an anchor that matches the chain says so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLES = ("audit", "audit_chain")
_IS_PAST = {
    "audit": (
        "EXISTS (SELECT 1 FROM audit_chain WHERE audit_id = OLD.id AND seq <= (SELECT max(seq) FROM audit_anchor))"
    ),
    "audit_chain": "EXISTS (SELECT 1 FROM audit_anchor WHERE seq >= OLD.seq)",
}
_MATCHES = "EXISTS (SELECT 1 FROM audit_chain WHERE seq = NEW.seq AND hash = NEW.hash)"
_REFUSE = (
    "CREATE TRIGGER {name} BEFORE {verb} ON {table} {when} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)
_FUNCTION = (
    "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF NOT {condition} THEN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END IF; RETURN {row}; END $$"
)
_ROWS = "CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
_STATEMENTS = (
    "CREATE TRIGGER {table}_append_only BEFORE {verbs} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)


def upgrade() -> None:
    """Build this revision from the one before."""
    subject = sa.text("subject_key IS NOT NULL")
    op.create_index(
        "notifications_by_subject",
        "notifications",
        ["subject_key", "id"],
        sqlite_where=subject,
        postgresql_where=subject,
    )
    op.create_table(
        "audit_anchor",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            op.execute(f"DROP TRIGGER {table}_no_delete")
            when = f"WHEN NOT {_IS_PAST[table]}"
            op.execute(_REFUSE.format(name=f"{table}_no_delete", verb="DELETE", table=table, when=when))
        for name, verb, when in (
            ("audit_anchor_matches", "INSERT", f"WHEN NOT {_MATCHES}"),
            ("audit_anchor_no_update", "UPDATE", ""),
            ("audit_anchor_no_delete", "DELETE", ""),
        ):
            op.execute(_REFUSE.format(name=name, verb=verb, table="audit_anchor", when=when))
        return
    for table in _TABLES:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute(_STATEMENTS.format(table=table, verbs="UPDATE OR TRUNCATE"))
        op.execute(_FUNCTION.format(name=f"{table}_no_delete", condition=_IS_PAST[table], row="OLD"))
        op.execute(_ROWS.format(name=f"{table}_no_delete", verb="DELETE", table=table))
    op.execute(_STATEMENTS.format(table="audit_anchor", verbs="UPDATE OR DELETE OR TRUNCATE"))
    op.execute(_FUNCTION.format(name="audit_anchor_matches", condition=_MATCHES, row="NEW"))
    op.execute(_ROWS.format(name="audit_anchor_matches", verb="INSERT", table="audit_anchor"))


def downgrade() -> None:
    """Undo it. A log that was purged does not begin at its beginning, and older versions call that a fault."""
    op.drop_index("notifications_by_subject", table_name="notifications")
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            op.execute(f"DROP TRIGGER {table}_no_delete")
            op.execute(_REFUSE.format(name=f"{table}_no_delete", verb="DELETE", table=table, when=""))
        op.drop_table("audit_anchor")
        return
    op.drop_table("audit_anchor")
    op.execute("DROP FUNCTION audit_anchor_matches()")
    for table in _TABLES:
        op.execute(f"DROP TRIGGER {table}_no_delete ON {table}")
        op.execute(f"DROP FUNCTION {table}_no_delete()")
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute(_STATEMENTS.format(table=table, verbs="UPDATE OR DELETE OR TRUNCATE"))
