"""Whatever happens in whatever order: in the end what is open at the receiver is what has not been said to be over."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.domain.alerts import alert_key
from app.store import people
from app.store.engine import Database
from app.store.people import StoredContact
from app.store.tables import IS_OPEN
from app.store.tables import notifications as table
from channels.base import Channel, Contact, OpsgenieSettings, PagerDutySettings
from channels.guard import Guard
from channels.http import Http
from channels.opsgenie import Opsgenie
from channels.pagerduty import PagerDuty
from tests.contract.harness_alerts import KEY, SERVICE
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.incidents import Incidents
from tests.fakes.opsgenie import OpsgenieService
from tests.fakes.pagerduty import PagerDutyService
from tests.fakes.receiver import ANY_PATH, Answer, Receiver
from tests.fakes.spine import LEASE, Spine
from tests.fakes.watch import Died, die_at

ROUTES = ("events", "incidents", "opsgenie")
JOB, PART = {"job_id": "j-1"}, {"component": "encoder", "message": "m"}
EVENTS = {
    "fails": {"type": "job.failed", "data": {**JOB, "error": "disk full"}},
    "fails again in other words": {"type": "job.failed", "data": {**JOB, "error": "no memory"}},
    "is done": {"type": "job.completed", "data": JOB},
    "is well after all": {"type": "job.failed", "data": {**JOB, "error": "none"}, "resolved": True},
    "moves": {"type": "job.progress", "data": {**JOB, "percent": 5}},
    "moves, and is well": {"type": "job.progress", "data": {**JOB, "percent": 6}, "resolved": True},
    "breaks": {"type": "system.error", "data": PART},
    "may break": {"type": "system.warning", "data": PART},
    "is repaired": {"type": "system.warning", "data": PART, "resolved": True},
    "is repaired at last": {"type": "system.error", "data": PART, "resolved": True},
}
FAULTS = {
    "busy": Answer(503, times=1),
    "too much": Answer(429, {"Retry-After": "3"}, times=1),
    "in doubt": Answer(500, times=1),
    "lost answer": Answer(act="reset", times=1),
}
STAGES = ("before_claim", "after_claim", "before_send", "after_send", "before_outcome", "after_outcome")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.sampled_from(sorted(EVENTS))),
        st.tuples(st.just("tell"), st.sampled_from(("fails", "is done"))),
        st.tuples(st.just("work"), st.tuples(st.integers(0, 5), st.integers(1, 4))),
        st.tuples(st.just("fault"), st.sampled_from(sorted(FAULTS))),
        st.tuples(st.just("die"), st.sampled_from(STAGES)),
        st.tuples(st.just("wait"), st.sampled_from((1, 31, 100, 400))),
    ),
    max_size=18,
)


@dataclass
class Told:
    """What somebody was told about, and what has to be open therefore."""

    opened: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    is_open: dict[str, bool] = field(default_factory=dict)

    def add(self, user: str, name: str) -> None:
        """Take note of an event."""
        event = EVENTS[name]
        if event["type"] == "job.progress":
            return
        key = alert_key(user, str(event["type"]), "j-1" if "job" in str(event["type"]) else "encoder")
        self.is_open[key] = not (event.get("resolved") or event["type"] == "job.completed")
        self.opened[key] += self.is_open[key]


class World:
    """The services between the database and fakes that remember their alerts."""

    def __init__(self, database: Database, clock: FakeClock, gates: str, receivers: dict[str, Receiver]) -> None:
        base = {name: receiver.url("") for name, receiver in receivers.items()}
        pagerduty = PagerDutySettings(
            api_key=KEY, service_id=SERVICE, api_url=base["pagerduty"], events_url=base["pagerduty"]
        )
        self.receivers = receivers
        client = Http(5.0, trusted=True)
        channels: list[Channel] = [
            PagerDuty(pagerduty, client, clock.now, 5.0),
            Opsgenie(
                OpsgenieSettings(api_url=base["opsgenie"]),
                client,
                client,
                Guard([]),
                clock.now,
                5.0,
                pause=lambda _s: None,
            ),
        ]
        self.spine = Spine(database, clock, gates, waits=[1.0] * 60, more=channels)
        self.clock = clock
        self.users = 0

    def meet(self, route: str) -> tuple[str, str]:
        """Somebody new who is alerted on that route about everything; their name and channel."""
        self.users += 1
        user, channel = f"{route}-{self.users}", "opsgenie" if route == "opsgenie" else "pagerduty"
        key = f"{self.users:032}"
        given = {"events": Contact({}, {"routing_key": key}), "opsgenie": Contact({"url": None}, {"api_key": key})}
        contact = given.get(route) or self.spine.channels[channel].operators_contact()
        on = {type_: {channel: "instant"} for type_ in ("job.failed", "job.completed", "system.warning")}
        target, sealed = self.spine.channels[channel].target(contact), self.spine.box.seal(contact.secret)
        with self.spine.database.write() as conn:
            people.put_document(conn, user, {"events": on}, replaces=None, now=self.clock.now())
            people.put_contact(
                conn, StoredContact(user, channel, contact.public, sealed, target, None), self.clock.now()
            )
        return user, channel

    def tell(self, user: str, channel: str, name: str) -> None:
        """Let an event be accepted."""
        event = {**EVENTS[name], "recipients": [user], "channels": [channel]}
        self.spine.intake.submit(event, owner="key_1", actor="key:key_1")

    def left(self, user: str) -> list[str]:
        """What is open of a user's notifications."""
        with self.spine.database.read() as conn:
            rows = conn.execute(select(table.c.id).where(IS_OPEN, table.c.user_id == user).order_by(table.c.id))
            return list(rows.scalars())

    def work(self, channel: str, ids: Sequence[str]) -> None:
        """The whole chain for these, until a worker dies."""
        pipeline = self.spine.pipeline
        with suppress(Died):
            self.spine.delivery.deliver(channel, pipeline.rate_limit(pipeline.dedupe(pipeline.render(ids))))

    def finish(self, user: str, channel: str) -> None:
        """Work until nothing is left, with receivers that are well."""
        self.spine.delivery._stage = self.spine.stages.append
        self.receivers[channel].script(ANY_PATH, Answer(act="serve"))
        for _ in range(40):
            left = self.left(user)
            if not left:
                return
            self.clock.advance(seconds=LEASE.total_seconds() + 1)
            for id_ in left:
                self.work(channel, [id_])
        raise AssertionError(self.spine.states(self.left(user)))


@pytest.fixture
def incidents() -> dict[str, Incidents]:
    return {}


@pytest.fixture
def world(database: Database, gate_server: GateServer, incidents: dict[str, Incidents]) -> Iterator[World]:
    pagerduty = PagerDutyService(keys=(KEY,), services=(SERVICE,), events_a_minute=1_000_000, calls_a_minute=1_000_000)
    opsgenie = OpsgenieService(calls_a_minute=1_000_000)
    incidents |= {"pagerduty": pagerduty.incidents, "opsgenie": opsgenie.incidents}
    with Receiver(services={"": pagerduty}) as first, Receiver(services={"": opsgenie}) as second:
        clock = FakeClock(datetime(2026, 11, 22, 12, tzinfo=UTC))
        made = World(database, clock, gate_server.url, {"pagerduty": first, "opsgenie": second})
        yield made
        made.spine.close()


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given(route=st.sampled_from(ROUTES), steps=steps)
def test_in_the_end_open_is_what_is_not_over(
    world: World, incidents: dict[str, Incidents], route: str, steps: list[tuple[str, object]]
):
    user, channel = world.meet(route)
    told, doubts = Told(), False
    in_vain = incidents[channel].in_vain
    for what, how in steps:
        match what, how:
            case "tell", str(name):
                world.tell(user, channel, name)
                told.add(user, name)
            case "work", (int(first), int(count)):
                left = world.left(user)
                world.work(channel, [*left[first:], *left[:first]][:count])
            case "fault", str(name):
                world.receivers[channel].script(ANY_PATH, FAULTS[name], Answer(act="serve"))
                doubts = doubts or name in ("in doubt", "lost answer")
            case "die", str(stage):
                die_at(world.spine, stage)
                doubts = True
            case "wait", int(seconds):
                world.clock.advance(seconds=seconds)
    world.finish(user, channel)
    for key, is_open in told.is_open.items():
        alerts = incidents[channel].everything(key)
        assert [one.closed for one in alerts] == [1] * (len(alerts) - is_open) + [0] * is_open
        assert len(alerts) <= told.opened[key]
        assert bool(alerts) is bool(told.opened[key])
    assert doubts or incidents[channel].in_vain == in_vain
    assert world.spine.unaccounted() == 0
