"""Secrets that are made once, by whoever comes first."""

import stat
import threading

import pytest

from app import secret_files
from app.config import Settings


def test_a_secret_is_made_once_and_then_kept(tmp_path):
    path = tmp_path / "new" / "secret.key"
    assert secret_files.keep(path, lambda: "first") == "first"
    assert secret_files.keep(path, lambda: "second") == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret.key"]


def test_all_who_come_at_once_get_the_same_secret(tmp_path):
    path, start, got = tmp_path / "secret.key", threading.Barrier(16), []

    def come(number: int) -> None:
        start.wait()
        got.append(secret_files.keep(path, lambda: f"made by {number}"))

    threads = [threading.Thread(target=come, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 16
    assert set(got) == {path.read_text().strip()}


def test_writing_replaces_the_content_and_keeps_it_private(tmp_path):
    path = tmp_path / "broker.url"
    secret_files.write(path, "one")
    secret_files.write(path, "two")
    assert secret_files.read(path) == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_no_file_and_an_empty_one_are_nothing(tmp_path, content):
    path = tmp_path / "secret.key"
    if content is not None:
        path.write_text(content)
    assert secret_files.read(path) is None


def test_an_empty_file_is_filled(tmp_path):
    path = tmp_path / "secret.key"
    path.touch()
    assert secret_files.keep(path, lambda: "made") == "made"
    assert path.read_text() == "made\n"


def test_the_environment_goes_before_what_is_kept(tmp_path):
    made = Settings.load({"DATA_DIR": str(tmp_path)})
    kept_key, kept_credentials = secret_files.secret_key(made), secret_files.flower_credentials(made)
    assert secret_files.secret_key(made) == kept_key
    assert kept_credentials.startswith("admin:")
    given = Settings.load({"DATA_DIR": str(tmp_path), "SECRET_KEY": "given", "FLOWER_BASIC_AUTH": "u:p"})
    assert secret_files.secret_key(given) == "given"
    assert secret_files.flower_credentials(given) == "u:p"
