"""The parts of the supervisor that need no process."""

import io
import json
import signal
import socket

import pytest

from app.config import Settings
from app.runtime.child import Backoff, Component
from app.runtime.console import Console
from app.runtime.data_dir import only_one
from app.runtime.faults import CannotStart
from app.runtime.ports import free_port, why_not
from app.runtime.product import components, run, try_it, without_secrets


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(stream: io.StringIO, *lines: tuple[str, str]) -> list[str]:
    console = Console(stream)
    for component, line in lines:
        console.relay(component, line)
    console.close()
    return stream.getvalue().splitlines()


def test_waits_double_up_to_the_most():
    backoff = Backoff(first=0.5, most=30, calm=30)
    assert [backoff.after(1) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_work_starts_the_waits_afresh():
    backoff = Backoff(first=0.5, most=30, calm=3)
    assert [backoff.after(worked) for worked in (0, 0, 3, 0, 2.9)] == [0.5, 1, 0.5, 1, 2]


def test_off_a_terminal_every_line_is_json_with_its_component():
    lines = printed(
        io.StringIO(), ("api", '{"message": "x", "component": "other"}'), ("relay", "plain"), ("api", "{no")
    )
    entries = [json.loads(line) for line in lines]
    assert all(entry.pop("timestamp").endswith("Z") for entry in entries)
    assert entries == [
        {"message": "x", "component": "api"},
        {"level": "INFO", "message": "plain", "component": "relay"},
        {"level": "INFO", "message": "{no", "component": "api"},
    ]


def test_on_a_terminal_lines_are_prefixed_and_harmless():
    entry = json.dumps({"timestamp": "2026-11-22T10:11:12Z", "level": "ERROR", "message": "m", "traceback": "a\nb"})
    lines = printed(Terminal(), ("api", entry), ("relay", "wipe \x1b[2J"))
    assert len(lines) == 4
    assert all("api            │" in line for line in lines[:3])
    assert lines[3].endswith("wipe \\x1b[2J")


def test_components_have_colours_of_their_own():
    first, second = printed(Terminal(), ("api", "x"), ("relay", "x"))
    assert first.split("m")[0] != second.split("m")[0]


def test_a_reader_who_left_stops_nobody():
    stream = io.StringIO()
    console = Console(stream)
    stream.close()
    console.relay("api", "x")
    console.close()


def test_a_taken_port_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert why_not("127.0.0.1", server.getsockname()[1]) == "already in use"
    assert why_not("127.0.0.1", free_port()) is None
    assert why_not("no-such-host.invalid", 80) == "the host name is unknown"


@pytest.mark.parametrize("name", ["PORT", "FLOWER_PORT"])
def test_a_taken_port_stops_the_start_and_names_the_variable(tmp_path, name):
    with socket.create_server(("127.0.0.1", 0)) as server:
        ports = {"PORT": str(free_port()), "FLOWER_PORT": "0", name: str(server.getsockname()[1])}
        settings = Settings.load({"DATA_DIR": str(tmp_path), **ports})
        with pytest.raises(CannotStart, match=rf"^{name}: .*already in use[^\n]*$"):
            run(settings, tmp_path / "main.py")


def test_one_data_dir_serves_one_product(tmp_path):
    with only_one(tmp_path), pytest.raises(CannotStart, match="DATA_DIR"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def parts_of(tmp_path, **environ: str) -> dict[str, Component]:
    settings = Settings.load({"DATA_DIR": str(tmp_path), **environ})
    return {part.name: part for part in components(settings, tmp_path / "main.py")}


def test_the_broker_starts_first_and_stops_last_and_the_api_stops_first(tmp_path):
    parts = parts_of(tmp_path)
    assert list(parts) == [
        "broker",
        "prepare",
        "api",
        "worker-urgent",
        "worker-local",
        "worker-outbound",
        "relay",
        "flower",
    ]
    others = [part for name, part in parts.items() if name not in {"broker", "prepare"}]
    assert all(part.start_turn > parts["broker"].start_turn for part in others)
    assert all(part.start_turn > parts["prepare"].start_turn for part in others)
    assert all(part.stop_turn > parts["api"].stop_turn for part in others if part.name != "api")
    assert parts["broker"].stop_turn > max(part.stop_turn for part in others)


def test_workers_are_asked_nicely_then_firmly_then_not_at_all(tmp_path):
    worker = parts_of(tmp_path)["worker-local"]
    assert worker.stop_signals == ((0, signal.SIGTERM), (30, signal.SIGQUIT), (45, signal.SIGKILL))


def test_with_a_redis_no_broker_is_started_and_flower_can_be_left_out(tmp_path):
    parts = parts_of(tmp_path, REDIS_URL="redis://redis/0", FLOWER_PORT="0")
    assert not {"broker", "flower"} & set(parts)


def test_no_command_and_no_place_holds_a_secret(tmp_path):
    canary = "hunter2"
    parts = parts_of(
        tmp_path,
        DATABASE_URL=f"postgresql://im2:{canary}@db:5432/im2",
        REDIS_URL=f"redis://:{canary}@redis/0",
        FLOWER_BASIC_AUTH=f"u:{canary}",
        ADMIN_API_KEY=canary,
    )
    assert canary not in str([(part.command, part.where) for part in parts.values()])


def test_a_database_is_shown_without_its_credentials():
    assert without_secrets("postgresql://im2:hunter2@db:5432/im2") == "postgresql://db:5432/im2"


def test_the_first_command_to_try_has_the_key_in_it_or_reads_it(tmp_path):
    settings = Settings.load({"DATA_DIR": str(tmp_path), "HOST": "0.0.0.0"})  # noqa: S104
    (tmp_path / "admin.key").write_text("im2n_key\n")
    assert '"Authorization: Bearer im2n_key"' in try_it(settings, show_key=True)
    assert "http://127.0.0.1:8000/events" in try_it(settings, show_key=True)
    assert "im2n_key" not in try_it(settings, show_key=False)
    named = Settings.load({"DATA_DIR": str(tmp_path), "ADMIN_API_KEY": "hunter2"})
    assert '"Authorization: Bearer $ADMIN_API_KEY"' in try_it(named, show_key=True)
