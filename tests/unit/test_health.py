"""What /health says, and when."""

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.observability.crossings import Crossings
from app.observability.health import Health
from app.store import canaries, heartbeats
from app.store.engine import Database
from tests.fakes.rows import insert_notification

LANES = ["critical", "ingest", "email", "bulk"]
SILENCE, WAIT, EVERY = timedelta(seconds=25), timedelta(seconds=130), timedelta(seconds=60)


class Broker:
    """Answers, fails, or hangs until it is let go."""

    def __init__(self, failure: Exception | None = None, gate: threading.Event | None = None) -> None:
        self.failure, self.gate, self.asked = failure, gate, 0

    def ping(self) -> None:
        self.asked += 1
        if self.gate is not None:
            self.gate.wait(10)
        if self.failure is not None:
            raise self.failure


class Frozen(Database):
    """Gives no connection until it is let go."""

    def __init__(self, url: str, gate: threading.Event) -> None:
        super().__init__(url)
        self._gate = gate

    def read(self):
        self._gate.wait(10)
        return super().read()


class Channel:
    def state(self) -> str:
        return "configured"


def health(database, clock, broker=None) -> Health:
    return Health(
        database,
        broker or Broker(),
        clock,
        {"email": Channel()},
        longest_silence=SILENCE,
        longest_wait=WAIT,
        crossings=Crossings(clock, LANES, every=EVERY, patience=SILENCE),
    )


def worker(database, clock, name, *lanes, **detail):
    with database.write() as conn:
        heartbeats.beat(conn, name, "worker", clock.now(), {"lanes": lanes, **detail})


@pytest.fixture
def well(database, clock):
    """A relay and a worker for everything have just given signs of life."""
    with database.write() as conn:
        heartbeats.beat(conn, "relay@a#1", "relay", clock.now(), {})
    worker(database, clock, "worker@a#2", *LANES)


@pytest.fixture
def workers(database, clock):
    def ask():
        check = health(database, clock).report()["checks"]["workers"]
        return check["status"], check["detail"]

    return ask


def test_all_is_well(database, clock, well):
    report = health(database, clock).report()
    assert report["status"] == "ok"
    assert {name: check["status"] for name, check in report["checks"].items()} == {
        "database": "ok",
        "broker": "ok",
        "relay": "ok",
        "workers": "ok",
        "canary": "off",
    }
    assert report["channels"] == {"email": "configured"}


def test_a_broker_that_is_away_fails_the_service(database, clock, well):
    report = health(database, clock, Broker(ConnectionError("to 10.1.2.3 with password hunter2"))).report()
    assert (report["status"], report["checks"]["broker"]["status"]) == ("failing", "failing")
    assert "hunter2" not in str(report)


def test_a_broker_that_hangs_holds_up_nothing_for_long(database, clock, well):
    gate = threading.Event()
    broker = Broker(gate=gate)
    asked = health(database, clock, broker)
    began = time.monotonic()
    assert asked.report()["checks"]["broker"]["status"] == "failing"
    clock.advance(seconds=2)
    assert asked.report()["checks"]["broker"]["status"] == "failing"
    assert time.monotonic() - began < 3
    assert broker.asked == 1, "nobody is sent after the one who has not come back"
    gate.set()


def test_everything_hanging_at_once_takes_no_longer_than_one_of_them(tmp_path, clock):
    gate = threading.Event()
    database = Frozen(f"sqlite:///{tmp_path}/frozen.db", gate)
    began = time.monotonic()
    report = health(database, clock, Broker(gate=gate)).report()
    assert time.monotonic() - began < 1
    assert {name for name, check in report["checks"].items() if check["status"] == "failing"} == {
        "database",
        "broker",
        "relay",
        "workers",
        "canary",
    }
    gate.set()
    database.close()


def test_signs_of_life_grow_old(database, clock, well):
    clock.advance(seconds=25)
    assert health(database, clock).report()["status"] == "ok"
    clock.advance(seconds=1)
    checks = health(database, clock).report()["checks"]
    assert (checks["relay"]["status"], checks["relay"]["detail"]) == ("failing", "last sign of life 26 s ago")
    assert checks["workers"]["status"] == "failing"


def test_the_newest_relay_counts(database, clock, well):
    clock.advance(seconds=60)
    with database.write() as conn:
        heartbeats.beat(conn, "relay@b#1", "relay", clock.now(), {})
    assert health(database, clock).report()["checks"]["relay"]["status"] == "ok"


def test_each_lane_needs_a_live_worker_wherever_it_is(database, clock, workers):
    assert workers() == ("failing", "no live worker serves critical, ingest, email, bulk")
    worker(database, clock, "worker-urgent@a#1", "critical", "ingest")
    assert workers() == ("failing", "no live worker serves email, bulk")
    worker(database, clock, "worker@b#1", "email")
    worker(database, clock, "worker@b#2", "bulk")
    assert workers() == ("ok", "3 alive, every lane is served, and what is due is taken up")


def test_one_dead_worker_of_several_is_missed_only_for_what_nobody_else_does(database, clock, workers):
    worker(database, clock, "worker-urgent@a#1", "critical", "ingest")
    worker(database, clock, "worker-local@a#2", "email", "bulk")
    clock.advance(seconds=26)
    worker(database, clock, "worker-local@a#3", "email", "bulk")
    assert workers() == ("failing", "no live worker serves critical, ingest")
    worker(database, clock, "worker@b#9", *LANES)
    assert workers()[0] == "ok"


def test_a_worker_that_does_not_listen_on_a_lane_does_not_serve_it(database, clock, workers):
    worker(database, clock, "worker@a#1", *LANES, deaf=["email"])
    assert workers() == ("failing", "no live worker serves email")
    worker(database, clock, "worker@a#2", "email")
    assert workers()[0] == "ok"


def test_a_worker_that_has_ended_as_it_was_told_to_is_forgotten(database, clock, workers, well):
    worker(database, clock, "worker@a#3", *LANES)
    with database.write() as conn:
        heartbeats.stop(conn, "worker@a#2")
    assert workers() == ("ok", "1 alive, every lane is served, and what is due is taken up")


@pytest.mark.parametrize(
    "row",
    [
        {"status": "pending"},
        {"status": "pending", "announced": True},
        {"status": "retrying", "attempts": 1},
        {"status": "held", "reason": "quiet_hours"},
        {"status": "sending", "leased": True},
    ],
    ids=str,
)
def test_what_is_due_and_left_lying_fails_the_service(database, clock, workers, well, row):
    due = clock.now()
    given = {"status": row["status"], "reason": row.get("reason"), "attempts": row.get("attempts", 0)}
    if row.get("announced"):
        given["announced_at"] = due
    if row.get("leased"):
        given |= {"lease_until": due, "next_at": due - timedelta(hours=1)}
    insert_notification(database, due, **{"next_at": due, **given})
    for _ in range(13):
        clock.advance(seconds=10)
        worker(database, clock, "worker@a#2", *LANES)
        assert workers()[0] == "ok"
    clock.advance(seconds=1)
    assert workers() == ("failing", "the oldest due notification waits 131 s, on the lane email")


@pytest.mark.parametrize(
    "at_work",
    [
        {"took": {"email": 25}, "holds": 0, "room": 4},
        {"took": {"bulk": 60}, "holds": 4, "room": 4},
    ],
    ids=["it takes from the lane", "it is full, and works"],
)
def test_what_waits_its_turn_in_a_long_queue_is_no_fault(database, clock, workers, at_work):
    insert_notification(database, clock.now(), status="pending", announced_at=clock.now())
    clock.advance(minutes=10)
    worker(database, clock, "worker@a#2", *LANES, **at_work)
    assert workers() == ("ok", "1 alive, every lane is served, and what is due is taken up")
    # What it says of its work was so when it said it.
    clock.advance(seconds=1)
    stalled = ("failing", "the oldest due notification waits 601 s, on the lane email")
    assert workers() == stalled
    worker(database, clock, "worker@a#2", *LANES, took={"bulk": 1}, holds=0, room=4)
    assert workers() == stalled
    worker(database, clock, "worker@a#2", *LANES, took={}, holds=4, room=4)
    assert workers() == stalled


def test_a_lane_that_stands_still_is_seen_behind_the_longer_queue_of_another(database, clock, workers):
    insert_notification(database, clock.now(), lane="bulk", status="pending", announced_at=clock.now())
    clock.advance(minutes=10)
    insert_notification(database, clock.now(), lane="email", status="pending")
    clock.advance(seconds=130)
    worker(database, clock, "worker@a#2", *LANES, took={"bulk": 1}, holds=0, room=4)
    assert workers()[0] == "ok"
    clock.advance(seconds=1)
    assert workers() == ("failing", "the oldest due notification waits 131 s, on the lane email")


@pytest.mark.parametrize(
    "row",
    [
        {"status": "held", "reason": "digest", "next_at": timedelta(days=1)},
        {"status": "held", "reason": "paused", "next_at": timedelta(hours=1)},
        {"status": "retrying", "next_at": timedelta(minutes=10)},
        {"status": "pending", "next_at": timedelta(minutes=5)},
        {"status": "sending", "next_at": timedelta(), "lease_until": timedelta(minutes=4)},
        {"status": "delivered", "next_at": timedelta()},
        {"status": "failed", "next_at": timedelta()},
    ],
    ids=str,
)
def test_what_waits_by_right_or_has_ended_never_does(database, clock, workers, row):
    now = clock.now()
    times = {name: now + span for name, span in row.items() if isinstance(span, timedelta)}
    insert_notification(database, now, **{**row, **times})
    clock.advance(seconds=200)
    worker(database, clock, "worker@a#2", *LANES)
    assert workers()[0] == "ok"


def canary_of(database, clock):
    check = health(database, clock).report()["checks"]["canary"]
    return check["status"], check["detail"]


def test_what_crosses_no_more_fails_the_service(database, clock, well):
    """The canary alone tells: everybody is alive, and nothing is due."""
    with database.write() as conn:
        for lane in LANES:
            canaries.send(conn, lane, None, f"cny_{lane}", clock.now())
            canaries.published(conn, [f"cny_{lane}"], clock.now())
            if lane != "email":
                canaries.cross(conn, lane, [f"cny_{lane}"], clock.now())
    assert canary_of(database, clock)[0] == "ok"
    clock.advance(seconds=86)
    for lane in set(LANES) - {"email"}:
        with database.write() as conn:
            canaries.send(conn, lane, canaries.known(conn)[lane], f"cny_{lane}_2", clock.now())
    worker(database, clock, "worker@a#2", *LANES, took={}, holds=0, room=4)
    assert canary_of(database, clock) == ("failing", "no worker does the test message of email, for 86 s")
    assert health(database, clock).report()["status"] == "failing"
    # What a worker says of its last work was so when it said it.
    worker(database, clock, "worker@a#2", *LANES, took={"email": 20}, holds=0, room=4)
    assert canary_of(database, clock)[0] == "ok"
    clock.advance(seconds=6)
    assert canary_of(database, clock)[0] == "failing"
    worker(database, clock, "worker@a#2", *LANES, took={"email": 50}, holds=4, room=4)
    assert canary_of(database, clock)[0] == "ok"
    # The dead are no excuse.
    clock.advance(seconds=26)
    assert canary_of(database, clock)[0] == "failing"


def test_parts_are_asked_once_a_second(database, clock, well):
    broker = Broker()
    asked = health(database, clock, broker)
    for _ in range(5):
        asked.report()
    clock.advance(seconds=1)
    asked.report()
    assert broker.asked == 2


def test_without_a_schema_the_database_fails(tmp_path, clock):
    database = Database(f"sqlite:///{tmp_path}/empty.db")
    report = health(database, clock).report()
    assert {report["checks"][name]["status"] for name in ("database", "relay", "workers", "canary")} == {"failing"}
    database.close()


def test_a_schema_of_a_later_version_is_no_fault(database, clock, well):
    with database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert health(database, clock).report()["checks"]["database"]["status"] == "ok"
