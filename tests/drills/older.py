"""An older version of this program, from the history of this repository, to run beside this one."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.drills.rig import ROOT

_STEPS = "app/store/migrations/versions"


class NoOlderVersion(Exception):
    """There is none here, and why."""


def older(wanted: str | None, directory: Path) -> Path:
    """The main.py of an older version: of a folder with one, or of a commit, which is unpacked into `directory`.

    Without a wish it is the newest release before this version or, where there is none, what was there before the
    newest step of the schema. Raises NoOlderVersion.
    """
    if wanted is not None and (Path(wanted) / "main.py").is_file():
        return (Path(wanted) / "main.py").resolve()
    commit = _git("rev-parse", "--verify", "--quiet", f"{wanted or _before()}^{{commit}}")
    folder = directory / f"version-{commit.decode().strip()[:12]}"
    if not folder.exists():
        with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", commit.decode().strip()))) as archive:
            archive.extractall(folder, filter="data")
    return folder / "main.py"


def _before() -> str:
    try:
        return _git("describe", "--tags", "--abbrev=0", "HEAD^").decode().strip()
    except NoOlderVersion:
        newest = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", _STEPS).decode().strip()
        return f"{newest}^"


def _git(*words: str) -> bytes:
    git = shutil.which("git")
    if git is None:
        raise NoOlderVersion("it is taken from the history of the repository, and there is no git here")
    try:
        return subprocess.run((git, "-C", str(ROOT), *words), check=True, capture_output=True).stdout
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip() or "no such commit, and no such folder with a main.py"
        raise NoOlderVersion(f"git {' '.join(words)}: {said}") from None
