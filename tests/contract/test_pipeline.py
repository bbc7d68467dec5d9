"""The steps before the delivery, on both databases and with a real server for the gates."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.notifications import TERMINAL, Status
from app.services.inbox import Inbox
from app.store import counters, inbox, notifications
from app.store.engine import Database
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.ports import free_port
from tests.fakes.samples import message
from tests.fakes.spine import ROOT, Spine

PENDING = ("pending", None)
DUPLICATE = ("suppressed", "duplicate")


@pytest.fixture
def build(database: Database, clock: FakeClock, gate_server: GateServer) -> Iterator[Callable[..., Spine]]:
    """Make a spine with other rules; what it did must add up."""
    made: list[Spine] = []

    def build_one(**given: Any) -> Spine:
        url = given.pop("gates_url", gate_server.url)
        made.append(Spine(database, clock, url, **given))
        made[-1].meet("u-1", "u-2", "u-3")
        return made[-1]

    yield build_one
    for spine in made:
        spine.close()
        assert spine.unaccounted() == 0


@pytest.fixture
def limited(build: Callable[..., Spine]) -> Spine:
    """At most two letters per user in an hour."""
    return build(rules={"rate_limits": {"letters": 2, "hooks": 0, "shelf": 2}})


def move(spine: Spine, id_: str, status: Status, reason: str | None = None) -> None:
    """What another process does meanwhile."""
    with spine.database.write() as conn:
        assert notifications.move(conn, [id_], status, reason, spine.clock.now())


def numbered(spine: Spine, count: int, user_id: str = "u-1", **fields: Any) -> list[str]:
    """As many notifications that differ."""
    return [
        spine.submit(user_id, data={"job_id": f"j-{number}", "error": "disk full"}, **fields)[0]
        for number in range(count)
    ]


def test_texts_are_written_once_in_the_readers_language(build: Callable[..., Spine]):
    spine = build()
    ids = spine.submit("u-1", "u-2")
    assert spine.pipeline.render(ids) == ids
    first = [spine.row(id_) for id_ in ids]
    assert all(row.content and "j-9" in row.content["title"] and row.content["html"] for row in first)
    spine.clock.advance(seconds=1)
    assert spine.pipeline.render(ids) == ids
    assert [spine.row(id_) for id_ in ids] == first
    assert spine.trace(ids[0])[1:] == [("render", "rendered", None)]


def test_what_does_not_exist_goes_no_further(build: Callable[..., Spine]):
    spine = build()
    assert spine.pipeline.render(["ntf_unknown"]) == []
    assert spine.pipeline.render([]) == []


def test_what_cannot_be_rendered_fails_alone(build: Callable[..., Spine], tmp_path: Path):
    templates = tmp_path / "templates"
    shutil.copytree(ROOT / "templates", templates)
    (templates / "job.completed" / "subject.txt").write_text("{{ no_such_name }}")
    spine = build(templates=templates)
    good, bad = spine.submit("u-1", "u-2")
    (broken,) = spine.submit("u-3", type="job.completed", data={"job_id": "j-1"})
    assert spine.pipeline.render([good, broken, bad]) == [good, bad]
    assert spine.states([good, broken, bad]) == [PENDING, ("failed", "render_error"), PENDING]
    assert spine.pipeline.render([good, broken, bad])[:1] == [good]
    assert spine.states([broken]) == [("failed", "render_error")]
    assert spine.count("notifications_total", status="failed", reason="render_error") == 1
    assert spine.trace(broken).count(("render", "failed", "render_error")) == 1


def test_a_repeat_ends_and_is_counted_on_the_first(build: Callable[..., Spine]):
    spine = build()
    (first,), (second,), (third,) = spine.submit("u-1"), spine.submit("u-1"), spine.submit("u-1")
    assert spine.pipeline.dedupe([first]) == [first]
    assert spine.pipeline.dedupe([second]) == []
    assert spine.pipeline.dedupe([third]) == []
    assert spine.states([first, second, third]) == [PENDING, DUPLICATE, DUPLICATE]
    assert [spine.row(id_).duplicates for id_ in (first, second, third)] == [2, 0, 0]
    assert spine.count("notification_duplicates_total", type="job.failed", channel="letters") == 2
    assert spine.trace(second)[1:] == [("dedupe", "suppressed", "duplicate")]


def test_a_repeat_shows_in_the_inbox_and_rings_for_its_reader(build: Callable[..., Spine]):
    spine = build()
    (first,), (second,) = (spine.submit("u-1", channel="shelf") for _ in range(2))
    box = Inbox(spine.database, spine.clock, spine.rung.append, spine.fallbacks)
    box.put([message(notification_id=first, user_id="u-1")])
    (mailed,), (again,) = (spine.submit("u-1") for _ in range(2))
    spine.rung.clear()
    spine.pipeline.dedupe([mailed, again])
    assert [set(users) for users in spine.rung if users] == []
    later = spine.clock.advance(seconds=1)
    spine.pipeline.dedupe([first, second])
    assert [set(users) for users in spine.rung if users] == [{"u-1"}]
    (item,) = box.page("u-1")[0].items
    assert (item["duplicates"], item["updated_at"]) == (1, later)
    with spine.database.read() as conn:
        assert [one.revision for one in inbox.changed(conn, "u-1", after=1, limit=5)] == [2]


def test_a_repeat_within_one_list(build: Callable[..., Spine]):
    spine = build()
    (first,), (other,), (repeat,) = spine.submit("u-1"), spine.submit("u-2"), spine.submit("u-1")
    assert spine.pipeline.dedupe([first, other, repeat]) == [first, other]
    assert spine.states([first, other, repeat]) == [PENDING, PENDING, DUPLICATE]
    assert spine.row(first).duplicates == 1


def test_dedupe_run_twice_counts_once(build: Callable[..., Spine]):
    spine = build()
    ids = [spine.submit("u-1")[0], spine.submit("u-1")[0]]
    assert spine.pipeline.dedupe(ids) == spine.pipeline.dedupe(ids)[:1] == ids[:1]
    assert spine.row(ids[0]).duplicates == 1
    assert spine.count("notification_duplicates_total") == 1


def test_the_same_after_the_window_is_new(build: Callable[..., Spine]):
    spine = build()
    (first,) = spine.submit("u-1")
    spine.pipeline.dedupe([first])
    spine.clock.advance(minutes=5)
    (second,) = spine.submit("u-1")
    assert spine.pipeline.dedupe([second]) == [second]


@pytest.mark.parametrize(
    ("ways", "counts"),
    [
        ([("failed", "render_error")], False),
        ([("cancelled", "requested")], False),
        ([("expired", None)], False),
        ([("suppressed", "rate_limited")], False),
        ([("held", "rate_limited")], True),
        ([("digested", None)], True),
        ([("sending", None)], True),
        ([("sending", None), ("retrying", None)], True),
        ([("sending", None), ("delivered", None)], True),
        ([("sending", None), ("failed", "attempts_exhausted")], False),
    ],
)
def test_a_first_counts_only_while_it_is_open_delivered_or_digested(
    build: Callable[..., Spine], ways: list[tuple[Status, str | None]], counts: bool
):
    spine = build()
    (first,), (second,), (third,) = spine.submit("u-1"), spine.submit("u-1"), spine.submit("u-1")
    spine.pipeline.dedupe([first])
    for status, reason in ways:
        move(spine, first, status, reason)
    assert spine.pipeline.dedupe([second, third]) == ([] if counts else [second])
    assert spine.row(first).duplicates == (2 if counts else 0)
    assert spine.row(second).duplicates == (0 if counts else 1)
    with spine.database.write() as conn:  # what the other process would have counted
        _count_end(conn, spine, ways[-1])


def _count_end(conn: Any, spine: Spine, end: tuple[Status, str | None]) -> None:
    if end[0] in TERMINAL:
        tally = counters.Tally()
        tally.ended("job.failed", "letters", *end)
        tally.save(conn, "test@elsewhere")


def test_a_window_of_nothing_is_no_dedupe(build: Callable[..., Spine]):
    spine = build(rules={"dedupe_window": timedelta(0)})
    ids = [spine.submit("u-1")[0], spine.submit("u-1")[0]]
    assert spine.pipeline.dedupe(ids) == ids


def test_over_the_limit_is_held_until_the_window_frees(limited: Spine):
    start = limited.clock.now()
    ids = numbered(limited, 3)
    assert limited.pipeline.rate_limit(ids) == ids[:2]
    held = limited.row(ids[2])
    assert (held.status, held.reason, held.next_at) == ("held", "rate_limited", start + timedelta(hours=1))
    assert held.announced_at is None
    assert limited.count("notification_rate_limit_hits_total", channel="letters") == 1
    assert limited.trace(ids[2])[1:] == [("rate_limit", "held", "rate_limited")]
    limited.clock.advance(hours=1)
    limited.relay.feed()
    assert limited.states(ids[2:]) == [PENDING]
    assert limited.pipeline.rate_limit(ids[2:]) == ids[2:]


def test_over_the_limit_is_dropped_where_that_is_asked_for(build: Callable[..., Spine]):
    spine = build(rules={"rate_limits": {"letters": 1, "hooks": 0, "shelf": 0}, "drop_overflow": True})
    ids = numbered(spine, 3)
    assert spine.pipeline.rate_limit(ids) == ids[:1]
    assert spine.states(ids[1:]) == [("suppressed", "rate_limited")] * 2
    assert spine.count("notification_rate_limit_hits_total", channel="letters") == 2
    assert spine.count("notifications_total", status="suppressed", reason="rate_limited") == 2


def test_the_limit_run_twice_gives_the_same(limited: Spine):
    ids = numbered(limited, 3)
    assert limited.pipeline.rate_limit(ids) == limited.pipeline.rate_limit(ids)[:2] == ids[:2]
    assert limited.pipeline.rate_limit(ids[:2]) == ids[:2]
    assert limited.count("notification_rate_limit_hits_total") == 1


def test_users_have_limits_of_their_own(limited: Spine):
    ids = numbered(limited, 2) + numbered(limited, 2, "u-2")
    assert limited.pipeline.rate_limit(ids) == ids


def test_critical_and_in_app_are_neither_limited_nor_counted(limited: Spine):
    urgent = numbered(limited, 4, priority="critical")
    assert limited.pipeline.rate_limit(urgent) == urgent
    items = numbered(limited, 4, channel="shelf")
    assert limited.pipeline.rate_limit(items) == items
    ids = numbered(limited, 2)
    assert limited.pipeline.rate_limit(ids) == ids


@pytest.mark.parametrize("step", ["render", "dedupe", "rate_limit"])
def test_rows_that_somebody_else_moved_stay(build: Callable[..., Spine], step: str, tmp_path: Path):
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    (tmp_path / "templates" / "job.failed" / "subject.txt").write_text("{{ no_such_name }}")
    rules = {"rate_limits": {"letters": 1, "hooks": 0, "shelf": 0}, "drop_overflow": True}
    spine = build(rules=rules, templates=tmp_path / "templates")
    (first,), (second,) = spine.submit("u-1"), spine.submit("u-1")
    run = getattr(spine.pipeline, step)
    if step != "render":
        run([first])
    move(spine, second, "sending")
    run([second])
    assert spine.states([second]) == [("sending", None)]
    assert spine.row(first).duplicates == 0
    assert spine.count("notification_duplicates_total") == 0


def test_without_the_gates_everything_passes_and_that_is_counted(build: Callable[..., Spine]):
    spine = build(gates_url=f"redis://127.0.0.1:{free_port()}/0", rules={"rate_limits": {"letters": 1}})
    ids = [spine.submit("u-1")[0], spine.submit("u-1")[0]]
    assert spine.pipeline.rate_limit(spine.pipeline.dedupe(ids)) == ids
    assert spine.gate_errors == ["dedupe", "rate_limit"]
