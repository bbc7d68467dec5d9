"""Digests: what was held goes out as one, is asked about once more before, and none is lost or doubled."""

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from app.domain.notifications import Notification
from app.services.digests import Digests
from app.store.engine import Database
from app.store.history import Filters
from channels.base import Message, Permanent
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.spine import PROCESS, Spine

USER = "u-1"
CONTACT = {"letters": {"target": "place-1"}, "hooks": {"target": "place-1"}}


def wants(spine: Spine, user_id: str = USER, **wishes: Any) -> None:
    spine.preferences.merge(user_id, {"contacts": CONTACT, **wishes}, actor="key:key_1")


def failed(spine: Spine, job: str = "j-9", *, user_id: str = USER, channel: str = "letters", **fields: Any) -> str:
    data = {"job_id": job, "error": fields.pop("error", "disk full")}
    (id_,) = spine.submit(user_id, channel=channel, data=data, **fields)
    return id_


def progressed(spine: Spine, percent: int, **fields: Any) -> str:
    (id_,) = spine.submit(
        USER, channel="letters", type="job.progress", data={"job_id": "j-9", "percent": percent}, **fields
    )
    return id_


def digests_of(spine: Spine, user_id: str = USER) -> list[Notification]:
    return [row for row in spine.of_user(user_id) if row.type == "digest"]


def sent(spine: Spine, row: Notification) -> Message:
    """Work a notification to its end; what the channel was given."""
    messages: list[Message] = []
    channel = spine.channels[row.channel]
    channel.during = messages.append
    spine.pipeline.render([row.id])
    assert spine.pipeline.rate_limit(spine.pipeline.dedupe([row.id])) == [row.id]
    spine.delivery.deliver(row.channel, [row.id])
    (message,) = messages
    return message


def test_a_night_of_failures_is_one_summary_in_the_morning(spine: Spine, clock: FakeClock):
    wants(spine, quiet_hours={"start": "11:00", "end": "13:00"})
    ids = []
    for number in range(30):
        ids.append(failed(spine, f"j-{number % 10}", error=f"fault {number}"))
        clock.advance(minutes=1)
    assert spine.states(ids) == [("held", "quiet_hours")] * 30
    spine.relay.feed()
    assert digests_of(spine) == []
    clock.advance(hours=1)
    spine.relay.feed()
    (digest,) = digests_of(spine)
    assert spine.states(ids) == [("digested", None)] * 30
    assert {spine.row(id_).digest_id for id_ in ids} == {digest.id}
    assert spine.trace(ids[0])[-1] == ("digest", "digested", None)
    assert spine.count("notifications_total", status="digested", channel="letters") == 30
    message = sent(spine, digest)
    assert (message.type, message.event_id, message.title) == (
        "digest",
        None,
        "30 notifications, the newest: Job failed: fault 29 (j-9)",
    )
    assert "3 times, last on" in message.text
    assert message.text.count("•") == 10
    assert message.items is not None
    assert [item["notification_id"] for item in message.items] == list(reversed(ids))
    assert message.items[0].keys() == {"notification_id", "event_id", "type", "subject_key", "title", "occurred_at"}
    assert spine.row(digest.id).status == "delivered"


def test_one_alone_is_sent_as_itself(spine: Spine, clock: FakeClock):
    wants(spine, events={"job.failed": {"letters": "daily"}})
    id_ = failed(spine)
    assert spine.states([id_]) == [("held", "digest")]
    clock.advance(hours=20)
    spine.relay.feed()
    assert spine.states([id_]) == [("pending", None)]
    assert digests_of(spine) == []
    assert id_ in spine.publisher.ids(0)
    assert sent(spine, spine.row(id_)).title == "Job failed: disk full (j-9)"


def test_each_person_and_channel_has_its_own(spine: Spine, clock: FakeClock):
    for user_id in ("u-1", "u-2"):
        wants(spine, user_id, events={"job.failed": {"letters": "hourly", "hooks": "hourly"}})
        for channel in ("letters", "hooks"):
            for number in range(3):
                failed(spine, f"j-{number}", user_id=user_id, channel=channel)
    clock.advance(hours=1)
    spine.relay.feed()
    rows = [row for user_id in ("u-1", "u-2") for row in digests_of(spine, user_id)]
    assert Counter((row.user_id, row.channel) for row in rows) == Counter(
        (user_id, channel) for user_id in ("u-1", "u-2") for channel in ("letters", "hooks")
    )


def test_what_waits_for_several_reasons_goes_together(spine: Spine, clock: FakeClock):
    """An hourly rhythm that ends in quiet hours, a mute that ends in them, and the quiet hours themselves."""
    wants(
        spine,
        events={"job.completed": {"letters": "hourly"}},
        quiet_hours={"start": "12:30", "end": "14:00"},
        muted_until=(clock.now() + timedelta(minutes=10)).isoformat(),
    )
    ids = [failed(spine, "j-1")]
    clock.advance(minutes=15)
    (hourly,) = spine.submit(USER, channel="letters", type="job.completed", data={"job_id": "j-2"})
    spine.relay.feed()
    assert spine.states(ids) == [("pending", None)]
    clock.advance(minutes=20)
    ids = [hourly, failed(spine, "j-3")]
    clock.advance(hours=2)
    spine.relay.feed()
    assert spine.states(ids) == [("digested", None)] * 2
    assert len(digests_of(spine)) == 1


@pytest.mark.parametrize(
    ("wish", "ends"),
    [
        ({"events": {"job.failed": {"letters": "off"}}}, ("suppressed", "opted_out")),
        ({"channels": {"letters": False}}, ("suppressed", "opted_out")),
        ({"muted_subjects": ["j-9"]}, ("suppressed", "muted")),
        ({"contacts": {"letters": None}}, ("suppressed", "no_contact")),
        ({"muted_until": "2026-11-23T20:00:00Z"}, ("held", "muted")),
        ({"quiet_hours": {"start": "12:00", "end": "18:00"}}, ("held", "quiet_hours")),
        ({"events": {"job.failed": {"letters": "instant"}}}, ("digested", None)),
    ],
)
def test_it_is_asked_again_before_it_goes(spine: Spine, clock: FakeClock, wish: Any, ends: Any):
    wants(spine, events={"job.failed": {"letters": "hourly"}})
    ids = [failed(spine, error=f"fault {number}") for number in range(3)]
    spine.preferences.merge(USER, wish, actor="key:key_1")
    clock.advance(hours=1)
    spine.relay.feed()
    assert spine.states(ids) == [ends] * 3


def test_a_change_of_mind_is_heard_at_once(spine: Spine, clock: FakeClock):
    wants(spine, events={"job.failed": {"letters": "daily"}}, muted_until="2026-11-24T00:00:00Z")
    ids = [failed(spine, error=f"fault {number}") for number in range(2)]
    assert spine.states(ids) == [("held", "muted")] * 2
    spine.preferences.merge(USER, {"muted_until": None}, actor="key:key_1")
    spine.relay.feed()
    assert spine.states(ids) == [("held", "digest")] * 2
    assert spine.row(ids[0]).next_at.isoformat() == "2026-11-23T08:00:00+00:00"
    spine.preferences.merge(USER, {"events": {"job.failed": {"letters": "instant"}}}, actor="key:key_1")
    spine.relay.feed()
    assert spine.states(ids) == [("digested", None)] * 2


def test_repeats_count_on_the_first_and_old_news_is_left_out(spine: Spine, clock: FakeClock):
    wants(spine, events={"job.failed": {"letters": "hourly"}, "job.progress": {"letters": "hourly"}})
    first = failed(spine)
    clock.advance(seconds=1)
    repeat = failed(spine)
    clock.advance(minutes=6)
    after = failed(spine)
    moves = []
    for percent in (10, 50):
        clock.advance(seconds=1)
        moves.append(progressed(spine, percent))
    clock.advance(hours=1)
    spine.relay.feed()
    assert spine.states([first, repeat, after]) == [("digested", None), ("suppressed", "duplicate"), ("digested", None)]
    assert spine.row(first).duplicates == 1
    assert spine.states(moves) == [("suppressed", "superseded"), ("digested", None)]
    (digest,) = digests_of(spine)
    message = sent(spine, digest)
    assert message.title.startswith("3 notifications")
    assert "3 times, last on" in message.text


def test_what_has_expired_or_was_cancelled_is_not_in_it(spine: Spine, clock: FakeClock):
    wants(spine, events={"job.failed": {"letters": "hourly"}})
    soon = (clock.now() + timedelta(minutes=30)).isoformat()
    late = failed(spine, "j-1", expires_at=soon)
    ids = [failed(spine, "j-2"), failed(spine, "j-3")]
    gone = failed(spine, "j-4")
    event_id = spine.row(gone).event_id
    assert event_id is not None
    spine.events.cancel(event_id, actor="key:key_1")
    clock.advance(hours=1)
    spine.relay.feed()
    assert spine.states([late, gone]) == [("expired", None), ("cancelled", "requested")]
    assert spine.states(ids) == [("digested", None)] * 2


def test_an_appointment_is_kept_by_what_it_was_made_for(spine: Spine, clock: FakeClock):
    wants(spine, events={"job.completed": {"letters": "off"}})
    at = (clock.now() + timedelta(hours=1)).isoformat()
    ids = [failed(spine, f"j-{number}", deliver_at=at) for number in range(2)]
    assert spine.states(ids) == [("held", "scheduled")] * 2
    clock.advance(hours=1)
    spine.relay.feed()
    assert spine.states(ids) == [("pending", None)] * 2


def test_an_appointment_in_a_daily_rhythm_goes_with_the_next_summary(spine: Spine, clock: FakeClock):
    wants(spine, events={"job.failed": {"letters": "daily"}})
    id_ = failed(spine, deliver_at=(clock.now() + timedelta(hours=1)).isoformat())
    clock.advance(hours=1)
    spine.relay.feed()
    assert spine.states([id_]) == [("held", "digest")]
    assert spine.row(id_).next_at.isoformat() == "2026-11-23T08:00:00+00:00"


def test_a_long_queue_is_as_many_digests_as_it_takes(spine: Spine, clock: FakeClock):
    wants(spine, events={"job.failed": {"letters": "hourly"}})
    ids = [failed(spine, f"{number:04}" + "j" * 200) for number in range(500)]
    clock.advance(hours=1)
    spine.relay.feed()
    assert spine.states(ids) == [("digested", None)] * 500
    assert len(digests_of(spine)) == 2


def test_over_the_limit_it_is_one_message_when_the_window_frees(
    database: Database, clock: FakeClock, gate_server: GateServer
):
    spine = Spine(database, clock, gate_server.url, rules={"rate_limits": {"letters": 2, "hooks": 0, "shelf": 0}})
    wants(spine)
    ids = [failed(spine, f"j-{number}") for number in range(9)]
    spine.pipeline.render(ids)
    assert spine.pipeline.rate_limit(spine.pipeline.dedupe(ids)) == ids[:2]
    spine.delivery.deliver("letters", ids[:2])
    assert spine.states(ids[2:]) == [("held", "rate_limited")] * 7
    clock.advance(minutes=60, seconds=1)
    spine.relay.feed()
    assert spine.states(ids[2:]) == [("digested", None)] * 7
    (digest,) = digests_of(spine)
    assert sent(spine, digest).title.startswith("7 notifications")
    spine.close()
    assert spine.unaccounted() == 0


def test_two_relays_never_share_a_digest(database: Database, clock: FakeClock, gate_server: GateServer):
    spine = Spine(database, clock, gate_server.url)
    people = [f"u-{number}" for number in range(12)]
    for user_id in people:
        wants(spine, user_id, events={"job.failed": {"letters": "hourly"}})
    ids = {user_id: [failed(spine, f"j-{n}", user_id=user_id) for n in range(5)] for user_id in people}
    clock.advance(hours=1)
    both = threading.Barrier(2)

    def work() -> None:
        digests = Digests(database, spine.people, spine.admission, timedelta(minutes=5), clock, process=PROCESS)
        both.wait()
        while digests.release():
            pass

    relays = [threading.Thread(target=work) for _ in range(2)]
    for one in relays:
        one.start()
    for one in relays:
        one.join()
    spine.relay.feed()
    for user_id in people:
        (digest,) = digests_of(spine, user_id)
        assert {spine.row(id_).digest_id for id_ in ids[user_id]} == {digest.id}
    spine.close()
    assert spine.unaccounted() == 0


def test_a_failed_digest_can_be_sent_again_with_all_it_carried(spine: Spine, clock: FakeClock):
    wants(spine, events={"job.failed": {"letters": "hourly"}})
    for number in range(3):
        failed(spine, f"j-{number}")
    clock.advance(hours=1)
    spine.relay.feed()
    (digest,) = digests_of(spine)
    spine.letters.answer(digest.id, Permanent("no"))
    sent(spine, digest)
    assert spine.row(digest.id).status == "failed"
    for _ in range(2):
        (again,) = spine.dead_letters.replay(
            Filters(status="failed"), limit=10, dry_run=False, actor="key:key_1"
        ).created
        spine.letters.answer(again.id, Permanent("no"))
        message = sent(spine, again)
        assert message.items is not None
        assert len(message.items) == 3


def test_it_travels_as_urgently_as_what_it_carries(spine: Spine, clock: FakeClock):
    wants(spine, events={"job.failed": {"letters": "hourly"}})
    for number in range(2):
        failed(spine, f"j-{number}", priority="low")
    clock.advance(hours=1)
    spine.relay.feed()
    (digest,) = digests_of(spine)
    assert (digest.priority, digest.lane) == ("low", "bulk")


def test_programs_get_all_of_what_was_held(spine: Spine, clock: FakeClock):
    wants(spine, events={"job.progress": {"hooks": "hourly"}})
    ids = []
    for percent in (10, 50, 90):
        clock.advance(seconds=1)
        data = {"job_id": "j-9", "percent": percent}
        ids += spine.submit(USER, channel="hooks", type="job.progress", data=data)
    clock.advance(hours=1)
    spine.relay.feed()
    assert spine.states(ids) == [("digested", None)] * 3


def test_it_goes_where_its_reader_is_reached_today(spine: Spine, clock: FakeClock):
    wants(spine, events={"job.failed": {"letters": "hourly"}})
    for number in range(2):
        failed(spine, f"j-{number}")
    spine.preferences.merge(USER, {"contacts": {"letters": {"target": "place-2"}}}, actor="key:key_1")
    clock.advance(hours=1)
    spine.relay.feed()
    (digest,) = digests_of(spine)
    assert digest.target == "place-2"


def test_an_appointment_lets_nothing_pass_a_limit_early(database: Database, clock: FakeClock, gate_server: GateServer):
    spine = Spine(database, clock, gate_server.url, rules={"rate_limits": {"letters": 1, "hooks": 0, "shelf": 0}})
    wants(spine)
    at = (clock.now() + timedelta(minutes=1)).isoformat()
    appointed = failed(spine, "j-1", deliver_at=at)
    ids = [failed(spine, f"j-{number}") for number in range(2, 5)]
    spine.pipeline.render(ids)
    spine.pipeline.rate_limit(spine.pipeline.dedupe(ids))
    clock.advance(minutes=1)
    spine.relay.feed()
    assert spine.states([appointed]) == [("pending", None)]
    assert spine.states(ids[1:]) == [("held", "rate_limited")] * 2
    spine.close()
    assert spine.unaccounted() == 0
