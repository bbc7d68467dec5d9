"""The drills' judge finds what is wrong: a run of the product is doctored, and each time the right thing is said."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import text

from tests.drills import facts
from tests.drills.judge import ARRIVED, Case, Judgement, judge
from tests.drills.watch import Watch
from tests.fakes.product import Product
from tests.fakes.sealing import seal

USER = "u-1"


@dataclass
class Run:
    """Three jobs that were told to one user by mail and in the app."""

    product: Product
    accepted: dict[str, frozenset[tuple[str, str]]]
    ledger: list[dict[str, Any]]

    def case(self) -> Case:
        metrics = self.product.call("GET", "/metrics").text
        return Case(self.accepted, facts.read(self.product.services.database, metrics), self.ledger, 9)

    def event_of(self, id_: str) -> str:
        with self.product.services.database.read() as conn:
            return str(conn.execute(text("SELECT event_id FROM notifications WHERE id = :id"), {"id": id_}).scalar())

    def judged(self) -> Judgement:
        return judge(self.case())

    def change(self, statement: str, **values: Any) -> None:
        with self.product.services.database.write() as conn:
            assert conn.execute(text(statement), values).rowcount


@pytest.fixture
def run(product: Product) -> Run:
    product.call("PUT", f"/preferences/{USER}", json={"contacts": {"email": "a@b.example"}})
    accepted = {}
    for number in range(3):
        event = {"type": "job.completed", "recipients": [USER], "data": {"job_id": f"j-{number}"}}
        answer = product.call("POST", "/events", json=event)
        accepted[answer.json["id"]] = frozenset({(USER, "inapp"), (USER, "email")})
    services = product.services
    with services.database.read() as conn:
        rows = conn.execute(text("SELECT id, channel FROM notifications")).all()
    for channel in ("inapp", "email"):
        ids = [row.id for row in rows if row.channel == channel]
        assert not services.delivery.deliver(channel, services.pipeline.render(ids))
    with services.database.write() as conn:
        seal(conn)
    return Run(product, accepted, [{"channel": "email", "key": row.id} for row in rows if row.channel == "email"])


def only(judgement: Judgement, *beginnings: str) -> None:
    """Every fault begins with one of these, and each of these is a fault."""
    assert {beginning for beginning in beginnings if any(f.startswith(beginning) for f in judgement.faults)} == set(
        beginnings
    ), judgement.faults
    assert all(fault.startswith(beginnings) for fault in judgement.faults), judgement.faults


def test_a_run_in_which_all_went_well_has_no_faults(run):
    judged = run.judged()
    assert judged.faults == ()
    assert (judged.accepted, judged.statuses) == (6, {"delivered": 6})
    assert (judged.lost, judged.phantom, judged.duplicates, judged.explained) == (0, 0, 0, 0)


def test_a_row_that_is_gone_is_lost(run):
    id_ = run.ledger.pop()["key"]
    run.change("DELETE FROM notifications WHERE id = :id", id=id_)
    judged = run.judged()
    assert judged.lost == 1
    only(judged, "lost: evt_", "counter: ")


def test_a_row_that_never_ended_is_lost(run):
    run.change("UPDATE notifications SET status = 'pending' WHERE id = :id", id=run.ledger[0]["key"])
    judged = run.judged()
    assert judged.lost == 1
    only(judged, "lost: ntf_", "counter: ")


def test_a_failed_row_is_lost_since_every_receiver_is_well_in_the_end(run):
    change = "UPDATE notifications SET status = 'failed', reason = 'attempts_exhausted' WHERE id = :id"
    run.change(change, id=run.ledger[0]["key"])
    judged = run.judged()
    assert judged.lost == 1
    only(judged, "lost: ntf_", "counter: ", "the trace ends in delivered and the row in failed")


def test_a_delivered_row_that_nobody_saw_is_lost(run):
    run.ledger.pop()
    judged = run.judged()
    assert judged.lost == 1
    only(judged, "lost: ntf_")


def test_an_answer_with_an_error_is_no_arrival(run):
    run.ledger[0] |= {"act": "answer", "status": 503}
    only(run.judged(), "lost: ntf_")


def test_an_inbox_item_that_is_gone_is_lost(run):
    run.change("DELETE FROM inbox WHERE seq = 1")
    judged = run.judged()
    assert judged.lost == 1
    only(judged, "lost: ntf_")


def test_an_item_of_progress_may_have_moved_on(run):
    both = [row.id for row in run.case().facts.rows if row.channel == "inapp"][:2]
    run.change("DELETE FROM inbox WHERE notification_id = :id", id=both[0])
    case = run.case()
    as_progress = {id_: {"type": "job.progress", "subject_key": "j-0"} for id_ in both}
    rows = [replace(row, **as_progress.get(row.id, {})) for row in case.facts.rows]
    assert judge(replace(case, facts=replace(case.facts, rows=rows))).lost == 0
    others = [replace(row, subject_key=row.id) for row in rows]
    assert judge(replace(case, facts=replace(case.facts, rows=others))).lost == 1


def test_a_drill_may_say_how_else_things_may_end(run):
    change = "UPDATE notifications SET status = 'failed', reason = 'rejected' WHERE id = :id"
    run.change(change, id=run.ledger[0]["key"])
    assert judge(replace(run.case(), ends=ARRIVED | {("failed", "rejected")})).lost == 0


def test_what_is_digested_has_to_arrive_with_its_digest(run):
    case = run.case()
    (first, digest, *rest) = (row for row in case.facts.rows if row.channel == "email")
    rows = [row for row in case.facts.rows if row.channel != "email"]
    digest = replace(digest, type="digest", event_id=None)
    member = replace(first, status="digested", digest_id=digest.id, outcomes=(), attempts=0, decisions=("digested",))
    accepted = {id_: cells for id_, cells in case.accepted.items() if id_ != run.event_of(digest.id)}

    def lost(member, *ledger):
        facts = replace(case.facts, rows=[*rows, member, digest, *rest])
        told = Case(accepted, facts, ledger, 9, ARRIVED | {("digested", None)})
        return [fault for fault in judge(told).faults if fault.startswith("lost: ")]

    assert lost(member, *case.ledger) == []
    assert lost(replace(member, digest_id=None), *case.ledger)
    assert lost(member, *(entry for entry in case.ledger if entry["key"] != digest.id))


def test_what_belongs_to_no_event_and_carries_nothing_is_a_phantom(run):
    run.change("UPDATE notifications SET event_id = NULL, type = 'digest' WHERE id = :id", id=run.ledger[0]["key"])
    judged = run.judged()
    assert any(fault.startswith("phantom: ntf_") and "carries nothing" in fault for fault in judged.faults)
    run.change("UPDATE notifications SET type = 'contact.disabled' WHERE id = :id", id=run.ledger[0]["key"])
    allowed = judge(replace(run.case(), notices=frozenset({"contact.disabled"})))
    assert allowed.phantom == 0


@pytest.mark.parametrize(("oldest", "still_open"), [(5.0, False), (0.0, True), (None, False)])
def test_the_age_of_the_oldest_must_fit_what_is_open(run, oldest, still_open):
    if still_open:
        run.change("UPDATE notifications SET status = 'pending' WHERE id = :id", id=run.ledger[0]["key"])
    case = run.case()
    name = ("notifications_oldest_open_seconds", frozenset())
    series = {key: value for key, value in case.facts.series.items() if key != name}
    if oldest is not None:
        series[name] = oldest
    faults = judge(replace(case, facts=replace(case.facts, series=series))).faults
    assert f"counter: notifications_oldest_open_seconds is {oldest}" in faults


METRICS = """
notifications_unaccounted {unaccounted}
notifications_oldest_open_seconds {oldest}
notifications_open{{status="pending"}} {pending}
"""


@pytest.mark.parametrize(
    ("unaccounted", "oldest", "pending", "fault"),
    [
        (0, 3, 1, None),
        (0, 0, 0, None),
        (1, 3, 1, "counter: notifications_unaccounted was 1 in the middle"),
        (0, 60, 1, "counter: notifications_oldest_open_seconds was 60.0 after 10.0 s"),
        (0, 3, 0, "counter: notifications_oldest_open_seconds was 3.0 with nothing open"),
    ],
)
def test_who_looks_on_sees_what_is_wrong_in_the_middle(unaccounted, oldest, pending, fault):
    watch = Watch("http://nowhere.example")
    for _ in range(2):
        watch.judge(METRICS.format(unaccounted=unaccounted, oldest=oldest, pending=pending), 10.0)
    assert watch.looks == 2
    assert watch.faults == ([] if fault is None else [fault])


def test_an_event_that_nobody_submitted_is_a_phantom(run):
    run.accepted.pop(next(iter(run.accepted)))
    judged = run.judged()
    assert judged.phantom == 3
    only(judged, "phantom: nobody submitted", "phantom: ntf_")


def test_an_arrival_without_a_row_is_a_phantom(run):
    run.ledger.append({"channel": "email", "key": "ntf_from_nowhere"})
    judged = run.judged()
    assert judged.phantom == 1
    only(judged, "phantom: a receiver saw ntf_from_nowhere")


def test_an_arrival_on_another_channel_is_a_phantom(run):
    run.ledger[0]["channel"] = "webhook"
    only(run.judged(), "phantom: ntf_")


def test_a_second_arrival_without_a_doubt_is_an_unexplained_duplicate(run):
    run.ledger.append(run.ledger[0])
    judged = run.judged()
    assert (judged.duplicates, judged.explained) == (1, 0)
    only(judged, "unexplained duplicate: ntf_", "seen twice and not marked")


def test_a_second_arrival_after_a_doubtful_attempt_is_explained(run):
    run.ledger.append(run.ledger[0])
    judged = judge(with_a_doubt(run.case(), run.ledger[0]["key"]))
    assert (judged.duplicates, judged.explained, judged.faults) == (1, 1, ())


def test_a_third_arrival_needs_a_second_doubt(run):
    run.ledger += [run.ledger[0]] * 2
    judged = judge(with_a_doubt(run.case(), run.ledger[0]["key"]))
    assert (judged.duplicates, judged.explained) == (2, 1)
    only(judged, "unexplained duplicate: ntf_")


def test_more_attempts_than_allowed_are_found(run):
    case = with_a_doubt(run.case(), run.ledger[0]["key"])
    only(judge(replace(case, most_attempts=1)), "more than 1 attempts: 1 rows")


def test_an_attempt_that_was_never_closed_is_found(run):
    run.change("UPDATE attempts SET outcome = NULL WHERE notification_id = :id", id=run.ledger[0]["key"])
    only(run.judged(), "an attempt was never closed", "delivered without an attempt", "counter: notification_attempts")


def test_a_missing_attempt_is_found(run):
    run.change("DELETE FROM attempts WHERE notification_id = :id", id=run.ledger[0]["key"])
    beginnings = ("phantom: a receiver saw ntf_", "the number of attempts", "delivered without an attempt", "counter: ")
    only(run.judged(), *beginnings)


@pytest.mark.parametrize("name", ["notifications_total", "notifications_accepted_total", "notification_attempts_total"])
def test_a_wrong_counter_is_found(run, name):
    run.change("UPDATE counters SET value = value + 1 WHERE name = :name", name=name)
    judged = run.judged()
    assert any(fault.startswith(f"counter: {name}{{") for fault in judged.faults)
    assert all(fault.startswith("counter: ") for fault in judged.faults)


def test_what_is_not_accounted_for_is_found(run):
    run.change("DELETE FROM counters WHERE name = 'notifications_total'")
    assert "counter: notifications_unaccounted is 6.0" in run.judged().faults


def test_a_trace_without_its_end_is_found(run):
    insert = "INSERT INTO audit (at, actor, action, object, detail) VALUES (1, 'x', 'y', :id, :detail)"
    run.change(insert, id=run.ledger[0]["key"], detail='{"decision": "retrying"}')
    only(run.judged(), "the trace ends in retrying and the row in delivered", "audit: 1 rows were never sealed")


def test_a_broken_audit_chain_is_found(run):
    for name in triggers(run):
        with run.product.services.database.write() as conn:
            conn.execute(text(f"DROP TRIGGER {name}"))
    run.change("UPDATE audit SET actor = 'nobody' WHERE id = 3")
    only(run.judged(), "audit: the chain is broken at row 3")


def triggers(run: Run) -> list[str]:
    with run.product.services.database.read() as conn:
        return list(conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars())


def with_a_doubt(case: Case, id_: str) -> Case:
    """The same, but the worker of the first attempt died before it could say what came of it."""
    rows = [
        replace(row, attempts=2, outcomes=("unknown", "delivered"), possible_duplicate=True) if row.id == id_ else row
        for row in case.facts.rows
    ]
    labels = frozenset({"channel": "email", "outcome": "unknown"}.items())
    series = {**case.facts.series, ("notification_attempts_total", labels): 1.0}
    return replace(case, facts=replace(case.facts, rows=rows, series=series))
