"""What a product stands on, made for a drill alone, so that it can be broken: a disk, a PostgreSQL server, a clock."""

import os
import pwd
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import psycopg

from tests.fakes.ports import free_port

_READY_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_BALLAST_STEP = 64 * 1024


class Impossible(Exception):
    """This machine cannot do the drill; the text says what is missing."""


class Ground(Protocol):
    """A context manager that tells the product where it stands."""

    environ: Mapping[str, str]
    postgres: str | None
    """A server to make databases on."""

    def __enter__(self) -> Self:
        """Make it. Raises Impossible."""

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Take it away."""


class Disk:
    """A small disk of the product's own, in memory, for everything in DATA_DIR."""

    postgres: str | None = None

    def __init__(self, directory: Path, mebibytes: int = 48) -> None:
        self.environ: Mapping[str, str] = {}
        self._place = directory / "data"
        self._ballast = self._place / "ballast"
        self._size = f"size={mebibytes}m"

    def __enter__(self) -> Self:
        self._place.mkdir(mode=0o700)
        _did("mount", "-t", "tmpfs", "-o", f"{self._size},mode=0700", "tmpfs", str(self._place), lacks="a small disk")
        return self

    def __exit__(self, *_: object) -> None:
        _did("umount", "--lazy", str(self._place), lacks="an end of the small disk")

    def fill(self) -> None:
        """Leave no byte of it free."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for step in (_BALLAST_STEP, 512, 1):
                try:
                    while True:
                        ballast.write(b"\0" * step)
                except OSError:
                    continue

    def free(self) -> None:
        """Give back what was taken."""
        self._ballast.unlink()

    def read_only(self, wanted: bool) -> None:
        """Take no more writing, or take it again; nobody may have a file open for writing when it is taken away."""
        _did("mount", "-o", f"remount,{'ro' if wanted else 'rw'}", str(self._place), lacks="a read-only disk")


class Cluster:
    """A PostgreSQL server of the drill's own, which can be restarted."""

    def __init__(self, _directory: Path) -> None:
        self.environ: Mapping[str, str] = {}
        self._port = free_port()
        self.postgres: str | None = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        if _binary("initdb") is None:
            raise Impossible("a PostgreSQL server of its own needs initdb (Debian: postgresql-15)")
        # Not in the drill's folder, into which the server's own user could not look.
        self._place = Path(tempfile.mkdtemp(prefix="drill-postgres-"))
        if os.geteuid() == 0:
            _give_to_postgres(self._place)
        self._run("initdb", "-A", "trust", "-U", "postgres", "--no-sync")
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "stop", "-m", "immediate", check=False)
        shutil.rmtree(self._place, ignore_errors=True)

    def restart(self, away: float) -> None:
        """End it as a crash would, and start it again that many seconds later."""
        self._run("pg_ctl", "stop", "-m", "immediate")
        time.sleep(away)
        self._start()

    def demote(self) -> None:
        """Start it anew as a replica: it answers, and takes no writing."""
        self._run("pg_ctl", "stop", "-m", "fast")
        (self._place / "cluster" / "standby.signal").touch()
        self._start()

    def promote(self) -> None:
        """Let it take writing again, as after a switch to a replica."""
        self._run("pg_ctl", "promote", "-w")

    def _start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._place}"
        self._run("pg_ctl", "start", "-w", "-o", options, "-l", str(self._place / "server.log"))
        give_up = time.monotonic() + _READY_SECONDS
        while True:
            try:
                psycopg.connect(self.postgres or "", connect_timeout=3).close()
            except psycopg.OperationalError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(_LOOK_SECONDS)
            else:
                return

    def _run(self, name: str, *words: str, check: bool = True) -> None:
        command = [str(_binary(name)), "-D", str(self._place / "cluster"), *words]
        if os.geteuid() == 0:
            # The server refuses to run as root.
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        subprocess.run(command, check=check, cwd=self._place, stdout=subprocess.DEVNULL)


class Clock:
    """The time of day as the product sees it; what only grows (monotonic time) stays as it is.

    By a library of our own: libfaketime 0.9.10 breaks Python's sleep.
    """

    postgres: str | None = None

    def __init__(self, directory: Path) -> None:
        self._order = directory / "clock"
        self._library = directory / "clock.so"
        self.environ: Mapping[str, str] = {}

    def __enter__(self) -> Self:
        compiler = shutil.which("cc")
        if compiler is None:
            raise Impossible("the clock can't be moved without a C compiler (Debian: gcc)")
        source = Path(__file__).with_name("clock.c")
        _did(compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(source), lacks="a clock to move")
        self._order.write_bytes(struct.pack("=q", 0))
        self.environ = {"LD_PRELOAD": str(self._library), "CLOCK_ORDER": str(self._order)}
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def jump_to(self, seconds: int) -> None:
        """Let the product's clock be so far from the machine's, in all its processes at once."""
        with self._order.open("r+b", buffering=0) as order:
            order.write(struct.pack("=q", seconds))


def _did(*command: str, lacks: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Impossible(f"{lacks} can't be had: {error}") from error
    if done.returncode:
        raise Impossible(f"{lacks} can't be had: {done.stderr.strip() or done.returncode} (it takes root)")


def _binary(name: str) -> Path | None:
    found = shutil.which(name)
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return Path(found) if found else (places[-1] if places else None)


def _give_to_postgres(place: Path) -> None:
    try:
        user = pwd.getpwnam("postgres")
    except KeyError as error:
        raise Impossible("PostgreSQL refuses to run as root, and there is no user postgres") from error
    os.chown(place, user.pw_uid, user.pw_gid)
