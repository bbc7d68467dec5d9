"""Who lives, and what has been due for the longest."""

from datetime import timedelta

from app.store import due, heartbeats
from app.store.due import Due
from tests.fakes.plans import plans_of
from tests.fakes.rows import insert_notification


def test_each_process_has_one_last_sign_of_life(database, clock):
    began = clock.now()
    one, two = heartbeats.name_of("worker@here", 11), heartbeats.name_of("worker@here", 12)
    with database.write() as conn:
        heartbeats.beat(conn, one, "worker", began, {"lanes": ["email"]})
        heartbeats.beat(conn, two, "worker", began + timedelta(seconds=5), {"lanes": ["bulk"]})
        heartbeats.beat(conn, one, "worker", began + timedelta(seconds=9), {"lanes": ["inapp"]})
        heartbeats.beat(conn, "relay@here#1", "relay", began, {})
    with database.read() as conn:
        found = {beat.process: (beat.role, beat.beat_at - began, beat.detail) for beat in heartbeats.known(conn)}
    assert found == {
        one: ("worker", timedelta(seconds=9), {"lanes": ["inapp"]}),
        two: ("worker", timedelta(seconds=5), {"lanes": ["bulk"]}),
        "relay@here#1": ("relay", timedelta(), {}),
    }


def test_the_dead_are_forgotten_after_an_hour_and_those_who_were_told_to_end_at_once(database, clock):
    with database.write() as conn:
        for name in ("one", "two", "three"):
            heartbeats.beat(conn, name, "worker", clock.now(), {})
        heartbeats.stop(conn, "two")
        heartbeats.stop(conn, "unheard of")
    with database.read() as conn:
        assert {beat.process for beat in heartbeats.known(conn)} == {"one", "three"}
    clock.advance(hours=1, seconds=1)
    with database.write() as conn:
        heartbeats.beat(conn, "three", "worker", clock.now(), {})
        assert {beat.process for beat in heartbeats.known(conn)} == {"three"}


def test_the_longest_due_of_all_states(database, clock):
    began = clock.now()
    states = (
        ("pending", {"next_at": began + timedelta(seconds=50)}),
        ("held", {"next_at": began + timedelta(seconds=40)}),
        ("retrying", {"next_at": began + timedelta(seconds=30)}),
        ("sending", {"next_at": began, "lease_until": began + timedelta(seconds=20)}),
        ("delivered", {"next_at": began}),
    )
    seen = []
    for status, times in states:
        insert_notification(database, began, status=status, lane=status, **times)
        with database.read() as conn:
            seen.append(due.longest(conn, began + timedelta(seconds=60)))
    assert seen == [
        Due(began + timedelta(seconds=seconds), lane)
        for seconds, lane in ((50, "pending"), (40, "held"), (30, "retrying"), (20, "sending"), (20, "sending"))
    ]
    with database.read() as conn:
        assert due.longest(conn, began + timedelta(seconds=19)) is None
        assert due.longest(conn, began + timedelta(seconds=20)) == Due(began + timedelta(seconds=20), "sending")


def test_the_longest_due_of_some_lanes(database, clock):
    """In whatever state: announced or not, held, to be tried again, or left by a worker that is gone."""
    began = clock.now()

    def add(lane, seconds, status="pending", **more):
        moment = began + timedelta(seconds=seconds)
        times = {"lease_until": moment} if status == "sending" else {"next_at": moment}
        insert_notification(database, began, lane=lane, status=status, **times, **more)

    def ask(*lanes):
        with database.read() as conn:
            found = due.longest(conn, began + timedelta(seconds=60), lanes)
        return found and (found.lane, (found.since - began).total_seconds())

    add("flooded", 1)
    add("quiet", 61)
    assert ask("quiet", "empty") is None
    add("quiet", 50)
    assert ask("quiet") == ("quiet", 50)
    add("quiet", 45, announced_at=began)
    add("other", 46)
    assert ask("quiet", "other") == ("quiet", 45)
    add("quiet", 40, status="held")
    assert ask("quiet", "other") == ("quiet", 40)
    add("other", 30, status="retrying")
    assert ask("quiet", "other") == ("other", 30)
    add("quiet", 20, status="sending")
    assert ask("quiet", "other") == ("quiet", 20)
    assert ask("other") == ("other", 30)
    assert ask("flooded") == ("flooded", 1)
    assert ask() is None


def test_the_longest_due_is_found_without_looking_at_the_others(database, clock):
    def ask():
        with database.read() as conn:
            due.longest(conn, clock.now())

    plans = plans_of(database, ask)
    for index, plan in zip(("pending", "waiting", "sending"), plans, strict=True):
        assert f"notifications_{index}" in plan
        assert not any(word in plan for word in ("SCAN", "Seq Scan", "TEMP B-TREE", "Sort")), plan


def test_the_longest_due_of_some_lanes_is_found_without_looking_at_the_others(database, clock):
    def ask():
        with database.read() as conn:
            due.longest(conn, clock.now(), ["inapp", "email"])

    plans = plans_of(database, ask)
    for index, plan in zip(("announced", "unannounced", "waiting", "sending"), plans, strict=True):
        # PostgreSQL goes by what a table holds: where it holds nothing, one index is as good as another.
        assert (f"notifications_{index}" if database.engine.dialect.name == "sqlite" else "Index Scan") in plan
        assert not any(word in plan for word in ("SCAN", "Seq Scan", "TEMP B-TREE")), plan
