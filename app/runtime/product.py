"""The whole product in one terminal: which parts it has, and what it says when they all run."""

import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

from app import secret_files
from app.config import Settings
from app.runtime.broker import EmbeddedBroker
from app.runtime.child import SOON, Component
from app.runtime.console import Console
from app.runtime.data_dir import only_one
from app.runtime.faults import CannotStart
from app.runtime.ports import why_not
from app.runtime.supervisor import Supervisor
from app.runtime.watchdog import Watchdog

FLOWER_HOST = "127.0.0.1"
WORKER_GROUPS = ("urgent", "local", "outbound")


def run(settings: Settings, program: Path) -> int:
    """Run everything until a stop is asked for, and answer the exit code; `program` is main.py.

    Raises CannotStart.
    """
    with only_one(settings.data_dir):
        _check_ports(settings)
        first_start = secret_files.read(secret_files.admin_key_file(settings)) is None
        console = Console(sys.stdout)
        parts = components(settings, program)

        def all_ready() -> None:
            command = try_it(settings, show_key=first_start or console.is_terminal)
            console.say("main", "ready", "all is ready, try it:", below=f"\n{command}\n", try_it=command)

        try:
            return Supervisor(parts, console, all_ready=all_ready, silent=Watchdog(settings).silent).run()
        finally:
            console.close()


def components(settings: Settings, program: Path) -> list[Component]:
    """The parts, in the order in which they are listed to people. Raises BrokerError if there is no broker to run."""

    def ours(*words: str) -> tuple[str, ...]:
        return (sys.executable, "-u", str(program), *words)

    parts = []
    if settings.redis_url is None:
        broker = EmbeddedBroker(settings)
        command = broker.prepare()
        parts.append(
            Component(
                "broker",
                command,
                start_turn=0,
                stop_turn=2,
                where=broker.address,
                probe=broker.ready,
                stop_signals=SOON,
            )
        )
    parts.append(Component("prepare", ours("prepare"), start_turn=0, stop_turn=0, once=True))
    parts.append(Component("api", ours("api"), start_turn=1, stop_turn=0))
    parts += [
        Component(f"worker-{group}", ours("worker", group), start_turn=1, stop_turn=1, beats=True)
        for group in WORKER_GROUPS
    ]
    parts.append(Component("relay", ours("relay"), start_turn=1, stop_turn=1, beats=True))
    if settings.flower_port:
        where = f"http://{FLOWER_HOST}:{settings.flower_port}"
        if not settings.flower_basic_auth:
            where += f"  (user and password in {settings.data_dir / 'flower.auth'})"
        parts.append(
            Component(
                "flower",
                ours("flower"),
                start_turn=1,
                stop_turn=1,
                where=where,
                probe=lambda: _listens(settings),
            )
        )
    return parts


def try_it(settings: Settings, *, show_key: bool) -> str:
    """A command to paste that submits a first event; without `show_key` it reads the key from its file."""
    key_file = secret_files.admin_key_file(settings)
    key = secret_files.read(key_file) if show_key else None
    if settings.admin_api_key:
        key = "$ADMIN_API_KEY"
    event = '{"type": "job.completed", "recipients": ["u-1"], "data": {"job_id": "j-1"}}'
    return (
        f"curl -X POST {local_url(settings)}/events -H 'Content-Type: application/json' "
        f"-H \"Authorization: Bearer {key or f'$(cat {key_file})'}\" -d '{event}'"
    )


def local_url(settings: Settings) -> str:
    """Where the API is reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _check_ports(settings: Settings) -> None:
    faults = []
    if reason := why_not(settings.host, settings.port):
        faults.append(f"PORT: can't listen on {settings.host}:{settings.port}, {reason}")
    if settings.flower_port and (reason := why_not(FLOWER_HOST, settings.flower_port)):
        faults.append(f"FLOWER_PORT: can't listen on {FLOWER_HOST}:{settings.flower_port}, {reason} (0 = no Flower)")
    if faults:
        raise CannotStart("\n".join(faults))


def _listens(settings: Settings) -> bool:
    try:
        socket.create_connection((FLOWER_HOST, settings.flower_port), timeout=0.2).close()
    except OSError:
        return False
    return True


def without_secrets(url: str) -> str:
    """A URL as it may be shown."""
    parts = urlsplit(url)
    host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    return f"{parts.scheme}://{host}{parts.path}"
