"""A product that is started on a database full of old rows purges them, whatever happens to it meanwhile."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, insert, select

from app.store import audit, notifications
from app.store.engine import Database
from app.store.migrate import upgrade
from app.store.tables import attempts, audit_chain
from app.store.tables import notifications as rows
from tests.drills.processes import Process
from tests.fakes.rows import notification
from tests.fakes.sealing import seal
from tests.integration.product import Product, eventually, run

MANY = 12_000
"""So many that the relay can be killed while it is at them."""
SLICES = 1_500
"""Enough for one slice after the other."""
OLD = timedelta(days=3)


def fill(file: Path, count: int) -> list[str]:
    """Put old notifications with an attempt and two sealed entries each into a new database; their ids."""
    database = Database(f"sqlite:///{file}")
    upgrade(database)
    old = datetime.now(UTC) - OLD
    made = [notification(old + timedelta(seconds=number), event_id=None) for number in range(count)]
    with database.write() as conn:
        notifications.insert_notifications(conn, made)
        tried = {"number": 1, "outcome": "delivered"}
        conn.execute(
            insert(attempts), [{**tried, "notification_id": row.id, "started_at": row.created_at} for row in made]
        )
        for action in ("plan", "deliver"):
            audit.record(conn, [audit.Entry(row.created_at, "system:test", action, row.id) for row in made])
        while seal(conn):
            pass
    database.close()
    return [row.id for row in made]


def relay_of(product: Product) -> Process | None:
    """Its relay, while there is one."""
    try:
        return product.child("relay")
    except StopIteration:
        return None


def test_old_rows_go_and_new_ones_come_though_the_relay_is_killed_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "notifications.db"
    old = fill(file, MANY)
    with Product(tmp_path, RETENTION_DAYS="1", RELAY_TICK_SECONDS="0.5") as product:
        database = Database(f"sqlite:///{file}")

        def left(table=rows) -> int:
            with database.read() as conn:
                return conn.execute(select(func.count()).select_from(table)).scalar_one()

        for goal in (3 * MANY // 4, MANY // 2):
            eventually(lambda goal=goal: left() <= goal)
            os.kill(eventually(lambda: relay_of(product)).pid, signal.SIGKILL)
            assert left() > 0
            event = product.submit("job.failed", {"job_id": f"j-{goal}", "error": "disk full"}, "ada")
        new = {one["id"] for one in product.ended(event)["notifications"]}
        eventually(lambda: left() <= 2 * len(new), seconds=60)
        # The entries go last.
        eventually(lambda: product.get("/audit", action="retention.purge")["items"], seconds=60)
        database.close()
        assert {product.call("GET", f"/notifications/{id_}").status_code for id_ in (old[0], old[-1])} == {404}
        assert {product.call("GET", f"/notifications/{id_}").status_code for id_ in new} == {200}
        said = product.metrics()
        assert said.sum("notifications_purged_total") == MANY
        assert said.sum("notifications_unaccounted") == 0
        entries = product.get("/audit", action="retention.purge")["items"]
        assert sum(entry["detail"].get("notifications", 0) for entry in entries) == MANY
        verified = run("audit", "verify", **product.settings)
        assert verified.returncode == 0, verified.stderr
        assert "before them were purged" in verified.stdout


def test_it_can_be_done_at_once_and_be_looked_at_before(tmp_path: Path) -> None:
    file = tmp_path / "notifications.db"
    fill(file, SLICES)
    settings = {"DATA_DIR": str(tmp_path), "SECRET_KEY": "a secret key of the tests, long enough"}
    looked = run("purge", "--dry-run", RETENTION_DAYS="1", **settings)
    assert looked.stdout == f"{SLICES} notifications would be purged, with what belongs to them\n"
    kept = run("purge", RETENTION_DAYS="0", **settings)
    assert (kept.returncode, kept.stdout) == (0, "")
    purged = run("purge", RETENTION_DAYS="1", **settings)
    entries = 2 * SLICES - 1
    assert purged.stdout == f"purged: {SLICES} notifications, 0 events, {entries} entries of the audit log\n", (
        purged.stderr
    )
    verified = run("audit", "verify", **settings)
    assert f"; {entries} before them were purged" in verified.stdout
    database = Database(f"sqlite:///{file}")
    with database.read() as conn:
        assert conn.execute(select(func.count()).select_from(rows)).scalar_one() == 0
        assert conn.execute(select(func.count()).select_from(audit_chain)).scalar_one() == 1
    database.close()
