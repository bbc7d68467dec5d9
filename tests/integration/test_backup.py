"""The whole state in one file and back, while the product runs and is written to."""

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.product import Product, eventually, run


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product on SQLite whose state only these tests change; each has a user of its own."""
    with Product(tmp_path_factory.mktemp("backup"), RELAY_TICK_SECONDS="0.5") as product:
        yield product


def rows(product: Product, user: str) -> list[str]:
    """What a user has in the inbox, by what it is about."""
    return sorted(item["subject_key"] for item in product.get(f"/inbox/{user}")["items"])


def submit(product: Product, user: str, job: str) -> dict:
    event = product.submit("job.failed", {"job_id": job, "error": "disk full"}, user, channels=["inapp"])
    return product.ended(event)


def test_a_copy_made_under_load_is_one_moment_and_can_be_put_back_while_it_runs(running: Product, tmp_path: Path):
    copy = tmp_path / "copy.db"
    submit(running, "ana", "before")
    stop = threading.Event()

    def load() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            running.submit("job.failed", {"job_id": f"l-{number}", "error": "x"}, "somebody", channels=["inapp"])

    writer = threading.Thread(target=load)
    writer.start()
    try:
        done = run("backup", str(copy), **running.settings)
    finally:
        stop.set()
        writer.join()
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        # Accepted is counted in the transaction that inserts the rows: in one moment they are as many.
        ((counted,),) = connection.execute(
            "SELECT sum(value) FROM counters WHERE name = 'notifications_accepted_total'"
        ).fetchall()
        ((stored,),) = connection.execute("SELECT count(*) FROM notifications").fetchall()
    assert counted == stored

    submit(running, "ana", "after")
    assert rows(running, "ana") == ["after", "before"]
    refused = run("restore", str(copy), **running.settings)
    assert (refused.returncode, "say --yes" in refused.stderr) == (1, True)
    assert rows(running, "ana") == ["after", "before"]

    done = run("restore", str(copy), "--yes", **running.settings)
    assert done.returncode == 0, done.stderr
    eventually(lambda: rows(running, "ana") == ["before"])
    # Nothing has to be restarted: what comes now is worked as ever.
    assert submit(running, "ana", "since")["counts"] == {"delivered": 1}
    assert rows(running, "ana") == ["before", "since"]
    eventually(lambda: running.metrics().sum("notifications_unaccounted") == 0)
    assert running.get("/audit", action="database.restored")["items"]
    assert run("audit", "verify", **running.settings).returncode == 0
    (kept,) = running.data_dir.glob("*.before-restore*.db")
    with closing(sqlite3.connect(kept)) as connection:
        said = connection.execute("SELECT count(*) FROM inbox WHERE subject_key = 'after'").fetchall()
    assert said == [(1,)]


def test_with_hold_nothing_goes_out_before_somebody_has_looked(running: Product, tmp_path: Path):
    copy = tmp_path / "copy.db"
    assert run("backup", str(copy), **running.settings).returncode == 0
    done = run("restore", str(copy), "--yes", "--hold", **running.settings)
    assert (done.returncode, "every channel is paused" in done.stdout) == (0, True)
    event = running.submit("job.failed", {"job_id": "j", "error": "x"}, "bob", channels=["inapp"])
    eventually(lambda: running.event(event)["counts"] == {"held": 1})
    assert running.call("POST", "/channels/inapp/resume").status_code == 200
    assert running.ended(event)["counts"] == {"delivered": 1}


def test_what_cannot_be_put_back_changes_nothing(running: Product, tmp_path: Path):
    submit(running, "eve", "mine")
    garbage, empty, foreign = (tmp_path / name for name in ("garbage.db", "empty.db", "foreign.db"))
    garbage.write_bytes(b"no database at all" * 100)
    empty.touch()
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
        connection.commit()
    for file, said in (
        (garbage, "it is no database"),
        (empty, "it is no database of this service"),
        (foreign, "written by a newer version"),
        (tmp_path / "nothing.db", "nothing.db"),
    ):
        done = run("restore", str(file), "--yes", **running.settings)
        assert (done.returncode, said in done.stderr) == (1, True), done
    copy = tmp_path / "copy.db"
    assert run("backup", str(copy), **running.settings).returncode == 0
    again = run("backup", str(copy), **running.settings)
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    assert rows(running, "eve") == ["mine"]


def test_another_secret_key_or_database_is_refused(running: Product, tmp_path: Path):
    copy = tmp_path / "copy.db"
    running.set_user("sue", contacts={"webhook": {"url": "http://127.0.0.1:9/x"}})
    assert run("backup", str(copy), **running.settings).returncode == 0
    settings = {
        **running.settings,
        "DATA_DIR": str(tmp_path / "elsewhere"),
        "SECRET_KEY": "another secret key, long enough",
    }
    done = run("restore", str(copy), "--yes", **settings)
    assert (done.returncode, "SECRET_KEY" in done.stderr) == (1, True)
    assert not (tmp_path / "elsewhere" / "notifications.db").exists()
    for word in ("backup", "restore"):
        done = run(word, str(copy), **{**settings, "DATABASE_URL": "postgresql://127.0.0.1/nowhere"})
        assert (done.returncode, "this is for SQLite" in done.stderr) == (1, True)
