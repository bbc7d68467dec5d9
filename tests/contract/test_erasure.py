"""Erasing a person, at every stage of what they were told, and with others about."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from app.domain.ids import ERASED_USER
from app.services.admission import Admission
from app.services.inbox import Inbox
from app.services.intake import Invalid
from app.services.pipeline import Pipeline
from app.store import audit, events, people
from app.store.history import Filters
from app.store.people import StoredContact
from app.store.tables import audit_people, erasures, idempotency, inbox
from channels.base import Message, Permanent, Receipt, Transient
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.spine import LEASE, Spine

ADA, BOB = "ada@home.example", "u-bob"
ACTOR = "key:key_1"
SETTLED = 31


@pytest.fixture(autouse=True)
def known(spine: Spine) -> None:
    spine.meet(ADA, BOB)
    spine.meet(ADA, BOB, channel="hooks")


def erase(spine: Spine, user: str = ADA) -> bool:
    return spine.erasures.erase(user, actor=ACTOR).is_complete


def settle(spine: Spine) -> None:
    """Let the relay come to the end of it."""
    spine.clock.advance(seconds=SETTLED)
    while spine.erasures.carry_on(1.0):
        pass
    with spine.database.read() as conn:
        assert conn.execute(select(func.count()).select_from(erasures)).scalar() == 0


def event_of(spine: Spine, notification_id: str):
    event_id = spine.row(notification_id).event_id
    with spine.database.read() as conn:
        return events.load_events(conn, [event_id])[event_id]


def in_state(spine: Spine, state: str) -> str:
    """A notification of Ada's in that state."""
    later = "2026-11-23T12:00:00Z"
    (id_,) = spine.submit(ADA, deliver_at=later) if state == "held" else spine.submit(ADA)
    answers = {"retrying": Transient("busy", scope="recipient"), "failed": Permanent("ada@home.example is unknown")}
    match state:
        case "pending" | "held":
            pass
        case "cancelled":
            spine.events.cancel_one(id_, actor=ACTOR)
        case _:
            spine.pipeline.render([id_])
            spine.letters.answer(
                id_, answers.get(state, Receipt(detail="250 ada@home.example has it", provider_ref="r"))
            )
            spine.delivery.deliver("letters", [id_])
    assert spine.row(id_).status == state
    return id_


@pytest.mark.parametrize("state", ["pending", "held", "retrying"])
def test_what_is_open_is_cancelled(spine: Spine, state: str):
    id_ = in_state(spine, state)
    assert erase(spine)
    assert spine.states([id_]) == [("cancelled", "erased")]
    assert spine.trace(id_)[-1] == ("erase", "cancelled", "erased")
    assert spine.count("notifications_total", status="cancelled", reason="erased") == 1
    spine.clock.advance(days=2)
    spine.delivery.deliver("letters", [id_])
    assert spine.letters.sent == ([id_] if state == "retrying" else [])


@pytest.mark.parametrize("state", ["delivered", "failed", "cancelled"])
def test_what_has_ended_stays_as_it_ended(spine: Spine, state: str):
    id_ = in_state(spine, state)
    before = spine.row(id_)
    assert erase(spine)
    after = spine.row(id_)
    assert (after.status, after.reason, after.updated_at) == (before.status, before.reason, before.updated_at)
    assert len(spine.attempts(id_)) == (0 if state == "cancelled" else 1)


@pytest.mark.parametrize("state", ["pending", "held", "retrying", "delivered", "failed", "cancelled"])
def test_nothing_of_it_says_any_more_whose_it_was_or_what_it_said(spine: Spine, state: str):
    id_ = in_state(spine, state)
    erase(spine)
    row = spine.row(id_)
    assert (row.user_id, row.target, row.subject_key, row.content, row.fingerprint) == (ERASED_USER, "", None, None, "")
    event = event_of(spine, id_)
    assert (event.recipients, event.data, event.subject_key, event.dedupe_key) == ((), {}, None, None)
    with spine.database.read() as conn:
        details = conn.execute(text("SELECT detail, provider_ref FROM attempts")).all()
        assert people.contacts_of(conn, [ADA]) == []
    assert set(details) <= {(None, None)}


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        (None, ("delivered", None)),
        (Permanent("no such user", reason="bad_address"), ("failed", "bad_address")),
        (Transient("busy", scope="recipient"), ("cancelled", "erased")),
        (Transient("no route"), ("cancelled", "erased")),
    ],
)
def test_what_is_being_sent_ends_with_that_attempt(
    spine: Spine, answer: Exception | None, ends: tuple[str, str | None]
):
    (id_,) = spine.submit(ADA)
    spine.pipeline.render([id_])
    spine.letters.during = lambda _message: erase(spine)
    spine.letters.answer(id_, answer or Receipt(detail="ada@home.example has it"))
    assert not spine.delivery.deliver("letters", [id_]) or ends[0] == "cancelled"
    assert spine.states([id_]) == [ends]
    settle(spine)
    assert spine.row(id_).user_id == ERASED_USER
    with spine.database.read() as conn:
        assert conn.execute(text("SELECT DISTINCT detail FROM attempts")).scalars().all() == [None]
    assert spine.letters.sent == [id_]


def test_the_answer_says_that_something_is_still_being_sent(spine: Spine):
    (id_,) = spine.submit(ADA)
    answers: list[bool] = []
    spine.letters.during = lambda _message: answers.append(erase(spine))
    spine.delivery.deliver("letters", [id_])
    assert answers == [False]
    assert erase(spine)


def test_a_worker_that_died_with_it_holds_it_up_no_longer_than_its_lease(spine: Spine, clock: FakeClock):
    (id_,) = spine.submit(ADA)

    class Died(BaseException):
        pass

    def die(_message: object) -> None:
        raise Died

    spine.letters.during = die
    with pytest.raises(Died):
        spine.delivery.deliver("letters", [id_])
    assert not erase(spine)
    clock.advance(seconds=LEASE.total_seconds() + 1)
    spine.relay.sweep()
    assert spine.states([id_]) == [("cancelled", "erased")]
    assert spine.attempts(id_) == ["unknown"]
    settle(spine)
    assert spine.row(id_).user_id == ERASED_USER


def test_others_keep_what_is_theirs(spine: Spine):
    shared = spine.submit(ADA, BOB, data={"job_id": "j-1", "error": "shared"}, dedupe_key="k")
    (own,) = spine.submit(BOB)
    for id_ in (*shared, own):
        spine.pipeline.render([id_])
        spine.delivery.deliver("letters", [id_])
    bobs = (shared[1], own)
    before = [spine.row(id_) for id_ in bobs]
    erase(spine)
    settle(spine)
    assert [spine.row(id_) for id_ in bobs] == before
    event = event_of(spine, own)
    assert (event.recipients, event.data["error"]) == ((BOB,), "disk full")
    event = event_of(spine, shared[0])
    assert (event.recipients, event.data["error"], event.dedupe_key) == ((BOB,), "shared", "k")
    with spine.database.read() as conn:
        assert len(people.contacts_of(conn, [BOB])) == 2
    erase(spine, BOB)
    event = event_of(spine, shared[0])
    assert (event.recipients, event.data, event.dedupe_key) == ((), {}, None)


def test_items_leave_the_inbox_even_those_that_come_late(spine: Spine, clock: FakeClock):
    ids = spine.submit(ADA, BOB, channel="shelf")
    shelf = Inbox(spine.database, clock, lambda _users: None, spine.fallbacks)

    def slow(message: Message) -> None:
        if message.user_id == ADA:
            erase(spine)
            clock.advance(seconds=2)
        shelf.put([message])

    spine.shelf.during = slow
    spine.delivery.deliver("shelf", ids)
    settle(spine)
    with spine.database.read() as conn:
        assert conn.execute(select(inbox.c.user_id)).scalars().all() == [BOB]


def test_an_event_that_made_no_notification_of_theirs_is_found(spine: Spine):
    for number in range(30):
        clash = {"A": ADA.upper(), "prefix": f"x{ADA}", "wildcard": ADA.replace("@", "_")}
        spine.submit(*clash.values(), BOB, data={"job_id": f"j-{number}", "error": "e"}, channel="shelf")
    quiet = {"type": "system.warning", "data": {"component": "c", "message": "m"}, "channels": ["letters"]}
    alone = spine.intake.submit({**quiet, "recipients": [ADA]}, owner="o", actor=ACTOR)
    shared = spine.intake.submit({**quiet, "recipients": [BOB, ADA]}, owner="o", actor=ACTOR)
    erase(spine)
    settle(spine)
    with spine.database.read() as conn:
        found = events.load_events(conn, [alone.id, shared.id])
        everything = conn.execute(text("SELECT recipients FROM events")).scalars().all()
    assert (found[alone.id].recipients, found[alone.id].data) == ((), {})
    assert (found[shared.id].recipients, found[shared.id].data["message"]) == ((BOB,), "m")
    assert len(everything) == 32
    assert f'"{ADA}"' not in str(everything)
    assert str(everything).count(f"x{ADA}") == 30


def test_what_was_planned_before_and_committed_after_is_found_too(spine: Spine):
    (early,) = spine.submit(ADA)
    late = replace(spine.row(early), id=f"{early[:-4]}ffff", target="https://ada.example:443", content={"text": "late"})
    erase(spine)
    with spine.database.write() as conn:
        Admission(spine.announcer, process="another@here").store(conn, [late], "system:intake", spine.clock.now())
    settle(spine)
    row = spine.row(late.id)
    assert (row.user_id, row.target, row.content, row.status) == (ERASED_USER, "", None, "cancelled")


def test_what_comes_later_is_like_anybodys(spine: Spine, clock: FakeClock):
    (old,) = spine.submit(ADA)
    erase(spine)
    clock.advance(seconds=1)
    spine.meet(ADA)
    (new,) = spine.submit(ADA)
    settle(spine)
    spine.pipeline.render([new])
    spine.delivery.deliver("letters", [new])
    assert spine.letters.sent == [new]
    assert (spine.row(new).user_id, spine.row(old).user_id) == (ADA, ERASED_USER)
    assert event_of(spine, new).recipients == (ADA,)
    with spine.database.read() as conn:
        assert [contact.user_id for contact in people.contacts_of(conn, [ADA])] == [ADA]


def test_asking_again_and_for_nobody_does_no_harm(spine: Spine, clock: FakeClock):
    in_state(spine, "delivered")
    first = spine.erasures.erase(ADA, actor=ACTOR)
    clock.advance(seconds=5)
    again = spine.erasures.erase(ADA, actor=ACTOR)
    nobody = spine.erasures.erase("u-nobody", actor=ACTOR)
    assert first.is_complete
    assert again.is_complete
    assert nobody.is_complete
    assert len({first.pseudonym, again.pseudonym, nobody.pseudonym}) == 3
    clock.advance(seconds=SETTLED - 5)
    spine.erasures.carry_on(1.0)
    clock.advance(seconds=5)
    settle(spine)


def test_a_text_that_is_rendered_meanwhile_is_not_kept(spine: Spine, monkeypatch: pytest.MonkeyPatch):
    (id_,) = spine.submit(ADA)
    keep = Pipeline._keep

    def late(self, *words):
        erase(spine)
        keep(self, *words)

    monkeypatch.setattr(Pipeline, "_keep", late)
    spine.pipeline.render([id_])
    assert spine.row(id_).content is None


def test_a_long_history_goes_in_slices_and_the_relay_does_the_rest(spine: Spine):
    ids = [spine.submit(ADA, data={"job_id": f"j-{n}", "error": "e"})[0] for n in range(450)]
    slices: list[int] = []
    take = spine.erasures._take

    def counted(wanted):
        # As if each took a second and a half.
        spine.seconds += 1.5
        done = take(wanted)
        with spine.database.read() as conn:
            slices.append(conn.execute(text("SELECT count(*) FROM notifications WHERE user_id = '_erased'")).scalar())
        return done

    spine.erasures._take = counted
    assert not erase(spine)
    assert slices == [100, 200]
    assert spine.erasures.carry_on(100.0) is False
    assert slices[2:] == [300, 400, 450, 450]
    assert set(spine.states(ids)) == {("cancelled", "erased")}
    settle(spine)


def test_no_key_of_theirs_is_remembered(spine: Spine):
    def keyed(key: str, *recipients: str) -> str:
        event = {"type": "job.failed", "recipients": list(recipients), "data": {"job_id": key, "error": "e"}}
        return spine.intake.submit(event, owner="o", actor=ACTOR, idempotency_key=f"{key} for ada").id

    keyed("alone", ADA)
    shared = keyed("shared", ADA, BOB)
    erase(spine)
    with spine.database.read() as conn:
        assert conn.execute(select(idempotency.c.event_id)).scalars().all() == [shared]


def test_what_is_erased_cannot_be_sent_again(spine: Spine):
    in_state(spine, "failed")
    erase(spine)
    assert spine.dead_letters.replay(Filters(status="failed"), limit=10, dry_run=True, actor=ACTOR).matched == 0


def test_the_log_knows_people_by_pseudonyms_and_forgets_whose_they_are(spine: Spine, rig):
    rig.preferences.replace(ADA, {"locale": "de"}, actor=f"user:{ADA}")
    spine.dead_letters.replay(Filters(user_id=ADA, subject_key="ada's job"), limit=1, dry_run=False, actor=ACTOR)
    in_state(spine, "failed")
    spine.dead_letters.replay(Filters(user_id=ADA, status="failed"), limit=1, dry_run=False, actor=ACTOR)
    with spine.database.read() as conn:
        stored = str(conn.execute(text("SELECT actor, object, detail FROM audit")).all())
        (changed,) = audit.newest(conn, audit.AuditFilters(object=f"user:{ADA}"), before=None, limit=10)
        (replayed,) = audit.newest(conn, audit.AuditFilters(object="notifications"), before=None, limit=10)
        assert audit.newest(conn, audit.AuditFilters(actor=f"user:{ADA}"), before=None, limit=10) == [changed]
        assert audit.newest(conn, audit.AuditFilters(object=ADA), before=None, limit=10) == [changed]
        assert audit.newest(conn, audit.AuditFilters(object="user:nobody"), before=None, limit=10) == []
    assert ADA not in stored
    assert (changed.actor, changed.object, changed.detail) == (f"user:{ADA}", f"user:{ADA}", {"changed": ["locale"]})
    assert replayed.detail == {"filters": {"status": "failed"}, "user": f"user:{ADA}", "created": 1}
    spine.relay.sweep()
    pseudonym = spine.erasures.erase(ADA, actor=ACTOR).pseudonym
    settle(spine)
    spine.relay.sweep()
    with spine.database.read() as conn:
        verdict = audit.verify(conn)
        about = audit.about(conn, pseudonym)
        assert audit.about(conn, f"user:{ADA}") == []
        assert conn.execute(select(func.count()).select_from(audit_people)).scalar() == 0
        (replayed,) = audit.newest(conn, audit.AuditFilters(object="notifications"), before=None, limit=10)
    assert (verdict.first_bad, verdict.unsealed) == (None, 0)
    assert [(entry.actor, entry.action) for entry in about] == [
        (pseudonym, "preferences"),
        (ACTOR, "user.erase"),
        ("system:erasure", "user.erased"),
    ]
    assert replayed.detail["user"] == pseudonym


def test_one_person_cannot_be_passed_off_as_another(spine: Spine, rig):
    rig.preferences.replace(ADA, {"locale": "de"}, actor=f"user:{ADA}")
    rig.preferences.replace(BOB, {"locale": "de"}, actor=f"user:{BOB}")
    spine.relay.sweep()
    with spine.database.write() as conn:
        assert audit.verify(conn).first_bad is None
        last = audit.newest(conn, audit.AuditFilters(object=f"user:{BOB}"), before=None, limit=1)[0].id
        conn.execute(audit_people.update().where(audit_people.c.user_id == BOB).values(user_id="u-innocent"))
        assert audit.verify(conn).first_bad == last


def test_many_at_once_do_not_wait_in_a_circle(spine: Spine):
    users = [f"u-{number}" for number in range(6)]
    spine.meet(*users)
    ids = [spine.submit(*users, data={"job_id": f"j-{n}", "error": "e"}) for n in range(20)]

    def work(number: int) -> None:
        if number < 6:
            spine.erasures.erase(users[number], actor=ACTOR)
            spine.erasures.carry_on(1.0)
        else:
            for row in ids:
                spine.pipeline.render(row)
                spine.delivery.deliver("letters", row)

    at_once(8, work)
    settle(spine)
    flat = [id_ for row in ids for id_ in row]
    assert {spine.row(id_).user_id for id_ in flat} == {ERASED_USER}
    assert {spine.row(id_).content is None for id_ in flat} == {True}
    assert {spine.row(id_).is_open for id_ in flat} == {False}
    assert {event_of(spine, row[0]).recipients for row in ids} == {()}


def test_nobody_can_be_called_like_the_erased(spine: Spine):
    with pytest.raises(Invalid):
        spine.submit(ERASED_USER)


def test_it_is_over_only_when_what_was_on_its_way_has_arrived(spine: Spine, clock: FakeClock):
    erase(spine)
    for _ in range(2):
        assert not spine.erasures.carry_on(1.0)
        with spine.database.read() as conn:
            assert conn.execute(select(erasures.c.user_id)).scalars().all() == [ADA]
        clock.advance(seconds=14)
    settle(spine)


def test_a_contact_with_a_secret_is_gone_before_the_answer(spine: Spine):
    with spine.database.write() as conn:
        sealed = spine.box.seal({"secret": "s"})
        people.put_contact(conn, StoredContact(ADA, "hooks", {"target": "t"}, sealed, "t", None), spine.clock.now())
    spine.seconds = timedelta(days=1).total_seconds()
    erase(spine)
    with spine.database.read() as conn:
        assert people.contacts_of(conn, [ADA]) == []
        assert people.documents(conn, [ADA]) == {}
