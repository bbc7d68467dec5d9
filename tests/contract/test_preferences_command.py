"""`python main.py preferences`: the files it writes, and what it says of those it reads."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

import main
from app.store import audit
from app.store.audit import AuditFilters
from app.store.engine import Database
from app.store.tables import contacts, preferences
from tests.fakes.people_rig import Rig

Run = Callable[..., tuple[int, str, str]]
SECRET_KEY = "a key of the test"
HOOK = "https://hooks.slack.com/services/T0/B0/abcdefgh"
LEFT_OUT = "contacts.slack: left out, as its secret is neither in the file nor here"


@pytest.fixture
def run(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command on the rig's database; its exit code and what it prints."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("DATABASE_URL", rig.database.engine.url.render_as_string(hide_password=False))

    def run_one(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main.main(["preferences", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_one


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.jsonl"


def put(rig: Rig, user: str, document: object) -> None:
    rig.preferences.replace(user, document, actor="key:test")


def written(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def table(out: str) -> dict[str, int]:
    rows = [line.rsplit(maxsplit=1) for line in out.splitlines() if line.strip()]
    return {name.strip(): int(number) for name, number in rows}


def counted(**numbers: int) -> dict[str, int]:
    names = ("created", "changed", "unchanged", "bad_lines", "contacts_left_out")
    return {name.replace("_", " "): numbers.get(name, 0) for name in names}


def forget_everybody(database: Database) -> None:
    with database.write() as conn:
        conn.execute(delete(contacts))
        conn.execute(delete(preferences))


def actions(database: Database) -> list[tuple[str, str, object]]:
    with database.read() as conn:
        found = audit.oldest(conn, AuditFilters(actor="cli"), after=0, limit=10)
    return [(one.action, one.object, one.detail.get("with_secrets")) for one in found]


def test_everybody_is_in_a_file_that_only_its_owner_reads(run: Run, rig: Rig, file: Path):
    put(rig, "u-1", {"locale": "de", "contacts": {"slack": {"url": HOOK}}})
    put(rig, "_defaults", {"timezone": "Europe/Berlin"})
    file.write_text("something old, for everybody to read")
    file.chmod(0o644)
    assert run("export", file) == (0, f"written to {file}: 2, without secrets\n", "")
    assert written(file) == [
        {"user_id": "_defaults", "timezone": "Europe/Berlin"},
        {"user_id": "u-1", "locale": "de", "contacts": {"slack": {"url": {"set": True, "last4": "efgh"}}}},
    ]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.glob(f".{file.name}*")) == []
    assert actions(rig.database) == [("preferences.export", "preferences", False)]


def test_with_secrets_it_warns_and_is_on_record_and_moves_everything(run: Run, rig: Rig, file: Path):
    put(rig, "u-1", {"contacts": {"slack": {"url": HOOK}}})
    code, out, err = run("export", "--with-secrets", file)
    assert (code, out) == (0, f"written to {file}: 1, with secrets\n")
    assert err.startswith(f"WARNING: {file} will hold the secrets")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert actions(rig.database) == [("preferences.export", "preferences", True)]
    forget_everybody(rig.database)
    code, out, err = run("import", file)
    assert (code, table(out), err) == (0, counted(created=1), "")
    assert rig.preferences.get("u-1").body["contacts"] == {"slack": {"url": {"set": True, "last4": "efgh"}}}
    code, out, err = run("import", file)
    assert (code, table(out), err) == (0, counted(unchanged=1), "")
    assert actions(rig.database)[1:] == [("preferences.import", "user:u-1", None)]


def test_what_is_left_out_is_named_and_ends_with_code_1(run: Run, rig: Rig, file: Path):
    put(rig, "u-1", {"locale": "de", "contacts": {"slack": {"url": HOOK}}})
    run("export", file)
    forget_everybody(rig.database)
    code, out, err = run("import", file)
    assert (code, table(out), err) == (1, counted(created=1, contacts_left_out=1), f"line 1: u-1: {LEFT_OUT}\n")
    assert rig.preferences.get("u-1").body["locale"] == "de"


BAD = """
{"user_id": "u-1", "locale": "de"}
{"user_id": "u-2", "locale": "klingon", "events": {"system.error": {"inapp": "off"}}}
{"user_id": "u-3"
[]
{"user_id": "u-1", "locale": "en"}
{"user_id": "u-4", "colour": 1, "colour": 2}
{"user_id": "u-5", "contacts": {"email": "nobody"}}
{"user_id": "u-6", "contacts": {"slack": {"url": {"set": true, "last4": "efgh"}}}, "timezone": "Europe/Paris"}
{"user_id": "_nobody"}
"""
SAID = [
    "line 3: u-2: locale: Must be the BCP 47 tag of a language, like en, de, pt-BR or zh-Hans.",
    "line 3: u-2: events.system.error.inapp: Locked at instant: the inbox always keeps critical events.",
    "line 4: is not JSON: Expecting ',' delimiter at line 1, column 18.",
    "line 5: Must be an object.",
    "line 6: u-1: user_id: Is the one of line 2, too.",
    "line 7: colour: Given more than once.",
    "line 8: u-5: contacts.email: Must be an e-mail address. An email address must have an @-sign.",
    f"line 9: u-6: {LEFT_OUT}",
    "line 10: user_id: Must be the id of a user, or _defaults.",
]
NOTHING = "nothing was imported: put the bad lines right, or leave them out with --skip-bad"


def test_with_a_bad_line_nothing_is_imported_and_each_is_named(run: Run, rig: Rig, file: Path):
    file.write_text(BAD)
    code, out, err = run("import", file)
    assert code == 1
    assert table(out) == {
        "would be created": 2,
        "would be changed": 0,
        "would be unchanged": 0,
        "bad lines": 7,
        "contacts left out": 1,
    }
    assert err.splitlines() == [*SAID, NOTHING]
    assert rig.preference_files.count() == 0


def test_bad_lines_can_be_skipped(run: Run, rig: Rig, file: Path):
    file.write_text(BAD)
    code, out, err = run("import", "--skip-bad", file)
    assert (code, table(out)) == (1, counted(created=2, bad_lines=7, contacts_left_out=1))
    assert err.splitlines() == SAID
    assert [entry["user_id"] for entry in rig.preference_files.entries(with_secrets=False)] == ["u-1", "u-6"]


@pytest.mark.parametrize("more", [[], ["--skip-bad"]])
def test_a_dry_run_only_says_what_would_be(run: Run, rig: Rig, file: Path, more: list[str]):
    put(rig, "u-1", {"locale": "en"})
    file.write_text(BAD)
    code, out, err = run("import", "--dry-run", *more, file)
    assert (code, table(out)["would be created"], table(out)["would be changed"]) == (1, 1, 1)
    assert err.splitlines() == SAID
    assert rig.preferences.get("u-1").body["locale"] == "en"


def test_what_a_line_says_cannot_write_to_the_terminal(run: Run, file: Path):
    file.write_text(json.dumps({"user_id": "u-1", "\x1b[2J": 1}))
    _, _, err = run("import", file)
    assert "\x1b" not in err


def test_a_line_that_is_too_long_is_refused(run: Run, file: Path):
    file.write_text(json.dumps({"user_id": "u-1", "muted_subjects": ["x" * 300_000]}))
    assert run("import", file)[2].splitlines()[0] == "line 1: Must not have more than 262144 bytes."


@pytest.mark.parametrize("action", ["export", "import"])
def test_a_file_that_cannot_be_used_is_named(run: Run, rig: Rig, tmp_path: Path, action: str):
    file = tmp_path / "nowhere" / "people.jsonl"
    assert run(action, file) == (1, "", f"{file}: No such file or directory\n")
    assert actions(rig.database) == []


@pytest.mark.parametrize("action", ["export", "import"])
def test_with_another_key_than_the_one_in_use_nothing_is_done(
    run: Run, rig: Rig, file: Path, monkeypatch: pytest.MonkeyPatch, action: str
):
    put(rig, "u-1", {"contacts": {"slack": {"url": HOOK}}})
    file.write_text("")
    monkeypatch.setenv("SECRET_KEY", "not the one that is in use")
    code, out, err = run(action, file)
    assert (code, out) == (1, "")
    assert err.startswith("SECRET_KEY: ")
    assert file.read_text() == ""
