"""Where a message can be changed, one message tells how far something is, and then how it ended."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.domain.events import moving_family
from app.store.engine import Database
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.scripted import Notes
from tests.fakes.spine import LEASE, Spine

USER = "u-1"
MOVES = "job.progress"


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def board(database: Database, clock: FakeClock, gate_server: GateServer, notes: Notes) -> Iterator[Spine]:
    """Somebody who wants to see how far things are."""
    spine = Spine(database, clock, gate_server.url, more=[notes])
    wants(spine, "place-1")
    yield spine
    spine.close()
    assert spine.unaccounted() == 0


def wants(spine: Spine, target: str) -> None:
    cells = {name: {"notes": "instant"} for name in moving_family(MOVES)}
    contacts = {"notes": {"target": target}}
    spine.preferences.merge(USER, {"contacts": contacts, "events": cells}, actor="key:key_1")


def comes(spine: Spine, number: int, *, type_: str = MOVES, job: str = "j-9") -> str:
    data: dict[str, Any] = {"job_id": job, "percent": number % 100, "error": "disk full"}
    (id_,) = spine.submit(USER, channel="notes", type=type_, data=data, sequence=number)
    return id_


def work(spine: Spine, *ids: str) -> None:
    left = spine.pipeline.rate_limit(spine.pipeline.dedupe(spine.pipeline.render(ids)))
    if left:
        spine.delivery.deliver("notes", left)


def test_one_message_moves_and_ends(board: Spine, clock: FakeClock, notes: Notes):
    for number in (10, 20, 30):
        work(board, comes(board, number))
        clock.advance(seconds=16)
    work(board, comes(board, 100, type_="job.failed"))
    assert notes.there == {"m-1": ["j-9: 10% done", "j-9: 20% done", "j-9: 30% done", "Job failed: disk full (j-9)"]}
    work(board, comes(board, 101))
    assert list(notes.there) == ["m-1", "m-2"]


def test_each_subject_has_its_own(board: Spine, clock: FakeClock, notes: Notes):
    work(board, comes(board, 1), comes(board, 1, job="j-2"))
    clock.advance(seconds=16)
    work(board, comes(board, 2, job="j-2"))
    assert sorted(len(said) for said in notes.there.values()) == [1, 2]


def test_it_is_not_changed_more_often_than_every_15_seconds(board: Spine, clock: FakeClock, notes: Notes):
    ids = []
    for number in range(1, 8):
        ids.append(comes(board, number))
        work(board, ids[-1])
        clock.advance(seconds=2)
    assert board.states(ids) == [("delivered", None), *[("held", "rate_limited")] * 6]
    clock.advance(seconds=15)
    board.relay.feed()
    for id_ in ids[1:]:
        work(board, id_)
    assert board.states(ids[1:]) == [*[("suppressed", "superseded")] * 5, ("delivered", None)]
    assert notes.there == {"m-1": ["j-9: 1% done", "j-9: 7% done"]}


def test_what_was_deleted_is_told_anew(board: Spine, clock: FakeClock, notes: Notes):
    work(board, comes(board, 1))
    notes.deleted.add("m-1")
    clock.advance(seconds=16)
    id_ = comes(board, 2)
    work(board, id_)
    assert board.states([id_]) == [("delivered", None)]
    assert notes.there["m-2"] == ["j-9: 2% done"]


def test_at_another_place_it_begins_anew(board: Spine, clock: FakeClock, notes: Notes):
    work(board, comes(board, 1))
    wants(board, "place-2")
    clock.advance(seconds=16)
    work(board, comes(board, 2))
    assert list(notes.there) == ["m-1", "m-2"]


def test_two_about_one_subject_do_not_cross(board: Spine, clock: FakeClock, notes: Notes):
    first = comes(board, 1)
    ends: list[str] = []

    def meanwhile(_message: object) -> None:
        notes.during = lambda _message: None
        ends.append(comes(board, 2, type_="job.completed"))
        work(board, *ends)

    notes.during = meanwhile
    work(board, first)
    assert board.states([first, *ends]) == [("delivered", None), ("pending", None)]
    assert board.row(ends[0]).next_at == clock.now() + timedelta(seconds=2)
    clock.advance(seconds=2)
    work(board, *ends)
    assert notes.there == {"m-1": ["j-9: 1% done", "Job completed: j-9"]}


def test_nobody_waits_for_a_worker_that_died(board: Spine, clock: FakeClock, notes: Notes):
    def die(_message: object) -> None:
        raise KeyboardInterrupt

    notes.during = die
    with pytest.raises(KeyboardInterrupt):
        work(board, comes(board, 1))
    notes.during = lambda _message: None
    clock.advance(seconds=LEASE.total_seconds() + 1)
    end = comes(board, 2, type_="job.completed")
    work(board, end)
    assert board.states([end]) == [("delivered", None)]


def test_a_flood_in_any_order_is_one_message_with_its_end_last(board: Spine, clock: FakeClock, notes: Notes):
    numbers = list(range(1, 200))
    random.Random(5).shuffle(numbers)  # noqa: S311 - only variety is wanted
    ids = []
    for at, number in enumerate(numbers):
        ids.append(comes(board, number))
        if at % 20 == 0:
            work(board, *ids[-20:])
            clock.advance(seconds=3)
    ids.append(comes(board, 200, type_="job.completed"))
    for _ in range(12):
        board.relay.feed()
        work(board, *[id_ for id_ in ids if board.row(id_).status == "pending"])
        clock.advance(seconds=5)
    assert not [id_ for id_ in ids if board.row(id_).is_open]
    (said,) = notes.there.values()
    assert said[-1] == "Job completed: j-9"
    assert len(said) < 10
