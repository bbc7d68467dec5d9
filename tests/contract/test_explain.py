"""What explain says is what happens: to anybody, whatever they chose, whatever comes and whenever."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.domain.events import EVENT_TYPES, PRIORITIES, RHYTHMS
from app.services.intake import Invalid
from app.store import people
from app.store.engine import Database
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.spine import Spine

START = datetime(2026, 10, 24, tzinfo=UTC)
CHANNELS = ("letters", "hooks", "shelf")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
clocks = st.times().map(lambda time: f"{time:%H:%M}")
documents = st.fixed_dictionaries(
    {},
    optional={
        "locale": st.sampled_from(("en", "de", "pt-BR")),
        "timezone": st.sampled_from(ZONES),
        "channels": st.dictionaries(st.sampled_from(CHANNELS), st.booleans()),
        "events": st.dictionaries(
            st.sampled_from(sorted(EVENT_TYPES)),
            st.dictionaries(st.sampled_from(CHANNELS), st.sampled_from(RHYTHMS), min_size=1),
        ),
        "quiet_hours": st.fixed_dictionaries({"start": clocks, "end": clocks}),
        "daily_at": clocks,
        "muted_until": st.integers(-48, 48).map(lambda hours: (START + timedelta(days=7, hours=hours)).isoformat()),
        "escalate": st.dictionaries(
            st.sampled_from(sorted(EVENT_TYPES)),
            st.fixed_dictionaries(
                {
                    "after_minutes": st.integers(1, 600),
                    "to": st.lists(st.sampled_from(("letters", "hooks")), min_size=1, unique=True),
                }
            ),
        ),
        "muted_subjects": st.lists(st.sampled_from(("j-1", "encoder")), max_size=2, unique=True),
    },
)
events = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(EVENT_TYPES)), "deliver_in": st.none() | st.integers(1, 6000)},
    optional={
        "priority": st.none() | st.sampled_from(PRIORITIES),
        "channels": st.lists(st.sampled_from(CHANNELS), min_size=1, unique=True),
        "subject_key": st.sampled_from(("j-1", "encoder", "other")),
    },
)


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: bytes, running_gate_server: GateServer
) -> Iterator[Spine]:
    """One database for all examples: each has a user of its own."""
    path: Path = tmp_path_factory.mktemp("explain") / "notifications.db"
    path.write_bytes(migrated_file)
    database = Database(f"sqlite:///{path}")
    running_gate_server.empty()
    limits = {"rate_limits": dict.fromkeys(CHANNELS, 2)}
    spine = Spine(database, FakeClock(START), running_gate_server.url, rules=limits)
    yield spine
    spine.close()
    database.close()


def event_for(world: Spine, user: str, shape: dict[str, Any], number: int) -> dict[str, Any]:
    event = {name: value for name, value in shape.items() if name != "deliver_in"}
    if shape["deliver_in"]:
        event["deliver_at"] = (world.clock.now() + timedelta(minutes=shape["deliver_in"])).isoformat()
    return {**event, "recipients": [user], "data": {**EVENT_TYPES[event["type"]].sample, "turn": number}}


def outcome(world: Spine, event: dict[str, Any], user: str) -> dict[str, tuple[Any, ...]]:
    """What really becomes of it, by channel, up to the moment before it is sent."""
    accepted = world.intake.submit(event, owner="key_1", actor="key:key_1")
    found = world.events.get(accepted.id)
    assert found is not None
    for one in found["notifications"]:
        if one["status"] == "pending":
            world.pipeline.rate_limit(world.pipeline.dedupe(world.pipeline.render([one["id"]])))
    rows = [world.row(one["id"]) for one in found["notifications"]]
    return {
        row.channel: (row.status, row.reason, row.next_at if row.status == "held" else None, row.content)
        for row in rows
        if row.user_id == user
    }


STATUS = {"send": "pending", "hold": "held", "suppress": "suppressed"}


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    document=documents,
    shape=events,
    reached=st.sets(st.sampled_from(("letters", "hooks"))),
    hours=st.integers(0, 300),
    turns=st.lists(st.integers(0, 2), min_size=1, max_size=5),
)
def test_what_it_says_is_what_happens(
    world: Spine,
    document: dict[str, Any],
    shape: dict[str, Any],
    reached: set[str],
    hours: int,
    turns: list[int],
):
    world.clock.advance(hours=hours % 24, minutes=7)
    user = f"u-{world.clock.now().timestamp():.0f}"
    with world.database.write() as conn:
        people.put_document(conn, user, document, replaces=None, now=world.clock.now())
    for channel in sorted(reached):
        world.meet(user, channel=channel)
    for turn in turns:
        event = event_for(world, user, shape, turn)
        said = {one["channel"]: one for one in world.explain.decisions(event, owner="key_1")}
        came = outcome(world, event, user)
        assert set(came) <= set(said)
        for channel, told in said.items():
            assert told["because"].endswith(".")
            if channel not in came:
                assert told["decision"] == "suppress"
                continue
            status, reason, until, content = came[channel]
            assert (STATUS[told["decision"]], told["until"]) == (status, until)
            if told["decision"] == "send":
                assert told["preview"]["text"] == content["text"]
            else:
                assert told["reason"] == reason


def test_it_leaves_nothing_behind(spine: Spine):
    spine.meet("u-1")
    event = {"type": "job.failed", "recipients": ["u-1"], "data": {"job_id": "j-9", "error": "disk full"}}
    first = spine.explain.decisions(event, owner="key_1")
    assert spine.explain.decisions(event, owner="key_1") == first
    assert spine.count("notifications_accepted_total") == 0
    ids = spine.submit("u-1")
    assert spine.pipeline.dedupe(ids) == ids


def test_another_moment_can_be_asked_for(spine: Spine, clock: FakeClock):
    with spine.database.write() as conn:
        quiet = {"quiet_hours": {"start": "22:00", "end": "07:00"}, "locale": "de"}
        people.put_document(conn, "u-1", quiet, replaces=None, now=clock.now())
    spine.meet("u-1")
    event = {"type": "job.failed", "recipients": ["u-1"], "data": {"job_id": "j-9", "error": "disk full"}}
    night = spine.explain.decisions({**event, "at": "2026-11-22T23:00:00Z", "channels": ["letters"]}, owner="key_1")
    assert [(one["decision"], one["reason"], one["until"]) for one in night] == [
        ("hold", "quiet_hours", datetime(2026, 11, 23, 7, tzinfo=UTC))
    ]
    assert night[0]["preview"]["locale"] == "de"


@pytest.mark.parametrize("at", ["yesterday", 5, "2026-11-22T23:00:00"])
def test_a_moment_that_is_none_is_refused(spine: Spine, at: object):
    event = {"type": "job.failed", "recipients": ["u-1"], "data": {"job_id": "j-9", "error": "x"}, "at": at}
    with pytest.raises(Invalid) as caught:
        spine.explain.decisions(event, owner="key_1")
    assert set(caught.value.errors["json"]) == {"at"}
