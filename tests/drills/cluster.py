"""A PostgreSQL of the drill's own, on an address that its hosts reach."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.fakes.ports import free_port

_PROGRAMS = Path("/usr/lib/postgresql")
_START_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_USER = "postgres"


class NoCluster(Exception):
    """There is no PostgreSQL to run here, and why."""


@contextmanager
def own_cluster(address: str, block: str) -> Iterator[str]:
    """The URL of a fresh server that trusts this block of addresses. Raises NoCluster; it takes root."""
    folder = Path(tempfile.mkdtemp(prefix="drill-pg-"))
    try:
        shutil.chown(folder, _USER)
        data, port = folder / "data", free_port()
        _as_postgres(_program("initdb"), "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-D", str(data))
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {block} trust\n")
        words = _words(_program("postgres"), "-D", str(data), "-h", address, "-p", str(port), "-k", str(folder))
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            url = f"postgresql://{_USER}@{address}:{port}/postgres"
            _until_it_answers(url, server)
            yield url
        finally:
            # Behind runuser: it passes SIGTERM on, which is PostgreSQL's word for a stop once all have gone.
            server.terminate()
            server.wait()
    except LookupError:
        raise NoCluster(f"there is no user {_USER}: apt-get install postgresql") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    versions = sorted(_PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise NoCluster(f"there is no {name}: apt-get install postgresql")
    return found


def _words(*words: str) -> list[str]:
    runuser = shutil.which("runuser")
    if runuser is None or os.geteuid() != 0:
        raise NoCluster("PostgreSQL does not run as root; it takes root and runuser to run it as somebody else")
    return [runuser, "-u", _USER, "--", *words]


def _as_postgres(*words: str) -> None:
    done = subprocess.run(_words(*words), check=False, capture_output=True, text=True, cwd="/")
    if done.returncode:
        raise NoCluster(f"{words[0]}: {done.stderr.strip()}")


def _until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=3).close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > give_up:
                raise NoCluster(f"PostgreSQL did not start: {error}") from None
            time.sleep(_LOOK_SECONDS)
        else:
            return
