"""The benchmark counts commits as SQLite does, whoever makes them."""

import subprocess
import sys

import pytest
from sqlalchemy import text

from app.store.engine import Database
from app.store.tables import markers
from tests.benchmarks.commits import Commits


def put(database: Database, name: str) -> None:
    with database.write() as conn:
        conn.execute(markers.insert().values(name=name, value="v"))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_changes_something_counts_once(database: Database):
    url = database.engine.url.render_as_string(hide_password=False)
    put(database, "first")
    with Commits(database, url) as commits:
        before = commits.so_far()
        put(database, "second")
        put(database, "third")
        with database.read() as conn:
            conn.execute(text("SELECT count(*) FROM markers")).one()
        with database.write():
            pass
        assert commits.so_far() - before == 2
        file = database.engine.url.database
        script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('DELETE FROM markers'); c.commit()"
        subprocess.run([sys.executable, "-c", script, str(file)], check=True)
        assert commits.so_far() - before == 3
        put(database, "fourth")
        assert commits.so_far() - before == 4
