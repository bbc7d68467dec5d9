"""The command line: what it refuses, and that it agrees with the rest about names."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import main
from app.runtime.product import WORKER_GROUPS
from tasks.lanes import groups

ROOT = Path(main.__file__).parent


def test_bad_settings_are_printed_line_by_line_and_end_with_code_2(monkeypatch, capsys):
    monkeypatch.setenv("PORT", "no")
    monkeypatch.setenv("MAX_RETRIES", "no")
    assert main.main(["migrate"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["PORT", "MAX_RETRIES"]


@pytest.mark.parametrize("words", [["dance"], ["worker", "lazy"], ["keys"], ["keys", "create", "x"], ["send"]])
def test_unknown_words_are_refused(words):
    with pytest.raises(SystemExit) as left:
        main.main(words)
    assert left.value.code == 2


def test_the_supervisor_and_the_lanes_know_the_same_groups_of_workers():
    assert set(WORKER_GROUPS) == set(groups())


@pytest.mark.parametrize("group", WORKER_GROUPS)
def test_every_group_of_workers_can_be_started(group, monkeypatch):
    monkeypatch.setattr(main, "_worker", lambda _settings, arguments: int(arguments.group != group))
    assert main.main(["worker", group]) == 0


def test_keys_are_made_listed_and_revoked(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    main.main(["migrate"])
    capsys.readouterr()
    assert main.main(["keys", "create", "encoder\n", "--scope", "events:write", "--scope", "users:read"]) == 0
    told = capsys.readouterr()
    (key,) = told.out.splitlines()
    assert key.startswith("im2n_key_")
    assert told.err == ""
    key_id = key.removeprefix("im2n_").rpartition("_")[0]
    assert main.main(["keys", "list"]) == 0
    before = capsys.readouterr().out
    assert re.fullmatch(
        rf"{key_id}  created \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ  in use +events:write,users:read  encoder\\n\n", before
    )
    assert main.main(["keys", "revoke", key_id]) == 0
    assert main.main(["keys", "list"]) == 0
    assert re.search(r"  revoked \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  ", capsys.readouterr().out)


@pytest.mark.parametrize("key_id", ["key_01a20320-a200-7000-9590-97e0d49e7844", "nothing", ""])
def test_revoking_what_is_not_in_use_says_so(tmp_path, monkeypatch, capsys, key_id):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    main.main(["migrate"])
    assert main.main(["keys", "revoke", key_id]) == 1
    assert capsys.readouterr().err == f"there is no key {key_id} in use\n"


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["encoder", "--scope", "root"], "scopes"),
        (["encoder", "--scope", "admin", "--scope", "root"], "scopes"),
        (["", "--scope", "admin"], "name"),
        (["x" * 256, "--scope", "admin"], "name"),
        (["\udc80", "--scope", "admin"], "name"),
    ],
)
def test_a_key_that_cannot_be_is_not_made(tmp_path, monkeypatch, capsys, words, field):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    main.main(["migrate"])
    capsys.readouterr()
    assert main.main(["keys", "create", *words]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"{field}: ")
    assert len(told.err.splitlines()) == 1
    assert told.out == ""
    main.main(["keys", "list"])
    assert capsys.readouterr().out == ""


def test_what_the_command_line_changes_is_on_record(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    main.main(["migrate"])
    main.main(["keys", "create", "encoder", "--scope", "admin"])
    key_id = capsys.readouterr().out.splitlines()[-1].removeprefix("im2n_").rpartition("_")[0]
    main.main(["keys", "revoke", key_id])
    main.main(["keys", "rotate-secret"])
    capsys.readouterr()
    assert main.main(["audit", "export", "--actor", "cli"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(entry["action"], entry["object"]) for entry in told] == [
        ("key.created", key_id),
        ("key.revoked", key_id),
        ("secret_key.rotate", "secret_key"),
        ("secret_key.rotated", "secret_key"),
    ]


def test_sending_without_a_running_api_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PORT", "1")
    words = ["send", "job.completed", "--to", "u-1", "--data", '{"job_id": "j"}']
    assert main.main(words) == 1
    assert "ADMIN_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("ADMIN_API_KEY", "hunter2")
    assert main.main(words) == 1
    told = capsys.readouterr().err
    assert "is `python main.py` running?" in told
    assert "hunter2" not in told


def test_a_data_dir_that_cannot_be_written_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "file" / "var"))
    assert main.main(["migrate"]) == 1
    assert capsys.readouterr().err.startswith("DATA_DIR: ")


def test_the_supervisor_stays_small():
    """It lives as long as the product, so it loads neither the web, nor the queue, nor the database."""
    program = (
        "import sys, app.runtime.product; print([m for m in ('flask', 'celery', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_reader_who_has_seen_enough_is_told_nothing(tmp_path):
    words = [sys.executable, str(ROOT / "main.py"), "preview", "job.failed", "email", "en"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as deaf:
        done = subprocess.run(words, check=False, cwd=tmp_path, stdout=deaf, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "")
