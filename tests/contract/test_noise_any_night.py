"""The law of noise: whatever comes and whatever dies on the way, each event is told once, or there is a reason.

Every notification ends as a message of its own, or in exactly one digest that says the right number, or suppressed
with a reason, or it stood in for what was read; and nothing is left open.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.domain.events import EVENT_TYPES, RHYTHMS
from app.domain.notifications import DIGEST, REASONS, Notification
from app.services.inbox import Inbox
from app.store.engine import Database
from app.store.tables import IS_ANNOUNCED, notifications
from channels.base import Message, Transient
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.spine import Spine

# Two days before the clocks of Europe go back, ten before those of America do.
START = datetime(2026, 10, 23, tzinfo=UTC)
TYPES = ("job.failed", "job.completed", "job.progress", "quota.approaching", "system.warning")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kathmandu")
clocks = st.times().map(lambda time: f"{time:%H:%M}")
wishes = st.fixed_dictionaries(
    {"timezone": st.sampled_from(ZONES)},
    optional={
        "events": st.dictionaries(
            st.sampled_from(TYPES),
            st.dictionaries(st.sampled_from(("letters", "hooks")), st.sampled_from(RHYTHMS), min_size=1),
        ),
        "quiet_hours": st.fixed_dictionaries({"start": clocks, "end": clocks}),
        "daily_at": clocks,
        "muted_until": st.integers(1, 60).map(lambda hours: (START + timedelta(days=1, hours=hours)).isoformat()),
        "muted_subjects": st.just(["s-1"]),
        "escalate": st.dictionaries(
            st.sampled_from(TYPES),
            st.fixed_dictionaries(
                {
                    "after_minutes": st.integers(1, 120),
                    "to": st.lists(st.sampled_from(("letters", "hooks")), min_size=1, unique=True),
                }
            ),
            min_size=2,
        ),
    },
)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("event"),
            st.sampled_from(TYPES),
            st.integers(0, 3),
            st.integers(1, 4),
            st.none() | st.integers(1, 900),
            st.booleans(),
        ),
        st.tuples(st.just("wait"), st.integers(1, 900)),
        st.tuples(st.just("wish"), wishes),
        st.tuples(st.just("work"), st.sampled_from(("all", "crash", "twice", "refused"))),
    ),
    min_size=3,
    max_size=25,
)


class World:
    """One database for all examples; each has a user of its own."""

    def __init__(self, spine: Spine) -> None:
        self.spine = spine
        self.messages: dict[str, Message] = {}
        self.announced: set[str] = set()
        self.box = Inbox(spine.database, spine.clock, spine.rung.append, spine.fallbacks)
        for channel in (spine.letters, spine.hooks):
            channel.during = self._note
        spine.shelf.during = self._put

    def _put(self, message: Message) -> None:
        self._note(message)
        self.box.put([message])

    def _note(self, message: Message) -> None:
        self.messages[message.notification_id] = message

    def work(self, how: str) -> None:
        """Do what the relay has announced; or die after a gate, do it twice, or find that a receiver is away."""
        self.spine.relay.feed()
        # What was accepted is announced by a thread of its own.
        with self.spine.database.read() as conn:
            on_their_way = select(notifications.c.id).where(IS_ANNOUNCED)
            new = set(conn.execute(on_their_way).scalars()) - self.announced
        ids = self.spine.publisher.ids(0)
        while missing := new.difference(ids):
            known, ids = ids, self.spine.publisher.ids(len(ids) + 1)
            assert len(ids) > len(known), missing
        self.announced |= new
        self.spine.publisher.published.clear()
        for id_ in dict.fromkeys(ids):
            self._chain(id_, how)

    def _chain(self, id_: str, how: str) -> None:
        spine, row = self.spine, self.spine.row(id_)
        left = spine.pipeline.dedupe(spine.pipeline.render([id_]))
        if how == "crash":
            return
        if how == "refused":
            spine.channels[row.channel].answer(id_, Transient("busy"))
        left = spine.pipeline.rate_limit(left)
        if left:
            spine.delivery.deliver(row.channel, left)
        if how == "twice":
            self._chain(id_, "all")


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: bytes, running_gate_server: GateServer
) -> Iterator[World]:
    path: Path = tmp_path_factory.mktemp("night") / "notifications.db"
    path.write_bytes(migrated_file)
    database = Database(f"sqlite:///{path}")
    running_gate_server.empty()
    limits = {"rate_limits": {"letters": 3, "hooks": 0, "shelf": 0}}
    spine = Spine(database, FakeClock(START), running_gate_server.url, rules=limits)
    yield World(spine)
    spine.close()
    database.close()


def told(world: World, row: Notification, rows: dict[str, Notification]) -> None:
    """Whether it was told as the law has it."""
    if row.status == "delivered":
        assert world.spine.attempts(row.id).count("delivered") == 1
        return
    assert row.id not in world.messages
    if row.status == "suppressed":
        assert row.reason in REASONS["suppressed"]
        return
    if row.status == "cancelled":
        assert (row.fallback, row.reason) == (True, "read")
        return
    assert row.status == "digested", row
    digest = rows[row.digest_id or ""]
    assert (digest.type, digest.channel, digest.status) == (DIGEST, row.channel, "delivered")


def carried_by(world: World, digest: Notification, rows: dict[str, Notification]) -> None:
    """Whether a digest says what it carries, all of it and nothing else."""
    members = {row.id for row in rows.values() if row.digest_id == digest.id}
    message = world.messages[digest.id]
    assert message.items is not None
    assert {item["notification_id"] for item in message.items} == members
    assert len(members) == len(message.items) > 1
    assert message.title.startswith(f"{len(members)} notifications")


def happen(spine: Spine, user: str, type_: str, subject: int, times: int, lead: int | None) -> None:
    for _ in range(times):
        now = spine.clock.advance(seconds=1)
        data = dict(EVENT_TYPES[type_].sample)
        event: dict[str, Any] = {"type": type_, "recipients": [user], "data": data, "subject_key": f"s-{subject}"}
        if lead:
            event["deliver_at"] = (now + timedelta(minutes=lead)).isoformat()
        spine.intake.submit(event, owner="key_1", actor="key:key_1")


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(first=wishes, steps=steps)
def test_every_event_is_told_once_or_has_a_reason(world: World, first: dict[str, Any], steps: list[Any]):
    spine, clock = world.spine, world.spine.clock
    clock.advance(minutes=61)
    user = f"u-{clock.now().timestamp():.0f}"
    contacts = {"letters": {"target": user}, "hooks": {"target": user}}
    spine.preferences.merge(user, {"contacts": contacts, **first}, actor="key:key_1")
    began = clock.now()
    for kind, *rest in steps:
        if kind == "event":
            *event, is_seen = rest
            happen(spine, user, *event)
            if is_seen:
                world.work("all")
                world.box.read_all(user)
        elif kind == "wait":
            clock.advance(minutes=rest[0])
        elif kind == "wish":
            spine.preferences.merge(user, rest[0], actor="key:key_1")
        else:
            world.work(rest[0])
    while open_rows := [row for row in spine.of_user(user) if row.is_open]:
        due = min(row.next_at for row in open_rows)
        clock.advance(seconds=max((due - clock.now()).total_seconds(), 31))
        assert clock.now() - began < timedelta(days=30)
        world.work("all")
        spine.relay.sweep()
    rows = {row.id: row for row in spine.of_user(user)}
    assert len(rows) <= 200
    for row in rows.values():
        told(world, row, rows)
        if row.type == DIGEST:
            carried_by(world, row, rows)
    assert spine.unaccounted() == 0
