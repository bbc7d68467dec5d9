"""Whatever happened to whom, and whenever: who is erased is gone, and everybody else is as they would have been."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.store import audit
from app.store.engine import Database
from app.store.tables import metadata
from channels.base import Permanent, Receipt, Transient
from tests.contract.conftest import empty
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.spine import Spine

CHANNELS = ("letters", "hooks", "shelf")
ANSWERS = ("taken", "busy", "unknown", "gone")
readers = st.sampled_from([("ada",), ("ada", "bob"), ("bob", "ada", "cyd"), ("bob",)])
acts = st.one_of(
    st.tuples(st.just("submit"), readers, st.sampled_from(CHANNELS), st.booleans()),
    st.tuples(st.just("work"), st.sampled_from(CHANNELS), st.sampled_from(ANSWERS), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([1, 15, 200])),
    st.just(("sweep",)),
)
names = count()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    running_gate_server: GateServer,
) -> Iterator[Spine]:
    """One database for all examples: each has people of its own."""
    running_gate_server.empty()
    if request.param == "sqlite":
        path: Path = tmp_path_factory.mktemp("mix") / "notifications.db"
        path.write_bytes(request.getfixturevalue("migrated_file"))
        database = Database(f"sqlite:///{path}")
    else:
        database = request.getfixturevalue("postgresql")
    spine = Spine(database, FakeClock(), running_gate_server.url, rules={"dedupe_window": timedelta()})
    yield spine
    spine.close()
    assert spine.unaccounted() == 0
    with database.read() as conn:
        assert audit.verify(conn).first_bad is None
    if request.param == "postgresql":
        empty(database)


class Story:
    """Some acts with people whom no other story has."""

    def __init__(self, spine: Spine) -> None:
        self.spine = spine
        self.number = next(names)
        self.ids: list[tuple[str, str]] = []
        self.erased = False
        for channel in ("letters", "hooks"):
            spine.meet(*map(self.user, ("ada", "bob", "cyd")), channel=channel, target=f"{channel}-{self.number}")

    def user(self, name: str) -> str:
        return f"{name}{self.number}@home.example"

    def erase(self) -> None:
        self.spine.erasures.erase(self.user("ada"), actor="key:admin")
        self.erased = True

    def submit(self, people: tuple[str, ...], channel: str, later: bool) -> None:
        # What comes after the erasure is another matter.
        people = tuple(name for name in people if name != "ada" or not self.erased)
        if people:
            word = "secret" if people == ("ada",) else "shared"
            data = {"job_id": f"{word}{self.number}", "error": f"{word}{self.number}"}
            delay = {"deliver_at": "2027-06-01T00:00:00Z", "expires_at": "2027-07-01T00:00:00Z"} if later else {}
            ids = self.spine.submit(*map(self.user, people), channel=channel, data=data, **delay)
            self.ids += [(id_, channel) for id_ in ids]

    def work(self, channel: str, answer: str, erasing: bool) -> None:
        """Let a worker take all of a channel's; perhaps the erasure comes while it sends."""
        spine = self.spine
        # What goes wrong with a list says nothing of one of those in it, and no list is refused for good.
        by_list = spine.channels[channel].bulk
        said = "the list" if by_list else f"secret{self.number} {self.user('ada')}"
        answers = {
            "taken": lambda: Receipt(detail=said, provider_ref=said),
            "busy": lambda: Transient(said, scope="recipient"),
            "unknown": lambda: Transient(said, unknown=True),
            "gone": lambda: Transient(said) if by_list else Permanent(said),
        }
        ids = [id_ for id_, on in self.ids if on == channel]
        for id_ in ids:
            if spine.row(id_).user_id == self.user("ada"):
                spine.channels[channel].answer(id_, answers[answer]())
        if erasing and not self.erased:
            spine.channels[channel].during = lambda _message: self.erased or self.erase()
        for step in (spine.pipeline.render, spine.pipeline.dedupe, spine.pipeline.rate_limit):
            ids = step(ids) if ids else []
        if ids:
            spine.delivery.deliver(channel, ids)
        spine.channels[channel].during = lambda _message: None

    def play(self, acts: list[tuple]) -> None:
        for name, *words in acts:
            match name:
                case "wait":
                    self.spine.clock.advance(seconds=words[0])
                case "sweep":
                    self.spine.relay.sweep()
                case _:
                    getattr(self, name)(*words)


def dump(spine: Spine) -> str:
    with spine.database.read() as conn:
        return "\n".join(str(row) for table in metadata.tables.values() for row in conn.execute(select(table)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(acts, min_size=1, max_size=8), st.lists(acts, max_size=5))
def test_who_is_erased_is_gone_and_nobody_else(world: Spine, before: list[tuple], after: list[tuple]):
    story = Story(world)
    story.play(before)
    if not story.erased:
        story.erase()
    others = {id_: world.row(id_) for id_, _ in story.ids if not world.row(id_).is_open}
    story.play(after)
    world.clock.advance(seconds=121)
    world.relay.sweep()
    while world.erasures.carry_on(1.0):
        pass
    left = dump(world)
    assert story.user("ada") not in left
    assert f"secret{story.number}" not in left
    for id_, _ in story.ids:
        row = world.row(id_)
        assert row.user_id in {"_erased", story.user("bob"), story.user("cyd")}
        if row.user_id != "_erased" and id_ in others:
            assert row == others[id_]
        assert row.user_id != "_erased" or not row.is_open
