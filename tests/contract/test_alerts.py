"""What opens an alert, and what closes it: once, and only what is open."""

import pytest

from app.rendering.reasons import Translator
from app.services.history import History
from app.store import alerts
from app.store.engine import Database
from channels.base import Permanent
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.plans import plans_of
from tests.fakes.scripted import Pages
from tests.fakes.spine import ROOT, Spine
from tests.fakes.watch import COMPLETED, Watch

DELIVERED = ("delivered", None)


def test_what_a_failure_opens_a_completion_closes(watch: Watch):
    opening = watch.failed()
    watch.deliver(opening)
    assert watch.alerts == [(1, 0)]
    closing = watch.completed()
    watch.deliver(closing)
    assert watch.alerts == [(1, 1)]
    assert watch.states(opening, closing) == [DELIVERED, DELIVERED]
    row = watch.spine.row(closing)
    assert (row.type, row.closes_alert, row.alert_step) == ("job.completed", True, 2)
    assert row.alert_key == watch.spine.row(opening).alert_key


def test_what_nobody_opened_is_not_closed(watch: Watch):
    assert watch.tell(**COMPLETED) is None
    assert watch.tell(resolved=True) is None
    assert watch.tell(type="system.warning", data={"component": "j-9", "message": "fine"}, resolved=True) is None
    watch.deliver(watch.failed())
    assert watch.tell(type="job.completed", data={"job_id": "j-8"}) is None
    assert watch.tell(type="job.progress", data={"job_id": "j-9", "percent": 50}, resolved=True) is None
    assert watch.alerts == [(1, 0)]


def test_it_is_closed_once(watch: Watch):
    watch.deliver(watch.failed())
    closing = watch.completed()
    assert watch.tell(**COMPLETED) is None
    watch.deliver(closing)
    assert watch.tell(**COMPLETED) is None
    assert watch.tell(resolved=True) is None
    assert watch.alerts == [(1, 1)]


@pytest.mark.parametrize("count", [2, 8])
def test_of_completions_at_the_same_moment_one_closes(watch: Watch, count: int):
    watch.deliver(watch.failed())
    ids = [id_ for id_ in at_once(count, lambda _: watch.tell(**COMPLETED)) if id_ is not None]
    assert [type(id_) for id_ in ids] == [str]


def test_an_error_is_closed_by_a_resolved_warning(watch: Watch):
    about = {"component": "encoder", "message": "no worker answers"}
    for type_ in ("system.error", "system.warning"):
        watch.deliver(watch.failed(type=type_, data=about))
    assert watch.alerts == [(2, 0)]
    watch.deliver(watch.failed(type="system.warning", data={**about, "message": "all well"}, resolved=True))
    assert watch.alerts == [(2, 1)]


def test_a_cell_that_is_off_opens_nothing_so_nothing_is_closed(watch: Watch):
    assert watch.tell(type="quota.exceeded", data={"resource": "disk", "used": 2, "limit": 1}) is None
    assert watch.tell(type="quota.exceeded", data={"resource": "disk", "used": 0, "limit": 1}, resolved=True) is None
    assert watch.spine.count("notifications_accepted_total", type="job.completed") == 0


@pytest.mark.parametrize("order", [("job.failed", "job.completed"), ("job.completed", "job.failed")])
def test_the_events_of_a_batch_count_in_their_order(watch: Watch, order: tuple[str, ...]):
    data = {"job.failed": {"job_id": "j-9", "error": "e"}, "job.completed": {"job_id": "j-9"}}
    batch = [{"type": type_, "data": data[type_], "recipients": ["u-1"]} for type_ in order]
    accepted, rejected = watch.spine.intake.submit_batch(batch, owner="key_1", actor="key:key_1")
    assert rejected == []
    ids = [id_ for one in accepted if (id_ := watch.of(one.id))]
    watch.deliver(*ids)
    watch.later(*ids)
    assert watch.alerts == [(1, 1 if order[0] == "job.failed" else 0)]
    assert len(ids) == (2 if order[0] == "job.failed" else 1)


def test_an_event_that_was_in_a_batch_before_opens_nothing_anew(watch: Watch):
    failed = {"type": "job.failed", "data": {"job_id": "j-9", "error": "e"}, "recipients": ["u-1"]}
    batch = [{**failed, "idempotency_key": "k"}, {**COMPLETED, "recipients": ["u-1"]}]
    for expected in ((1, 1), (1, 1)):
        accepted, _ = watch.spine.intake.submit_batch(batch, owner="key_1", actor="key:key_1")
        for one in accepted:
            if id_ := watch.of(one.id):
                watch.deliver(id_)
        assert watch.alerts == [expected]


def test_the_same_trouble_again_is_no_repeat_once_it_was_over(watch: Watch):
    for number in range(1, 4):
        for event in ({"data": {"job_id": "j-9", "error": "same"}}, COMPLETED):
            id_ = watch.tell(**event)
            assert id_ is not None
            assert watch.spine.pipeline.dedupe([id_]) == [id_]
            watch.deliver(id_)
        assert watch.alerts == [(1, 1)] * number


def test_the_same_trouble_again_is_a_repeat_while_it_lasts(watch: Watch):
    first, second = (watch.failed(data={"job_id": "j-9", "error": "same"}) for _ in range(2))
    assert watch.spine.pipeline.dedupe([first]) == [first]
    assert watch.spine.pipeline.dedupe([second]) == []
    watch.deliver(first)
    watch.deliver(watch.completed())
    assert watch.alerts == [(1, 1)]


def test_a_repeat_stays_one_though_the_end_was_told_before_it_was_looked_at(watch: Watch):
    first, second = (watch.failed(data={"job_id": "j-9", "error": "same"}) for _ in range(2))
    closing = watch.completed()
    third = watch.failed(data={"job_id": "j-9", "error": "same"})
    assert watch.spine.pipeline.dedupe([first, second, closing, third]) == [first, closing, third]


def test_the_end_of_an_alert_passes_the_limit_and_is_not_counted(
    database: Database, clock: FakeClock, gate_server: GateServer, watch: Watch, pages: Pages
):
    limits = {"rate_limits": dict.fromkeys(watch.spine.channels, 1)}
    spine = Spine(database, clock, gate_server.url, more=[pages], rules=limits)
    strict = Watch(spine, pages)
    opening = strict.failed()
    assert spine.pipeline.rate_limit([opening]) == [opening]
    strict.deliver(opening)
    closing = strict.completed()
    assert spine.pipeline.rate_limit([closing]) == [closing]
    strict.deliver(closing)
    assert strict.alerts == [(1, 1)]
    spine.close()


def test_what_is_reached_elsewhere_by_now_cannot_be_closed(watch: Watch):
    watch.deliver(watch.failed())
    watch.spine.meet("u-1", channel="pages", target="place-2")
    assert watch.tell(**COMPLETED) is None
    watch.spine.meet("u-1", channel="pages", target="place-1")
    watch.deliver(watch.completed())
    assert watch.alerts == [(1, 1)]


def test_explain_tells_it_beforehand(watch: Watch):
    event = {**COMPLETED, "recipients": ["u-1"], "channels": ["pages"]}
    (said,) = watch.spine.explain.decisions(event, owner="key_1")
    assert (said["decision"], said["reason"]) == ("suppress", "opted_out")
    warning = {"type": "system.warning", "data": {"component": "e", "message": "m"}, "resolved": True}
    (said,) = watch.spine.explain.decisions({**event, **warning}, owner="key_1")
    assert (said["decision"], said["reason"], said["preview"]) == ("suppress", "nothing_open", None)
    assert said["because"] == "Not sent: there is no open alert about this subject to close."
    watch.deliver(watch.failed())
    (said,) = watch.spine.explain.decisions(event, owner="key_1")
    assert (said["decision"], said["reason"]) == ("send", "closes_alert")
    assert said["because"] == "Sent immediately: it closes the open alert about this subject."
    assert said["preview"]["subject"]
    watch.completed()
    (said,) = watch.spine.explain.decisions(event, owner="key_1")
    assert said["decision"] == "suppress"
    # The same trouble is a repeat while it lasts, and new afterwards.
    failed = {**event, "type": "job.failed", "data": {"job_id": "j-9", "error": "same"}}
    for _ in range(2):
        id_ = watch.tell(**failed)
        assert id_ is not None
        watch.spine.pipeline.dedupe([id_])
        watch.deliver(id_)
        (said,) = watch.spine.explain.decisions(failed, owner="key_1")
        assert (said["decision"], said["reason"]) == ("suppress", "duplicate")
        watch.deliver(watch.completed())
        (said,) = watch.spine.explain.decisions(failed, owner="key_1")
        assert said["decision"] == "send"


def test_history_says_why_a_closing_was_not_sent(watch: Watch):
    opening, closing = watch.failed(), watch.completed()
    watch.pages.answer(opening, Permanent("no"))
    watch.deliver(opening)
    watch.deliver(closing)
    translator = Translator(translations=ROOT / "translations", default_locale="en")
    found = History(watch.spine.database, watch.spine.people, translator).notification(closing)
    assert found is not None
    assert found["because"] == "Not sent: there was no alert left to close, or it has to stay open."


def test_the_questions_use_their_indexes(watch: Watch):
    watch.deliver(watch.failed())
    row = watch.spine.row(watch.completed())
    place = (row.channel, row.alert_key or "")

    def ask() -> None:
        with watch.spine.database.read() as conn:
            alerts.last(conn, [place] * 3)
            alerts.unfinished(conn, *(place[0], [place[1]]))

    last, unfinished = plans_of(watch.spine.database, ask)
    assert "notifications_live_alerts" in last
    assert "notifications_open_alerts" in unfinished


def test_whoever_has_no_such_contact_costs_no_question(watch: Watch):
    def submit() -> None:
        watch.spine.intake.submit({**COMPLETED, "recipients": ["u-2"]}, owner="key_1", actor="key:key_1")

    assert not [plan for plan in plans_of(watch.spine.database, submit) if "alerts" in plan]
