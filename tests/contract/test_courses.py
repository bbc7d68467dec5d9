"""What is under way is told once and moves: never backwards, never in a flood, and its end comes last."""

import random
from datetime import timedelta
from typing import Any

from app.domain.events import EVENT_TYPES, moving_family
from app.domain.ids import new_id
from app.store import inbox
from app.store.engine import Database
from app.store.tables import IS_OF_A_COURSE
from channels.base import Message, Transient
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.people_rig import Rig
from tests.fakes.plans import plans_of
from tests.fakes.samples import message
from tests.fakes.spine import Spine

USER = "u-1"


def told(rig: Rig, type_: str, sequence: int | None, **fields: Any) -> Message:
    now = rig.clock.advance(seconds=1)
    data = {**EVENT_TYPES[type_].sample, "percent": sequence}
    return message(
        notification_id=new_id("ntf", now),
        user_id=USER,
        type=type_,
        sequence=sequence,
        data=data,
        **({"occurred_at": now, "title": f"{type_} {sequence}"} | fields),
    )


def titles(rig: Rig) -> list[str]:
    return [item["title"] for item in rig.inbox.page(USER)[0].items]


def test_a_thousand_reports_in_any_order_and_the_end_are_one_item(rig: Rig):
    messages = [told(rig, "job.progress", number) for number in range(1000)]
    messages.append(told(rig, "job.completed", 1000))
    random.Random(7).shuffle(messages)  # noqa: S311 - only variety is wanted
    for start in range(0, len(messages), 50):
        rig.inbox.put(messages[start : start + 50])
    page, unread = rig.inbox.page(USER)
    assert [(item["title"], item["type"]) for item in page.items] == [("job.completed 1000", "job.completed")]
    assert unread == 1


def test_an_item_that_moves_stays_the_same_item(rig: Rig):
    first, second = told(rig, "job.progress", 1), told(rig, "job.progress", 2)
    rig.inbox.put([first])
    (before,) = rig.inbox.page(USER)[0].items
    rig.clock.advance(seconds=1)
    with rig.database.read() as conn:
        head = inbox.head(conn, USER)
    rig.inbox.put([second])
    (after,) = rig.inbox.page(USER)[0].items
    assert (after["id"], after["created_at"]) == (before["id"], before["created_at"])
    assert (after["notification_id"], after["data"]["percent"], after["sequence"]) == (second.notification_id, 2, 2)
    assert after["updated_at"] > before["updated_at"]
    with rig.database.read() as conn:
        (changed,) = inbox.changed(conn, USER, after=head, limit=9)
    assert changed.id == after["id"]
    rig.inbox.put([first, second])
    assert rig.inbox.page(USER)[0].items == [after]


def test_what_was_read_stays_read_until_the_end(rig: Rig):
    rig.inbox.put([told(rig, "job.progress", 1)])
    (item,) = rig.inbox.page(USER)[0].items
    rig.inbox.mark(USER, item["id"], read=True, archived=True)
    rig.inbox.put([told(rig, "job.progress", 2)])
    (item,) = rig.inbox.page(USER)[0].items
    assert (item["read"], item["archived"], item["title"]) == (True, True, "job.progress 2")
    rig.inbox.put([told(rig, "job.failed", 3)])
    (item,), unread = rig.inbox.page(USER)[0].items, rig.inbox.page(USER)[1]
    assert (item["read"], item["archived"], item["title"], unread) == (False, False, "job.failed 3", 1)


def test_an_end_is_never_overwritten(rig: Rig):
    late = told(rig, "job.progress", 4)
    rig.inbox.put([told(rig, "job.progress", 3)])
    rig.inbox.put([told(rig, "job.failed", 5)])
    rig.inbox.put([late])
    assert titles(rig) == ["job.failed 5"]
    rig.inbox.put([told(rig, "job.completed", 9)])
    assert titles(rig) == ["job.completed 9", "job.failed 5"]
    rig.inbox.put([told(rig, "job.progress", 10)])
    rig.inbox.put([told(rig, "job.failed", 11)])
    assert titles(rig) == ["job.failed 11", "job.completed 9", "job.failed 5"]


def test_without_numbers_it_is_the_time_that_tells(rig: Rig):
    rig.inbox.put([told(rig, "job.progress", None)])
    past = rig.clock.now() - timedelta(hours=1)
    rig.inbox.put([told(rig, "job.progress", None, title="of the past", occurred_at=past)])
    assert titles(rig) == ["job.progress None"]
    rig.inbox.put([told(rig, "job.completed", None)])
    assert titles(rig) == ["job.completed None"]


def test_other_subjects_users_and_types_are_no_matter(rig: Rig):
    rig.inbox.put([told(rig, "job.progress", 1), told(rig, "job.progress", 2, subject_key="j-2")])
    rig.inbox.put([told(rig, "system.warning", 3), told(rig, "system.warning", 4)])
    assert len(titles(rig)) == 4


def test_many_writers_at_once_make_one_item(rig: Rig):
    messages = [told(rig, "job.progress", number) for number in range(40)]
    assert at_once(8, lambda n: rig.inbox.put(messages[n::8])) == [None] * 8
    assert titles(rig) == ["job.progress 39"]


def test_the_index_of_items_that_move_is_used_and_knows_its_types(rig: Rig):
    assert str(IS_OF_A_COURSE) == f"type IN {tuple(name for name in EVENT_TYPES if moving_family(name))}"
    plans = plans_of(rig.database, lambda: rig.inbox.put([told(rig, "job.progress", 1)]))
    assert any("inbox_courses" in plan for plan in plans)


def progress(spine: Spine, percent: int, *, channel: str = "letters", **fields: Any) -> str:
    data = {"job_id": "j-9", "percent": percent}
    (id_,) = spine.submit(USER, channel=channel, type="job.progress", data=data, sequence=percent, **fields)
    return id_


def ready(spine: Spine) -> None:
    cells = {
        name: {"letters": "instant", "shelf": "instant", "hooks": "instant"} for name in moving_family("job.failed")
    }
    contacts = {"letters": {"target": "place-1"}, "hooks": {"target": "place-1"}}
    spine.preferences.merge(USER, {"contacts": contacts, "events": cells}, actor="key:key_1")


def test_of_many_that_wait_only_the_newest_goes(spine: Spine, clock: FakeClock):
    ready(spine)
    numbers = random.Random(3).sample(range(100), 30)  # noqa: S311 - only variety is wanted
    ids = {number: progress(spine, number) for number in numbers}
    rows = list(ids.values())
    spine.pipeline.render(rows)
    newest = ids[max(numbers)]
    assert spine.pipeline.dedupe(rows) == [newest]
    assert spine.trace(rows[0])[-1] == ("dedupe", "suppressed", "superseded") or rows[0] == newest
    late = progress(spine, 0)
    spine.pipeline.render([late])
    assert spine.pipeline.dedupe([late]) == []
    clock.advance(hours=2)
    again = progress(spine, max(numbers) + 1)
    spine.pipeline.render([again])
    assert spine.pipeline.dedupe([again]) == [again]


def test_the_same_again_is_a_repeat_and_no_news(spine: Spine):
    ready(spine)
    ids = [progress(spine, 40), progress(spine, 40)]
    spine.pipeline.render(ids)
    assert spine.pipeline.dedupe(ids[:1]) == ids[:1]
    assert spine.pipeline.dedupe(ids[1:]) == []
    assert spine.states(ids) == [("pending", None), ("suppressed", "duplicate")]


def test_an_end_overtakes_what_waits(spine: Spine):
    ready(spine)
    id_ = progress(spine, 40)
    (end,) = spine.submit(USER, channel="letters", type="job.completed", data={"job_id": "j-9"}, sequence=100)
    spine.pipeline.render([id_, end])
    assert spine.pipeline.dedupe([end, id_]) == [end]
    assert spine.states([id_]) == [("suppressed", "superseded")]


def test_programs_get_all_of_it(spine: Spine):
    ready(spine)
    ids = [progress(spine, percent, channel="hooks") for percent in (1, 2, 3)]
    spine.pipeline.render(ids)
    assert spine.pipeline.rate_limit(spine.pipeline.dedupe(ids)) == ids


def test_people_are_written_to_once_an_hour_and_at_the_end(spine: Spine, clock: FakeClock):
    ready(spine)
    states = []
    for percent in range(0, 100, 10):
        id_ = progress(spine, percent)
        spine.pipeline.render([id_])
        if spine.pipeline.rate_limit(spine.pipeline.dedupe([id_])):
            spine.delivery.deliver("letters", [id_])
        states.append(id_)
        clock.advance(minutes=1)
    assert spine.states(states) == [("delivered", None), *[("held", "rate_limited")] * 9]
    clock.advance(hours=1)
    spine.relay.feed()
    assert spine.states(states[1:]) == [*[("suppressed", "superseded")] * 8, ("pending", None)]
    (end,) = spine.submit(USER, channel="letters", type="job.failed", data={"job_id": "j-9", "error": "e"}, sequence=99)
    spine.pipeline.render([end])
    assert spine.pipeline.rate_limit(spine.pipeline.dedupe([states[-1], end])) == [end]


def test_progress_that_waits_takes_no_place_from_what_would_go(
    database: Database, clock: FakeClock, gate_server: GateServer
):
    spine = Spine(database, clock, gate_server.url, rules={"rate_limits": {"letters": 2, "hooks": 0, "shelf": 0}})
    ready(spine)
    ids = [progress(spine, percent) for percent in (1, 2, 3)]
    spine.pipeline.render(ids)
    assert spine.pipeline.rate_limit(ids) == ids[:1]
    (end,) = spine.submit(USER, channel="letters", type="job.completed", data={"job_id": "j-9"}, sequence=100)
    spine.pipeline.render([end])
    assert spine.pipeline.rate_limit([end]) == [end]
    spine.close()


def test_what_is_tried_again_is_not_sent_when_it_is_old_news(spine: Spine, clock: FakeClock):
    ready(spine)
    id_ = progress(spine, 40)
    spine.letters.answer(id_, Transient("busy", scope="recipient"))
    spine.pipeline.render([id_])
    assert spine.pipeline.rate_limit(spine.pipeline.dedupe([id_])) == [id_]
    spine.delivery.deliver("letters", [id_])
    assert spine.states([id_]) == [("retrying", None)]
    (end,) = spine.submit(USER, channel="letters", type="job.completed", data={"job_id": "j-9"}, sequence=100)
    spine.pipeline.render([end])
    spine.delivery.deliver("letters", spine.pipeline.rate_limit(spine.pipeline.dedupe([end])))
    clock.advance(minutes=5)
    spine.delivery.deliver("letters", [id_])
    assert spine.states([id_, end]) == [("suppressed", "superseded"), ("delivered", None)]
    assert spine.letters.sent.count(id_) == 1
