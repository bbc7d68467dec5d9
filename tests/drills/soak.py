"""D20: a long time under a steady load, with faults at random, and nothing may grow."""

import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.drills.processes import Process, children
from tests.drills.stage import Stage, percentile
from tests.integration.strangers import Door, odd_notes

_RATE = 20
_TURN_SECONDS = 15.0
_QUIET_SECONDS = 240.0
_SLOWEST_SECONDS = 60.0
_FEWEST_LOOKS = 12
_GROWTH, _MORE_BYTES, _MORE_FILES = 1.10, 6 * 2**20, 8
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Size:
    """What a process holds."""

    memory: int
    files: int


def soak(stage: Stage) -> None:
    """D20: twenty notifications a second, a fault at random every fifteen seconds, and room for what is left over."""
    stage.trouble()
    sizes: defaultdict[tuple[int, str], list[Size]] = defaultdict(list)
    struck: defaultdict[str, int] = defaultdict(int)
    end = time.monotonic() + stage.minutes * 60
    while time.monotonic() < end:
        loading = stage.load.begin(round(_RATE * _TURN_SECONDS), _TURN_SECONDS)
        name, fault = stage.random.choice(FAULTS)
        stage.sleep(stage.random.uniform(1, _TURN_SECONDS / 2), f"before the next fault ({name})")
        fault(stage)
        struck[name] += 1
        stage.fault_over()
        stage.until_accepted(loading)
        for process in _family(stage.rig.pid):
            with suppress(OSError):
                sizes[process.pid, _name(process)].append(_size(process))
    stage.until_quiet(_QUIET_SECONDS)
    stage.notes.append(_told(struck))
    stage.notes.append(f"parts ended: {_told(Counter(stage.rig.deaths())) or 'none'}")
    rows = stage.facts().rows
    times = [(row.updated_at - row.created_at).total_seconds() for row in rows if row.status == "delivered"]
    slowest = percentile(times, 0.99)
    stage.notes.append(f"from accepted to delivered: p50 {median(times):.2f} s, p99 {slowest:.1f} s")
    stage.expect(not stage.timed or slowest < _SLOWEST_SECONDS, f"p99 was {slowest:.1f} s")
    for (pid, name), seen in sizes.items():
        if len(seen) >= _FEWEST_LOOKS:
            _is_flat(stage, f"{name} ({pid})", seen)


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(counts.items()))


def _is_flat(stage: Stage, who: str, seen: list[Size]) -> None:
    """Compare its second quarter, when it has all it needs, with its last."""
    quarter = len(seen) // 4
    early, late = seen[quarter : 2 * quarter], seen[-quarter:]
    memory = [median(size.memory for size in part) for part in (early, late)]
    files = [median(size.files for size in part) for part in (early, late)]
    told = f"{memory[0] / 2**20:.0f} to {memory[1] / 2**20:.0f} MiB, {files[0]:.0f} to {files[1]:.0f} descriptors"
    stage.notes.append(f"{who}, seen {len(seen)} times: {told}")
    flat = memory[1] <= memory[0] * _GROWTH + _MORE_BYTES and files[1] <= files[0] + _MORE_FILES
    stage.expect(flat, f"{who} grew: {told}")


def _family(pid: int) -> list[Process]:
    young = children(pid)
    return [Process(pid, ("main",)), *young, *(grandchild for child in young for grandchild in children(child.pid))]


def _name(process: Process) -> str:
    """What it is, by the last words of its command line; a server's shows its address there."""
    known = [word for word in process.words[-2:] if word.isalpha()]
    return " ".join(known) or "broker"


def _size(process: Process) -> Size:
    folder = Path(f"/proc/{process.pid}")
    memory = int((folder / "statm").read_text().split()[1]) * _PAGE
    return Size(memory, len(list((folder / "fd").iterdir())))


def _kill_a_worker(stage: Stage) -> None:
    if workers := stage.rig.workers():
        stage.random.choice(workers).send(signal.SIGKILL)


def _kill_all_workers(stage: Stage) -> None:
    for worker in stage.rig.workers():
        worker.send(signal.SIGKILL)


def _kill_the_relay(stage: Stage) -> None:
    if relay := stage.rig.part("relay"):
        relay.send(signal.SIGKILL)


def _lose_the_broker(stage: Stage) -> None:
    stage.rig.broker.hold_down(stage.random.choice((0.5, 1.0, 2.0, 5.0)))


def _freeze_the_broker(stage: Stage) -> None:
    stage.rig.broker.freeze()
    try:
        stage.sleep(stage.random.uniform(1, 6), "the broker hangs")
    finally:
        stage.rig.broker.thaw()


def _empty_the_broker(stage: Stage) -> None:
    stage.rig.broker.flush()


def _fill_the_broker(stage: Stage) -> None:
    stage.rig.broker.limit("1kb")
    try:
        stage.sleep(stage.random.uniform(1, 6), "the broker is full")
    finally:
        stage.rig.broker.limit("0")


def _poison(stage: Stage) -> None:
    door, notes = Door(stage.rig.broker_url()), odd_notes()
    for name in stage.random.sample(sorted(notes), 5):
        door.put(notes[name])


FAULTS: tuple[tuple[str, Callable[[Stage], None]], ...] = (
    ("a worker killed", _kill_a_worker),
    ("all workers killed", _kill_all_workers),
    ("the relay killed", _kill_the_relay),
    ("the broker killed", _lose_the_broker),
    ("the broker frozen", _freeze_the_broker),
    ("the broker emptied", _empty_the_broker),
    ("the broker full", _fill_the_broker),
    ("messages that are no tasks", _poison),
)
