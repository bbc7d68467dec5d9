"""The migrations: they build what the tables say, undo it, and may be run by several at once."""

from typing import Any

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import event

from app.store.engine import Database
from app.store.migrate import downgrade, migrations, upgrade
from app.store.schema import HEAD, current
from tests.fakes.at_once import at_once


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(migrations()).get_current_head() == HEAD


def test_the_migrations_build_what_the_tables_say(database: Database) -> None:
    with database.write() as conn:
        command.check(migrations(conn))


def test_down_and_up_again(database: Database) -> None:
    downgrade(database, "base")
    assert current(database) is None
    upgrade(database)
    assert current(database) == HEAD


def test_five_that_migrate_at_once_do_not_disturb_each_other(database: Database) -> None:
    downgrade(database, "base")
    assert at_once(5, lambda _number: upgrade(database)) == [HEAD] * 5


def test_a_step_may_take_long_and_may_not_wait_long(postgresql: Database) -> None:
    downgrade(postgresql, "base")
    limits = set()

    def look(_conn: object, cursor: Any, statement: str, *_: object) -> None:
        if statement.lstrip().startswith("CREATE INDEX"):
            names = ("statement_timeout", "lock_timeout")
            limits.add(tuple(cursor.execute(f"SHOW {name}").fetchone()[0] for name in names))

    event.listen(postgresql.engine, "before_cursor_execute", look)
    try:
        upgrade(postgresql)
    finally:
        event.remove(postgresql.engine, "before_cursor_execute", look)
    assert limits == {("0", "10s")}
