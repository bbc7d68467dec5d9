"""Sending again what has ended: anew, past the gates, and not without end."""

import pytest

from app.store.history import Filters
from channels.base import Permanent
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.spine import Spine

USERS = ("u-1", "u-2", "u-3")
FAILED = Filters(status="failed")


@pytest.fixture
def ids(spine: Spine) -> list[str]:
    """Three notifications that failed."""
    spine.meet(*USERS)
    ids = sorted(spine.submit(*USERS))
    spine.pipeline.dedupe(ids)
    for id_ in ids:
        spine.letters.answer(id_, Permanent("refused"))
    spine.delivery.deliver("letters", ids)
    return ids


def replay(spine: Spine, wanted: Filters = FAILED, *, limit: int = 200, dry_run: bool = False) -> list[str]:
    return [
        row.id for row in spine.dead_letters.replay(wanted, limit=limit, dry_run=dry_run, actor="key:admin").created
    ]


def test_each_becomes_a_new_notification_that_says_of_what(spine: Spine, ids: list[str]):
    again = replay(spine)
    assert [spine.row(id_).replay_of for id_ in again] == ids
    assert spine.states(again) == [("pending", None)] * 3
    assert spine.states(ids) == [("failed", "rejected")] * 3
    assert spine.pipeline.rate_limit(spine.pipeline.dedupe(spine.pipeline.render(again))) == again
    spine.delivery.deliver("letters", again)
    assert spine.states(again) == [("delivered", None)] * 3
    assert spine.count("notifications_accepted_total") == spine.count("notifications_total") == 6


def test_a_dry_run_only_counts(spine: Spine, ids: list[str]):
    assert spine.dead_letters.replay(FAILED, limit=2, dry_run=True, actor="key:admin").matched == 2
    assert replay(spine, dry_run=True) == []
    assert spine.count("notifications_accepted_total") == 3


def test_who_only_counts_waits_for_nobody_who_writes(spine: Spine, ids: list[str]):
    with spine.database.write():
        counted = spine.dead_letters.replay(FAILED, limit=200, dry_run=True, actor="key:admin")
    assert counted.matched == 3


def test_one_alone_is_sent_again_by_its_id(spine: Spine, ids: list[str]):
    (again,) = replay(spine, Filters(status="failed", id=ids[1]))
    assert spine.row(again).replay_of == ids[1]
    assert replay(spine, Filters(status="delivered", id=ids[0])) == []


def test_what_is_on_its_way_again_or_arrived_is_not_taken_once_more(spine: Spine, ids: list[str]):
    again = replay(spine)
    assert replay(spine) == []
    spine.letters.answer(again[0], Permanent("refused again"))
    spine.delivery.deliver("letters", again)
    # The first one failed twice, and is one message all the same; the rest has arrived.
    assert [spine.row(id_).replay_of for id_ in replay(spine)] == again[:1]


def test_what_a_replay_left_unsent_can_be_sent_from_the_first(spine: Spine, ids: list[str]):
    (again,) = replay(spine, limit=1)
    spine.meet(spine.row(again).user_id, disabled="gone")
    spine.delivery.deliver("letters", [again])
    assert spine.states([again]) == [("suppressed", "no_contact")]
    assert [spine.row(id_).replay_of for id_ in replay(spine)] == ids


def test_a_thousand_are_sent_once_each_though_two_ask_for_it_at_once(spine: Spine):
    users = [f"u-{number}" for number in range(1_000)]
    spine.meet(*users, channel="hooks")
    ids = spine.submit(*users, channel="hooks")
    for id_ in ids:
        spine.hooks.answer(id_, Permanent("refused"))
    for start in range(0, len(ids), 50):
        spine.delivery.deliver("hooks", ids[start : start + 50])
    spine.hooks.sent.clear()

    def replay_all(_number: int) -> list[str]:
        created: list[str] = []
        while found := replay(spine):
            created += found
        return created

    first, second = at_once(2, replay_all)
    assert isinstance(first, list)
    assert isinstance(second, list)
    again = [*first, *second]
    assert sorted(str(spine.row(id_).replay_of) for id_ in again) == sorted(ids)
    for start in range(0, len(again), 50):
        spine.delivery.deliver("hooks", again[start : start + 50])
    assert sorted(spine.hooks.sent) == sorted(again)
    assert spine.count("notifications_total", status="delivered") == len(ids)
    assert replay(spine) == []


def test_the_oldest_come_first_and_only_so_many(spine: Spine, ids: list[str]):
    assert [spine.row(id_).replay_of for id_ in replay(spine, limit=2)] == ids[:2]
    assert [spine.row(id_).replay_of for id_ in replay(spine, limit=2)] == ids[2:]


def test_filters_narrow_it(spine: Spine, clock: FakeClock, ids: list[str]):
    assert [spine.row(id_).replay_of for id_ in replay(spine, Filters("u-2", status="failed"))] == [
        id_ for id_ in ids if spine.row(id_).user_id == "u-2"
    ]
    assert replay(spine, Filters(status="failed", subject_key="another")) == []
    assert replay(spine, Filters(status="delivered")) == []


def test_what_is_open_is_never_taken(spine: Spine):
    spine.meet("u-1")
    spine.submit("u-1")
    assert replay(spine, Filters(status="pending")) == []


def test_it_is_on_record(spine: Spine, ids: list[str]):
    again = replay(spine)
    (entry,) = spine.audit("notifications")
    assert (entry.actor, entry.action, entry.detail) == (
        "key:admin",
        "replay",
        {"filters": {"status": "failed"}, "created": 3},
    )
    assert [entry.detail["created"] for entry in spine.audit(ids[0]) if entry.action == "replay"] == [again[0]]
