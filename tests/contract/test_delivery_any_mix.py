"""Whatever becomes of its neighbours in a list, each notification gets what it would have got alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.store.engine import Database
from channels.base import Permanent, Transient
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.scripted import FINE, Answer
from tests.fakes.spine import Spine

WAITS = (10.0, 60.0)
ANSWERS: dict[str, Callable[[], Answer]] = {
    "taken": lambda: FINE,
    "target in trouble": lambda: Transient("no route"),
    "target asks for time": lambda: Transient("slow down", retry_after=45),
    "no answer": lambda: Transient("no answer", unknown=True),
    "mailbox busy": lambda: Transient("busy", scope="recipient"),
    "mailbox busy for long": lambda: Transient("busy", scope="recipient", retry_after=700),
    "no such mailbox": lambda: Permanent("unknown", reason="bad_address"),
    "gone": lambda: Permanent("gone", disables=True),
    "a fault of ours": lambda: KeyError("oops"),
}
scripts = st.lists(st.lists(st.sampled_from(sorted(ANSWERS)), max_size=4), min_size=1, max_size=5)


@dataclass(frozen=True)
class Fate:
    """What became of one notification."""

    status: str
    reason: str | None
    attempts: tuple[str | None, ...]
    possible_duplicate: bool


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: bytes, running_gate_server: GateServer
) -> Iterator[Spine]:
    """One database for all examples: each has users and targets of its own."""
    path: Path = tmp_path_factory.mktemp("mix") / "notifications.db"
    path.write_bytes(migrated_file)
    database = Database(f"sqlite:///{path}")
    running_gate_server.empty()
    spine = Spine(database, FakeClock(), running_gate_server.url, waits=WAITS)
    yield spine
    spine.close()
    database.close()


def fates(world: Spine, channel: str, lists: Sequence[Sequence[Sequence[str]]]) -> list[Fate]:
    """Deliver each list of scripts as one list, again and again until all have ended."""
    ids: list[str] = []
    groups: list[list[str]] = []
    for scripts in lists:
        place = f"place-{world.clock.advance(seconds=1).timestamp():.0f}-{len(ids)}"
        users = [f"u-{place}-{number}" for number in range(len(scripts))]
        world.meet(*users, channel=channel, target=place)
        group = world.submit(*users, channel=channel)
        for id_, script in zip(group, scripts, strict=True):
            world.channels[channel].answer(id_, *(ANSWERS[name]() for name in script))
        ids += group
        groups.append(group)
    for _ in range(40):
        left = [row for row in map(world.row, ids) if row.is_open]
        if not left:
            break
        wait = max(row.next_at for row in left) - world.clock.now()
        world.clock.advance(seconds=max(wait.total_seconds(), 0))
        # What was held for a breaker goes on.
        world.relay.feed()
        for group in groups:
            world.delivery.deliver(channel, group)
    rows = [world.row(id_) for id_ in ids]
    return [Fate(row.status, row.reason, tuple(world.attempts(row.id)), row.possible_duplicate) for row in rows]


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(scripts=scripts, channel=st.sampled_from(["letters", "hooks"]))
def test_each_gets_what_it_would_have_got_alone(world: Spine, scripts: list[list[str]], channel: str):
    together = fates(world, channel, [scripts])
    alone = fates(world, channel, [[script] for script in scripts])
    assert together == alone
    assert {fate.status for fate in together} <= {"delivered", "failed"}
    assert world.unaccounted() == 0
