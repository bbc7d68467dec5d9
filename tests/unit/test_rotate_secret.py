"""`keys rotate-secret`: where the new key comes from and goes to, and what it says."""

import stat
from pathlib import Path

import pytest

import main
from app import secret_files
from app.cli import secret_rotation
from app.config import Settings
from app.runtime.faults import CannotStart
from app.store import people
from app.store.engine import Database
from app.store.people import StoredContact
from app.store.secretbox import SecretBox, WrongSecretKey
from tests.fakes.clock import FakeClock


class Place:
    """A DATA_DIR with one secret in its database."""

    def __init__(self, folder: Path, migrated: bytes, **environ: str) -> None:
        self.folder = folder
        (folder / "notifications.db").write_bytes(migrated)
        self.settings = Settings.load({"DATA_DIR": str(folder), **environ})
        self.database = Database(self.settings.database_url)
        self.first = secret_files.secret_key(self.settings)
        with self.database.write() as conn:
            sealed = SecretBox(self.first).seal({"secret": "s"})
            people.put_contact(conn, StoredContact("u-1", "webhook", {}, sealed, "t", None), FakeClock().now())

    @property
    def kept(self) -> str | None:
        return secret_files.read(self.folder / "secret.key")

    def opens(self, key: str | None) -> bool:
        with self.database.read() as conn:
            sealed = people.some_sealed(conn)
        try:
            return SecretBox(key or "").open(sealed) == {"secret": "s"}
        except WrongSecretKey:
            return False

    def rotate(self, file: Path | None = None, *, prepare: bool = False, **environ: str) -> int:
        settings = Settings.load({"DATA_DIR": str(self.folder), **environ}) if environ else self.settings
        return secret_rotation.run(settings, file, prepare=prepare)


@pytest.fixture
def kept(tmp_path, migrated):
    place = Place(tmp_path, migrated)
    yield place
    place.database.close()


@pytest.fixture
def given(tmp_path, migrated):
    place = Place(tmp_path, migrated, SECRET_KEY="from the environment")
    yield place
    place.database.close()


def test_a_kept_key_is_replaced_and_the_old_one_stays_beside_it(kept, capsys):
    assert kept.rotate() == 0
    assert kept.kept != kept.first
    assert kept.opens(kept.kept)
    (old,) = kept.folder.glob("secret.key.old-*")
    assert old.read_text().strip() == kept.first
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.folder.glob("secret.key*")} == {0o600}
    assert not (kept.folder / "secret.key.next").exists()
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.startswith("1 secret was re-encrypted")
    assert "Restart every part" in told.out
    assert kept.kept not in told.out


def test_each_further_run_is_a_rotation_of_its_own(kept):
    keys = [kept.first]
    for _ in range(3):
        assert kept.rotate() == 0
        assert kept.opens(kept.kept)
        keys.append(kept.kept)
    assert len(set(keys)) == 4
    assert len(list(kept.folder.glob("secret.key.old-*"))) == 3


@pytest.mark.parametrize("place", ["begin", "_keep", "reseal", "finish"])
@pytest.mark.parametrize("before", [True, False])
def test_killed_at_any_step_the_next_run_goes_on(kept, monkeypatch, capsys, place, before):
    class Killed(BaseException):
        pass

    holder = secret_rotation if place == "_keep" else secret_rotation.SecretRotation
    real = getattr(holder, place)

    def dies(*args, **options):
        if not before:
            real(*args, **options)
        raise Killed

    monkeypatch.setattr(holder, place, dies)
    with pytest.raises(Killed):
        kept.rotate()
    monkeypatch.setattr(holder, place, real)
    assert kept.rotate() == 0
    assert kept.opens(kept.kept)
    assert not (kept.folder / "secret.key.next").exists()
    assert "Restart every part" in capsys.readouterr().out


def test_prepared_the_new_key_is_there_and_the_second_run_re_encrypts(kept, capsys):
    assert kept.rotate(prepare=True) == 0
    new = kept.kept
    assert new != kept.first
    assert kept.opens(kept.first)
    assert "run this again" in capsys.readouterr().out
    assert kept.rotate() == 0
    assert kept.kept == new
    assert kept.opens(new)
    assert "Restart every part that was started with an older one" in capsys.readouterr().out


def test_a_kept_key_may_be_replaced_by_a_given_one(kept, tmp_path):
    (tmp_path / "mine").write_text("a key of my own\n")
    assert kept.rotate(tmp_path / "mine") == 0
    assert kept.kept == "a key of my own"
    assert kept.opens("a key of my own")


def test_with_a_key_in_the_environment_the_new_one_is_made_in_the_file(given, tmp_path, capsys):
    file = tmp_path / "new.key"
    assert given.rotate(file) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert given.opens(file.read_text().strip())
    assert given.kept is None
    assert file.read_text().strip() not in capsys.readouterr().out


def test_with_a_key_in_the_environment_the_file_must_be_named(given, capsys):
    assert given.rotate() == 2
    assert capsys.readouterr().err.startswith("--new-key-file: ")
    assert given.opens(given.first)


def test_in_the_environment_it_goes_on_with_the_old_key_and_with_the_new(given, tmp_path):
    file = tmp_path / "new.key"
    assert given.rotate(file, prepare=True) == 0
    new = file.read_text().strip()
    assert given.opens(given.first)
    assert given.rotate(SECRET_KEY=new) == 0
    assert given.opens(new)
    assert given.rotate(file) == 0, "the old key in the environment, and nothing left to do"
    assert given.rotate(file, SECRET_KEY=new) == 0
    assert given.opens(new)
    assert given.rotate(SECRET_KEY=new) == 2, "there is nothing to finish, and no new key"


@pytest.mark.parametrize("content", [b"two\nlines", b"\xff\xfe", b"bell\x07"])
def test_what_is_no_key_is_refused(given, tmp_path, content, capsys):
    (tmp_path / "odd").write_bytes(content)
    assert given.rotate(tmp_path / "odd") == 2
    assert capsys.readouterr().err.startswith("--new-key-file: ")
    assert given.opens(given.first)


def test_a_file_that_cannot_be_is_refused(given, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    assert given.rotate(tmp_path / "file" / "below") == 2
    assert given.rotate(tmp_path) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in told] == ["--new-key-file"] * 2


def test_a_wrong_key_gets_nowhere(given, tmp_path):
    with pytest.raises(CannotStart, match="SECRET_KEY: "):
        given.rotate(tmp_path / "new.key", SECRET_KEY="somebody's")
    assert given.opens(given.first)


def test_what_no_key_opens_makes_the_exit_code_1(kept, capsys):
    with kept.database.write() as conn:
        people.put_contact(conn, StoredContact("u-2", "webhook", {}, "gAAAA", "t", None), FakeClock().now())
    assert kept.rotate() == 1
    assert "u-2" in capsys.readouterr().err
    assert kept.kept != kept.first


def test_the_command_line_has_it(kept, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(kept.folder))
    assert main.main(["keys", "rotate-secret", "--prepare"]) == 0
    assert main.main(["keys", "rotate-secret"]) == 0
    assert kept.opens(kept.kept)
