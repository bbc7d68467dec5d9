"""The supervisor, judged from outside over small child processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.supervised import READY_LINE

ROOT = Path(__file__).parents[2]
SAY_READY = f"import os, signal, sys, time\nprint(os.getpid())\nprint('{READY_LINE}')\n"
# A shell that starts the tests in the background has them, and so the child, ignore SIGQUIT.
HEEDS = "signal.signal(signal.SIGTERM, lambda *_: print('warm'))\nsignal.signal(signal.SIGQUIT, signal.SIG_DFL)\n"
WAIT = SAY_READY + "time.sleep(600)"
DEADLINE = 20.0
LONGEST = 90.0


class Run:
    """A supervisor that runs, and what it has printed so far."""

    def __init__(self, parts: list[dict[str, Any]], speed: float) -> None:
        self.lines: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.supervised", json.dumps(parts), str(speed)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        # A line that never comes is a failure, and not for ever.
        self._end = threading.Timer(LONGEST, self.process.kill)
        self._end.start()

    def close(self) -> None:
        """End it, whatever it does."""
        self._end.cancel()
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read on until a line is wanted."""
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            self.lines.append(json.loads(raw))
            if wanted(self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(f"it ended before that line came: {self.lines[-20:]}")

    def message(self, message: str, component: str | None = None) -> dict[str, Any]:
        return self.until(
            lambda line: line["message"] == message and (component is None or line["component"] == component)
        )

    def pid_of(self, component: str) -> int:
        return int(self.until(lambda line: line["component"] == component and line["message"].isdigit())["message"])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.rest()
        return self.process.wait(DEADLINE)

    def rest(self) -> None:
        assert self.process.stdout is not None
        self.lines += [json.loads(raw) for raw in self.process.stdout]

    def order_of(self, message: str) -> list[str]:
        return [line["component"] for line in self.lines if line["message"] == message]


@pytest.fixture
def supervise() -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(*parts: dict[str, Any], speed: float = 1) -> Run:
        runs.append(Run(list(parts), speed))
        return runs[-1]

    yield start
    for run in runs:
        run.close()


def gone(pid: int) -> bool:
    """Whether the process ends within the deadline; a zombie counts as ended."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_parts_start_turn_by_turn_and_stop_in_their_own_order(supervise):
    run = supervise(
        {"name": "api", "script": WAIT, "start_turn": 2, "stop_turn": 0},
        {"name": "worker", "script": WAIT, "start_turn": 2, "stop_turn": 1},
        {"name": "prepare", "script": "print('done')", "start_turn": 1, "once": True},
        {"name": "broker", "script": WAIT, "start_turn": 0, "stop_turn": 2},
    )
    run.message("ready")
    started = [line["component"] for line in run.lines if line["message"] == "component_ready"]
    assert started[0] == "broker"
    assert set(started[1:]) == {"api", "worker"}
    messages = [(line["component"], line["message"]) for line in run.lines]
    assert messages.index(("broker", "component_ready")) < messages.index(("prepare", "done"))
    assert messages.index(("prepare", "done")) < messages.index(("api", "component_ready"))
    assert run.stop() == 0
    assert run.order_of("component_stopped") == ["api", "worker", "broker"]


def test_a_dead_part_is_started_again_with_a_growing_wait(supervise):
    run = supervise({"name": "flaky", "script": "import sys; sys.exit(3)"})
    deaths = [run.message("component_died") for _ in range(3)]
    assert [death["cause"] for death in deaths] == ["exit code 3"] * 3
    assert [death["restart_seconds"] for death in deaths] == [0.5, 1.0, 2.0]
    assert run.stop() == 0


def test_what_came_up_and_worked_is_back_at_once_each_time_and_what_never_came_up_is_not(supervise):
    """However old they were: one of them was at work for that time."""
    run = supervise(
        {"name": "killed", "script": SAY_READY + "time.sleep(0.5)"},
        {"name": "stillborn", "script": "import time; time.sleep(0.5)"},
        speed=10,
    )
    while sorted(run.order_of("component_died")).count("stillborn") < 2 or len(run.order_of("component_died")) < 4:
        run.message("component_died")
    assert run.stop() == 0
    waits = {name: [] for name in ("killed", "stillborn")}
    for line in run.lines:
        if line["message"] == "component_died":
            waits[line["component"]].append(line["restart_seconds"])
    assert waits["killed"][:2] == [0.5, 0.5]
    assert waits["stillborn"][:2] == [0.5, 1.0]


def test_a_program_that_cannot_be_started_is_tried_again_and_hurts_nobody(supervise):
    run = supervise({"name": "broker", "command": ["/no/such/program"]}, {"name": "worker", "script": WAIT})
    deaths = [run.message("component_died", "broker") for _ in range(2)]
    assert [death["restart_seconds"] for death in deaths] == [0.5, 1.0]
    assert "worker" in run.order_of("component_ready")
    assert run.stop() == 0


def test_a_killed_part_comes_back(supervise):
    run = supervise({"name": "worker", "script": WAIT})
    first = run.pid_of("worker")
    os.kill(first, signal.SIGKILL)
    assert run.message("component_died")["cause"] == "SIGKILL"
    assert run.pid_of("worker") != first
    run.message("component_ready")
    assert run.stop() == 0


def test_a_part_that_runs_once_and_fails_ends_everything(supervise):
    run = supervise(
        {"name": "broker", "script": WAIT, "stop_turn": 1},
        {"name": "prepare", "script": "import sys; sys.exit('no database')", "once": True},
        {"name": "api", "script": WAIT, "start_turn": 1},
    )
    run.rest()
    assert run.process.wait(DEADLINE) == 1
    assert ("prepare", "no database") in [(line["component"], line["message"]) for line in run.lines]
    assert "api" not in {line["component"] for line in run.lines}


def test_the_last_words_of_a_dying_part_are_printed(supervise):
    run = supervise({"name": "worker", "script": "import sys; sys.stderr.write('last words'); sys.exit(1)"})
    assert run.message("last words")["component"] == "worker"
    assert run.stop() == 0


def test_json_lines_of_parts_are_passed_on_with_the_name_of_the_part(supervise):
    entry = {"timestamp": "2026-11-22T10:00:00Z", "level": "WARNING", "message": "slow", "seconds": 3}
    run = supervise({"name": "worker", "script": f"print({json.dumps(entry)!r})\n{WAIT}"})
    assert run.message("slow") == entry | {"component": "worker"}
    assert run.stop() == 0


def test_a_second_signal_brings_the_next_step_forward(supervise):
    stubborn = SAY_READY.replace("print(", f"{HEEDS}print(", 1)
    run = supervise({"name": "worker", "script": f"{stubborn}\nwhile True: time.sleep(1)"})
    run.message("ready")
    run.process.send_signal(signal.SIGINT)
    run.message("warm")
    assert run.stop(signal.SIGINT) == 0
    assert run.lines[-2]["cause"] == "SIGQUIT"


def test_what_does_not_stop_in_time_is_killed(supervise):
    deaf = SAY_READY.replace("print(", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(", 1) + "time.sleep(600)"
    run = supervise({"name": "worker", "script": deaf, "stop_signals": [[0, "SIGTERM"], [0.3, "SIGKILL"]]})
    run.message("ready")
    assert run.stop() == 0
    assert run.lines[-2]["cause"] == "SIGKILL"


def test_a_part_that_lives_and_does_not_work_is_replaced_step_by_step(supervise):
    deaf = SAY_READY.replace("print(", f"{HEEDS}print(", 1)
    steps = [[0, "SIGTERM"], [0.3, "SIGQUIT"]]
    run = supervise(
        {"name": "worker", "script": f"{deaf}\nwhile True: time.sleep(1)", "stop_signals": steps, "silent": True},
        {"name": "relay", "script": WAIT, "silent": False},
        {"name": "api", "script": WAIT},
    )
    first = run.pid_of("worker")
    assert run.message("component_silent")["cause"] == "says the test"
    run.message("warm", "worker")
    assert run.message("component_died")["cause"] == "SIGQUIT"
    assert run.pid_of("worker") != first
    run.message("component_ready", "worker")
    assert run.stop() == 0
    assert run.order_of("component_silent") == ["worker"]


def test_a_frozen_part_hears_nothing_but_kill(supervise):
    # Deaf to TERM beforehand: it may come between the words and the frost.
    deaf = SAY_READY.replace("print(", "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\nprint(", 1)
    frozen = deaf + "os.kill(os.getpid(), signal.SIGSTOP)"
    steps = [[0, "SIGTERM"], [0.3, "SIGKILL"]]
    run = supervise({"name": "worker", "script": frozen, "stop_signals": steps, "silent": True})
    assert run.message("component_died")["cause"] == "SIGKILL"


def test_a_dead_part_is_not_started_again_while_stopping(supervise):
    slow = SAY_READY.replace("print(", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(time.sleep(1)))\nprint(", 1)
    run = supervise(
        {"name": "api", "script": slow + "time.sleep(600)"},
        {"name": "worker", "script": WAIT, "stop_turn": 1},
    )
    run.message("ready")
    worker = next(
        int(line["message"]) for line in run.lines if line["component"] == "worker" if line["message"].isdigit()
    )
    run.process.terminate()
    run.message("stopping")
    os.kill(worker, signal.SIGKILL)
    run.rest()
    assert run.process.wait(DEADLINE) == 0
    assert run.order_of("component_stopped") == ["worker", "api"]


def test_waiting_costs_no_processor_time(supervise):
    slow_end = SAY_READY.replace(
        "print(", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(time.sleep(2)))\nprint(", 1
    )
    run = supervise(
        {"name": "prepare", "script": "import time; time.sleep(2)", "once": True},
        {"name": "api", "script": WAIT, "start_turn": 1},
        {"name": "worker", "script": slow_end + "time.sleep(600)", "start_turn": 1, "stop_turn": 1},
    )
    run.message("ready")
    before = os.times()
    run.process.terminate()
    run.rest()
    run.process.wait(DEADLINE)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < 1.5, "all of its processes, from their start to their end"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_nothing_outlives_a_killed_supervisor(supervise):
    run = supervise({"name": "one", "script": WAIT}, {"name": "two", "script": WAIT})
    run.message("ready")
    pids = [int(line["message"]) for line in run.lines if line["message"].isdigit()]
    assert len(pids) == 2
    run.process.kill()
    assert all(gone(pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_a_dead_part_leaves_behind_is_killed(supervise):
    parent = f"import subprocess, sys\nprint(subprocess.Popen(['sleep', '600']).pid)\n{WAIT}"
    run = supervise({"name": "api", "script": parent})
    grandchild = run.pid_of("api")
    os.kill(run.pid_of("api"), signal.SIGKILL)
    run.message("component_died")
    assert gone(grandchild)
    assert run.stop() == 0


def test_a_flood_from_one_part_stops_neither_the_others_nor_the_end(supervise):
    run = supervise(
        {"name": "flood", "script": SAY_READY + "while True: print('x' * 200)"},
        {"name": "quiet", "script": SAY_READY + "time.sleep(0.5); sys.exit(7)"},
    )
    assert run.message("component_died", "quiet")["cause"] == "exit code 7"
    run.message("component_ready", "quiet")
    began = time.monotonic()
    assert run.stop() == 0
    assert time.monotonic() - began < 5


def test_nobody_reading_the_output_does_not_hold_up_the_supervisor(supervise):
    run = supervise(
        {"name": "flood", "script": SAY_READY + "while True: print('x' * 200)"},
        {"name": "worker", "script": WAIT},
    )
    worker = run.pid_of("worker")
    run.process.send_signal(signal.SIGTERM)
    assert gone(worker)
    assert run.process.wait(DEADLINE) == 0
