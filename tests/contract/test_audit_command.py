"""`python main.py audit`: what it says of a log, and what it writes."""

import csv
import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

import main
from app.services.audit_log import AuditLog
from app.store import audit
from app.store.engine import Database
from tests.fakes.clock import FakeClock
from tests.fakes.sealing import seal


@pytest.fixture
def log(database: Database, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Three entries, of which two are sealed; the command finds them by its settings."""
    with database.write() as conn:
        for number in range(2):
            audit.record(conn, [audit.Entry(clock.now(), "key:one", "cancel", f"evt_{number}", {"number": number})])
        seal(conn)
        audit.record(conn, [audit.Entry(clock.now(), "key:two", "channel.pause", "email")])
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database.engine.url.render_as_string(hide_password=False))
    return database


def test_a_whole_log_is_whole(log: Database, capsys: pytest.CaptureFixture[str]):
    assert main.main(["audit", "verify"]) == 0
    assert capsys.readouterr().out == "2 entries are as they were sealed; 1 newer ones wait for their seal\n"


def test_a_changed_entry_is_named(log: Database, capsys: pytest.CaptureFixture[str]):
    with log.write() as conn:
        if log.is_sqlite:
            conn.execute(text("DROP TRIGGER audit_no_update"))
        else:
            conn.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        bad = conn.execute(text("UPDATE audit SET actor = 'nobody' WHERE object = 'evt_1' RETURNING id")).scalar_one()
        if not log.is_sqlite:
            conn.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))
    assert main.main(["audit", "verify"]) == 1
    assert f"entry {bad} is not what was sealed" in capsys.readouterr().err


def test_it_is_written_as_lines_of_json(log: Database, capsys: pytest.CaptureFixture[str]):
    assert main.main(["audit", "export"]) == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["object"] for entry in entries] == ["evt_0", "evt_1", "email"]
    assert entries[1]["detail"] == {"number": 1}


def test_it_is_written_as_a_table_and_narrowed(log: Database, tmp_path: Path):
    file = tmp_path / "log.csv"
    assert main.main(["audit", "export", "--format", "csv", "--actor", "key:two", "--output", str(file)]) == 0
    with file.open(encoding="utf-8", newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert (row["action"], row["object"], row["detail"]) == ("channel.pause", "email", "{}")


def test_it_is_narrowed_by_time(log: Database, clock: FakeClock, capsys: pytest.CaptureFixture[str]):
    clock.advance(hours=1)
    with log.write() as conn:
        audit.record(conn, [audit.Entry(clock.now(), "key:one", "cancel", "evt_late")])
    moment = clock.now().isoformat()
    assert main.main(["audit", "export", "--since", moment]) == 0
    assert [json.loads(line)["object"] for line in capsys.readouterr().out.splitlines()] == ["evt_late"]
    assert main.main(["audit", "export", "--until", moment]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_time_that_is_none_is_refused(log: Database, option: str, capsys: pytest.CaptureFixture[str]):
    assert main.main(["audit", "export", option, "yesterday"]) == 2
    assert capsys.readouterr().err.startswith(f"{option}: Must be an RFC 3339 time")


def test_no_cell_is_a_formula(log: Database, clock: FakeClock, capsys: pytest.CaptureFixture[str]):
    with log.write() as conn:
        audit.record(conn, [audit.Entry(clock.now(), "key:one", "cancel", "=1+1")])
    assert main.main(["audit", "export", "--format", "csv", "--object", "=1+1"]) == 0
    _, line = capsys.readouterr().out.splitlines()
    assert ",'=1+1," in line


def test_a_file_that_cannot_be_written_is_named(log: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main.main(["audit", "export", "--output", str(tmp_path / "nowhere" / "log.jsonl")]) == 1
    assert "nowhere" in capsys.readouterr().err


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file can grow beyond 100 kB, as if the disk were full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_has_its_name_only_once_it_is_whole(
    log: Database, clock: FakeClock, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
):
    with log.write() as conn:
        audit.record(conn, [audit.Entry(clock.now(), "key:one", "cancel", f"evt_{n}" * 20) for n in range(1500)])
    request.getfixturevalue("small_files")
    assert main.main(["audit", "export", "--output", str(tmp_path / "log.jsonl")]) == 1
    assert "File too large" in capsys.readouterr().err
    assert list(tmp_path.glob("log.jsonl*")) == []


@pytest.mark.parametrize("bad", [None, 1, 1000, 1001, 2500])
def test_a_long_log_is_checked_slice_by_slice(database: Database, clock: FakeClock, bad: int | None):
    with database.write() as conn:
        audit.record(conn, [audit.Entry(clock.now(), "key:one", "cancel", f"evt_{n}") for n in range(2500)])
        while seal(conn):
            pass
        if bad is not None:
            if database.is_sqlite:
                conn.execute(text("DROP TRIGGER audit_no_update"))
            else:
                conn.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
            conn.execute(text("UPDATE audit SET actor = 'nobody' WHERE id = :bad"), {"bad": bad})
            if not database.is_sqlite:
                conn.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))
    seen: list[int] = []
    verdict = AuditLog(database).verify(seen.append)
    assert verdict == audit.Verdict(bad or 2500, 0, bad)
    assert seen == list(range(1000, verdict.sealed, 1000))


def test_without_tables_the_command_that_makes_them_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert main.main(["audit", "verify"]) == 1
    assert "python main.py migrate" in capsys.readouterr().err
