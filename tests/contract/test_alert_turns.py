"""In which order the notifications about an alert go out, whatever becomes of each."""

from datetime import timedelta
from typing import Any

import pytest

from app.store import alerts
from app.store.history import Filters
from channels.base import Permanent, Transient
from tests.fakes.spine import LEASE
from tests.fakes.watch import COMPLETED, Died, Watch, die_at

DELIVERED = ("delivered", None)
SUPERSEDED = ("suppressed", "superseded")
LOST = Transient("no answer", scope="recipient", unknown=True)
BUSY = Transient("busy", scope="recipient")


def test_a_closing_waits_for_what_opens_it_and_uses_up_no_attempt(watch: Watch):
    opening = watch.failed()
    watch.pages.answer(opening, BUSY)
    closing = watch.completed()
    watch.deliver(closing)
    watch.deliver(opening, closing)
    assert watch.states(opening, closing) == [("retrying", None), ("pending", None)]
    watch.later(closing, seconds=1)
    row = watch.spine.row(closing)
    assert (row.attempts, row.announced_at) == (0, None)
    # Until the retry that it waits for is due.
    assert row.next_at == watch.spine.row(opening).next_at
    watch.later(closing, opening)
    assert watch.states(opening, closing) == [DELIVERED, ("pending", None)]
    watch.later(closing)
    assert watch.alerts == [(1, 1)]
    assert watch.spine.attempts(closing) == ["delivered"]


def test_a_closing_looks_again_now_and_then_however_long_a_retry_waits(watch: Watch):
    opening = watch.failed()
    watch.pages.answer(opening, Transient("busy", scope="recipient", retry_after=3600))
    watch.deliver(opening)
    closing = watch.completed()
    watch.deliver(closing)
    assert watch.spine.row(closing).next_at == watch.spine.clock.now() + timedelta(seconds=30)
    watch.spine.events.cancel_one(opening, actor="test")
    watch.later(closing)
    assert watch.states(opening, closing) == [("cancelled", "requested"), SUPERSEDED]


def test_what_was_never_opened_ends_the_closing_too(watch: Watch):
    opening, closing = watch.failed(), watch.completed()
    watch.pages.answer(opening, Permanent("no"))
    watch.deliver(opening, closing)
    watch.later(closing)
    assert watch.states(opening, closing) == [("failed", "rejected"), SUPERSEDED]
    assert watch.pages.sent == [opening]
    assert watch.spine.trace(closing)[-1] == ("deliver", "suppressed", "superseded")
    assert watch.spine.count("notifications_total", channel="pages", reason="superseded") == 1
    assert watch.tell(**COMPLETED) is None


def test_what_may_have_been_opened_is_closed(watch: Watch):
    opening = watch.failed()
    watch.pages.answer(opening, LOST, *[BUSY] * 9)
    for _ in range(3):
        watch.later(opening, seconds=61)
    assert watch.states(opening) == [("failed", "attempts_exhausted")]
    assert watch.alerts == [(1, 0)]
    watch.deliver(watch.completed())
    assert watch.alerts == [(1, 1)]


def test_a_new_failure_takes_the_place_of_a_closing_that_has_not_gone_out(watch: Watch):
    watch.deliver(watch.failed())
    closing = watch.completed()
    watch.pages.answer(closing, BUSY)
    watch.deliver(closing)
    again = watch.failed()
    watch.deliver(again)
    assert watch.states(closing, again) == [SUPERSEDED, DELIVERED]
    assert watch.alerts == [(2, 0)]
    watch.later(closing)
    watch.deliver(watch.completed())
    assert watch.alerts == [(2, 1)]


def test_a_new_failure_waits_for_a_closing_that_is_going_out(watch: Watch):
    watch.deliver(watch.failed())
    closing = watch.completed()
    again: list[str] = []

    def meanwhile(_message: object) -> None:
        watch.pages.during = lambda _message: None
        again.append(watch.failed())
        watch.deliver(again[0])

    watch.pages.during = meanwhile
    watch.deliver(closing)
    assert watch.states(closing, again[0]) == [DELIVERED, ("pending", None)]
    watch.later(again[0], seconds=1)
    assert watch.alerts == [(1, 1), (1, 0)]


def test_in_one_list_a_closing_goes_before_the_next_failure(watch: Watch):
    watch.deliver(watch.failed())
    ids = [watch.completed(), watch.failed()]
    watch.deliver(*reversed(ids))
    watch.later(*ids)
    assert watch.states(*ids) == [DELIVERED, DELIVERED]
    assert watch.alerts == [(1, 1), (1, 0)]


def test_a_closing_that_somebody_claims_just_now_is_waited_for(watch: Watch, monkeypatch: pytest.MonkeyPatch):
    watch.deliver(watch.failed())
    closing, again = watch.completed(), watch.failed()
    look = alerts.unfinished
    with watch.spine.database.read() as conn:
        as_it_was = look(conn, "pages", [watch.spine.row(again).alert_key or ""])

    def too_late(_message: object) -> None:
        monkeypatch.setattr(alerts, "unfinished", lambda *_: as_it_was)
        watch.deliver(again)
        monkeypatch.setattr(alerts, "unfinished", look)

    watch.pages.during = too_late
    watch.deliver(closing)
    assert watch.states(closing, again) == [DELIVERED, ("pending", None)]


@pytest.mark.parametrize("end", ["failed", "cancelled", "expired"])
def test_a_closing_that_did_not_arrive_leaves_the_alert_to_the_next_one(watch: Watch, end: str):
    watch.deliver(watch.failed())
    closing = watch.completed()
    if end == "failed":
        watch.pages.answer(closing, Permanent("no"))
        watch.deliver(closing)
    elif end == "cancelled":
        watch.spine.events.cancel_one(closing, actor="test")
    else:
        watch.spine.clock.advance(days=8)
        watch.spine.relay.sweep()
    assert watch.states(closing)[0][0] == end
    watch.deliver(watch.completed())
    assert watch.alerts == [(1, 1)]


def test_what_is_sent_again_on_request_takes_its_place_in_the_order(watch: Watch):
    watch.deliver(watch.failed())
    closing = watch.completed()
    watch.pages.answer(closing, Permanent("no"))
    watch.deliver(closing)
    replayed = [row.id for row in replay(watch, type="job.completed")]
    watch.deliver(*replayed)
    assert watch.states(*replayed) == [DELIVERED]
    assert watch.alerts == [(1, 1)]
    assert watch.tell(**COMPLETED) is None
    # A second time there is nothing to close, and a failure told again is open again.
    closing, opening = (row.id for kind in ("job.completed", "job.failed") for row in replay(watch, type=kind)[:1])
    watch.deliver(closing, opening)
    watch.later(closing, opening)
    assert watch.states(closing, opening) == [SUPERSEDED, DELIVERED]
    assert watch.alerts == [(1, 1), (1, 0)]


def replay(watch: Watch, **wanted: str) -> list[Any]:
    filters = Filters(channel="pages", **wanted)
    return watch.spine.dead_letters.replay(filters, limit=10, dry_run=False, actor="test").created


def test_a_pause_does_not_change_the_order(watch: Watch):
    watch.spine.channel_desk.pause("pages", actor="test")
    ids = [watch.failed(), watch.completed()]
    watch.deliver(*ids)
    assert watch.states(*ids) == [("held", "paused")] * 2
    watch.spine.channel_desk.resume("pages", actor="test")
    watch.spine.relay.feed()
    watch.deliver(*reversed(ids))
    watch.later(*reversed(ids))
    assert watch.states(*ids) == [DELIVERED, DELIVERED]
    assert watch.alerts == [(1, 1)]


def test_a_worker_that_died_while_closing_closes_it_once(watch: Watch):
    watch.deliver(watch.failed())
    closing = watch.completed()
    die_at(watch.spine, "after_send")
    with pytest.raises(Died):
        watch.deliver(closing)
    watch.spine.clock.advance(seconds=LEASE.total_seconds() + 1)
    watch.deliver(closing)
    assert watch.states(closing) == [DELIVERED]
    assert watch.spine.attempts(closing) == ["unknown", "delivered"]
    assert watch.alerts == [(1, 1)]
    # The receiver had it: to close it again changes nothing.
    assert watch.pages.incidents.in_vain == 1
    watch.pages.incidents.in_vain = 0
