"""Contacts that take nothing: their owners are told once, and in the end nothing more is sent there."""

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import event, select

from app.domain.notifications import CONTACT_DISABLED, CONTACT_FAILING, NOTICES, Notification
from app.store import people
from app.store.engine import Database
from app.store.tables import contacts
from channels.base import Contact, Permanent, Transient
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.scripted import Pages
from tests.fakes.spine import LEASE, Spine
from tests.fakes.watch import Watch

KEY = "key:test"
REFUSED = Permanent("Answered 500: no.")
DAY = timedelta(days=1)
LOCKED = ("preferences", "notifications", "contacts", "audit_people")
numbers = count(1)


@pytest.fixture
def spine(spine: Spine) -> Spine:
    """u-1 is reached by a hook."""
    spine.meet("u-1", channel="hooks")
    return spine


def new(spine: Spine, user: str = "u-1") -> str:
    return spine.submit(user, channel="hooks", data={"job_id": f"j-{next(numbers)}", "error": "disk full"})[0]


def send(spine: Spine, answer: Exception | None = None, user: str = "u-1") -> str:
    """Send one message, which is answered like that, or taken."""
    one = new(spine, user)
    if answer is not None:
        spine.hooks.answer(one, answer)
    spine.delivery.deliver("hooks", [one])
    return one


def fail_for(spine: Spine, hours: int, answer: Exception = REFUSED) -> None:
    """Let a message fail every six hours, from now on."""
    for _ in range(0, hours, 6):
        send(spine, answer)
        spine.clock.advance(hours=6)


def notices(spine: Spine, user: str = "u-1") -> list[Notification]:
    return [row for row in reversed(spine.of_user(user)) if row.type in NOTICES]


def told(spine: Spine, user: str = "u-1") -> list[str]:
    return [row.type for row in notices(spine, user)]


def disabled(spine: Spine, user: str = "u-1") -> str | None:
    with spine.database.read() as conn:
        found = people.contacts_on(conn, "hooks", [user])
    return found[0].disabled_reason


def words(notice: Notification) -> str:
    assert notice.content is not None
    return f"{notice.content['title']}\n{notice.content['text']}"


@pytest.mark.parametrize(
    "answer", [REFUSED, Transient("Answered 500: no.", scope="recipient"), Transient("Answered 500: no.", unknown=True)]
)
def test_it_is_given_up_after_five_days_of_nothing_but_failures(spine: Spine, clock: FakeClock, answer: Exception):
    began = clock.now()
    for hours in range(0, 72, 6):
        send(spine, answer)
        assert told(spine) == [], hours
        clock.advance(hours=6)
        # Away from what parks the target and opens its breaker, which are another matter.
        spine.breakers.answered("hooks", "place-1")
    send(spine, answer)
    assert told(spine) == [CONTACT_FAILING]
    for _ in range(7):
        clock.advance(hours=6)
        spine.breakers.answered("hooks", "place-1")
        send(spine, answer)
    assert told(spine) == [CONTACT_FAILING]
    assert disabled(spine) is None
    clock.advance(hours=6)
    spine.breakers.answered("hooks", "place-1")
    last = send(spine, answer)
    assert (clock.now() - began, told(spine)) == (5 * DAY, [CONTACT_FAILING, CONTACT_DISABLED])
    assert disabled(spine) == "Every delivery since 2026-11-22 12:00 UTC failed. The last answer: Answered 500: no."
    sent = len(spine.hooks.sent)
    assert spine.states([send(spine)]) == [("suppressed", "no_contact")]
    assert len(spine.hooks.sent) == sent
    said = [(entry.action, entry.detail) for entry in spine.audit("user:u-1")]
    assert [action for action, _ in said] == ["contact.warn", "contact.disable"]
    assert said[1][1] == {"channel": "hooks", "reason": "failing", "notification_id": last}
    warning, end = map(words, notices(spine))
    assert warning.splitlines()[0] == "hooks at place-1 isn't accepting notifications"
    assert "since November 22, 2026, 12:00" in warning
    assert "after November 27, 2026, 12:00" in warning
    assert end.splitlines()[0] == "hooks at place-1 has been turned off"
    assert "since November 22, 2026, 12:00" in end
    assert "Last response: Answered 500: no." in end


def test_one_success_ends_it(spine: Spine, clock: FakeClock):
    fail_for(spine, 4 * 24)
    send(spine)
    fail_for(spine, 2 * 24)
    assert told(spine) == [CONTACT_FAILING]
    clock.advance(hours=24)
    send(spine, REFUSED)
    assert told(spine) == [CONTACT_FAILING] * 2
    assert disabled(spine) is None


def test_what_was_taken_with_others_that_were_not_ends_it_too(spine: Spine, clock: FakeClock):
    for refused, taken in ((0, 1), (1, 0)):
        ids = [new(spine), new(spine)]
        spine.hooks.answer(ids[refused], REFUSED)
        spine.delivery.deliver("hooks", ids)
        assert spine.states([ids[taken]]) == [("delivered", None)]
    with spine.database.read() as conn:
        assert conn.execute(select(contacts.c.failing_since)).scalar() == clock.now()


def test_a_success_that_was_under_way_when_the_first_one_failed_counts(spine: Spine, clock: FakeClock):
    lost, slow = new(spine), new(spine)
    spine.hooks.answer(lost, REFUSED)

    def meanwhile(message) -> None:
        if message.notification_id == slow:
            spine.delivery.deliver("hooks", [lost])
            clock.advance(seconds=1)

    spine.hooks.during = meanwhile
    spine.delivery.deliver("hooks", [slow])
    assert spine.states([lost, slow]) == [("failed", "rejected"), ("delivered", None)]
    clock.advance(days=6)
    send(spine, REFUSED)
    clock.advance(days=2)
    send(spine, REFUSED)
    assert told(spine) == []
    clock.advance(days=1)
    send(spine, REFUSED)
    assert told(spine) == [CONTACT_FAILING]


def test_it_is_not_turned_off_unless_its_owner_was_warned_a_day_before(spine: Spine, clock: FakeClock):
    send(spine, REFUSED)
    clock.advance(days=10)
    send(spine, REFUSED)
    assert told(spine) == [CONTACT_FAILING]
    assert "after December 3, 2026" in words(notices(spine)[0])
    clock.advance(hours=23)
    send(spine, REFUSED)
    assert disabled(spine) is None
    clock.advance(hours=1)
    send(spine, REFUSED)
    assert told(spine) == [CONTACT_FAILING, CONTACT_DISABLED]


def test_it_is_about_a_contact_and_not_about_its_host(spine: Spine):
    spine.meet("u-2", channel="hooks")
    for _ in range(24):
        send(spine, REFUSED)
        send(spine, user="u-2")
        spine.clock.advance(hours=6)
    assert told(spine) == [CONTACT_FAILING, CONTACT_DISABLED]
    assert (told(spine, "u-2"), disabled(spine, "u-2")) == ([], None)


@pytest.mark.parametrize("hours", [4 * 24, 6 * 24])
def test_a_new_one_and_one_that_is_taken_up_again_begin_anew(spine: Spine, hours: int):
    fail_for(spine, hours)
    before = told(spine)
    spine.preferences.replace("u-1", {"contacts": {"hooks": {"target": f"place-{hours}"}}}, actor=KEY)
    spine.preferences.replace("u-1", {"contacts": {"hooks": {"target": "place-1"}}}, actor=KEY)
    fail_for(spine, 3 * 24)
    assert (told(spine), disabled(spine)) == (before, None)
    send(spine, REFUSED)
    assert told(spine) == [*before, CONTACT_FAILING]


@pytest.mark.parametrize("answer", [REFUSED, Permanent("gone", disables=True, http_status=410)])
def test_what_the_old_one_answers_is_not_held_against_a_new_one(spine: Spine, answer: Exception):
    def meanwhile(_message) -> None:
        spine.preferences.replace("u-1", {"contacts": {"hooks": {"target": "place-2"}}}, actor=KEY)

    spine.hooks.during = meanwhile
    send(spine, answer)
    assert (told(spine), disabled(spine)) == ([], None)
    with spine.database.read() as conn:
        assert conn.execute(select(contacts.c.failing_since)).scalar() is None


@pytest.mark.parametrize("answer", [RuntimeError("a fault of ours"), Permanent("too large", reason="too_large")])
def test_what_is_no_fault_of_the_contact_does_not_count(spine: Spine, answer: Exception):
    fail_for(spine, 6 * 24, answer)
    assert told(spine) == []


def test_other_channels_are_never_given_up(spine: Spine, clock: FakeClock):
    spine.meet("u-1")
    for _ in range(8):
        (one,) = spine.submit("u-1", data={"job_id": f"j-{next(numbers)}", "error": "e"})
        spine.letters.answer(one, REFUSED)
        spine.delivery.deliver("letters", [one])
        clock.advance(days=1)
    assert told(spine) == []


def test_of_many_workers_each_step_is_taken_once(
    spine: Spine, database: Database, clock: FakeClock, gate_server: GateServer
):
    spines = [spine, *(Spine(database, clock, gate_server.url) for _ in range(3))]

    def all_fail(answer: Exception) -> None:
        ids = [new(spine) for _ in spines]
        for one, id_ in zip(spines, ids, strict=True):
            one.hooks.answer(id_, answer)
        ended = at_once(4, lambda n: spines[n].delivery.deliver("hooks", [ids[n]]))
        assert ended == [[]] * 4

    all_fail(REFUSED)
    clock.advance(days=3)
    all_fail(REFUSED)
    assert told(spine) == [CONTACT_FAILING]
    clock.advance(days=2)
    all_fail(REFUSED)
    assert told(spine) == [CONTACT_FAILING, CONTACT_DISABLED]
    spine.meet("u-1", channel="hooks")
    all_fail(Permanent("gone", disables=True))
    assert told(spine) == [CONTACT_FAILING, CONTACT_DISABLED, CONTACT_DISABLED]
    for one in spines[1:]:
        one.close()


def locked(spine: Spine, act: Callable[[], object]) -> list[str]:
    """The tables in which an act locks rows of people, in the order in which it first does."""
    seen: list[str] = []

    def note(_conn, _cursor, statement: str, *_more) -> None:
        found = re.search(r"(?:^UPDATE|^DELETE FROM|^INSERT INTO|FROM) (\w+)", statement)
        if found and (not statement.startswith("SELECT") or "FOR UPDATE" in statement):
            seen.append(found[1])

    event.listen(spine.database.engine, "before_cursor_execute", note)
    act()
    event.remove(spine.database.engine, "before_cursor_execute", note)
    return [table for table in dict.fromkeys(seen) if table in LOCKED]


def test_all_who_lock_what_a_person_has_do_so_in_one_order(spine: Spine):
    # Else an outcome and an erasure, or a change, could wait for each other in a circle.
    goes = new(spine)
    spine.hooks.answer(goes, Permanent("gone", disables=True))
    own = {"letters": {"target": "a"}, "hooks": {"target": "place-2"}}
    acts: list[Callable[[], object]] = [
        lambda: spine.delivery.deliver("hooks", [goes]),
        lambda: spine.preferences.replace("u-1", {"contacts": own}, actor=KEY, by_user=True),
        lambda: spine.erasures.erase("u-1", actor=KEY),
    ]
    for act in acts:
        order = locked(spine, act)
        assert {"notifications", "contacts"} <= {*order}
        assert order == [table for table in LOCKED if table in order]


def test_a_worker_that_dies_before_it_has_noted_it_leaves_it_to_the_next(spine: Spine, clock: FakeClock):
    one = new(spine)
    spine.hooks.answer(one, *[Permanent("gone", disables=True)] * 2)

    def dies(_message) -> None:
        raise SystemExit

    spine.hooks.during = dies
    with pytest.raises(SystemExit):
        spine.delivery.deliver("hooks", [one])
    assert told(spine) == []
    spine.hooks.during = lambda _message: None
    clock.advance(seconds=LEASE.total_seconds() + 1)
    for _ in range(2):
        spine.delivery.deliver("hooks", [one])
    assert told(spine) == [CONTACT_DISABLED]


def test_a_contact_that_is_gone_is_told_in_its_owners_language_and_reaches_the_inbox(spine: Spine):
    spine.preferences.merge("u-1", {"locale": "de"}, actor=KEY)
    send(spine, Permanent("Answered 410: moved.", disables=True, http_status=410))
    (notice,) = notices(spine)
    assert words(notice).splitlines()[0] == "hooks at place-1 wurde abgeschaltet"
    assert "Letzte Antwort: Answered 410: moved." in words(notice)
    assert (notice.channel, notice.status, notice.event_id, notice.priority) == ("shelf", "pending", None, "high")
    assert spine.relay.feed() >= 1
    assert spine.pipeline.rate_limit(spine.pipeline.dedupe(spine.pipeline.render([notice.id]))) == [notice.id]
    spine.delivery.deliver("shelf", [notice.id])
    assert spine.states([notice.id]) == [("delivered", None)]
    assert spine.count("notifications_accepted_total", type=CONTACT_DISABLED) == 1
    assert spine.count("notifications_total", type=CONTACT_DISABLED, status="delivered") == 1


def test_what_pages_the_operators_is_told_about_and_used_all_the_same(
    database: Database, clock: FakeClock, gate_server: GateServer, pages: Pages
):
    house = Contact({"target": "house"})
    spine = Spine(database, clock, gate_server.url, more=[pages], operators={"pages": house})
    wrong = Permanent("The key is refused. Answered 401.", disables=True, http_status=401)
    error = {"type": "system.error", "data": {"component": "encoder", "message": "m"}, "channels": ["pages"]}

    def page(*answers: Exception) -> tuple[str, str | None]:
        accepted = spine.intake.submit({**error, "subject_key": f"s-{next(numbers)}"}, owner="key_1", actor=KEY)
        (one,) = [row.id for row in spine.of_user("operators") if row.event_id == accepted.id]
        pages.answer(one, *answers)
        spine.delivery.deliver("pages", [one])
        return spine.states([one])[0]

    def shown() -> tuple[str, str | None, object]:
        desk = spine.channel_desk.one("pages")
        contact = spine.preferences.get("operators").body["contacts"]["pages"]
        assert spine.preferences.merge("operators", {"contacts": {"pages": contact}}, actor=KEY).version == 0
        return desk["operators"], desk["operators_detail"], contact.get("refused")

    assert shown() == ("used", None, None)
    assert [page(wrong) for _ in range(3)] == [("failed", "rejected")] * 3
    assert shown() == ("refused", str(wrong), str(wrong))
    (notice,) = notices(spine, "operators")
    assert (notice.type, words(notice).splitlines()[0]) == (
        CONTACT_FAILING,
        "pages at house isn't accepting notifications",
    )
    assert page() == ("delivered", None)
    assert shown() == ("used", None, None)
    page(wrong)
    assert told(spine, "operators") == [CONTACT_FAILING] * 2
    assert [entry.action for entry in spine.audit("user:operators")] == ["contact.refused"] * 2
    spine.close()
    assert spine.unaccounted() == 0


def test_what_pages_somebody_else_is_turned_off(watch: Watch):
    one = watch.failed()
    watch.pages.answer(one, Permanent("The key is refused. Answered 401.", disables=True, http_status=401))
    watch.spine.delivery.deliver("pages", [one])
    assert told(watch.spine) == [CONTACT_DISABLED]
    shown = watch.spine.preferences.get("u-1").body["contacts"]["pages"]
    assert shown["disabled"] == "The key is refused. Answered 401."


def test_what_is_delivered_to_a_contact_without_trouble_asks_and_writes_nothing_more(spine: Spine):
    def statements() -> list[str]:
        seen: list[str] = []

        def note(_conn, _cursor, statement, *_more) -> None:
            seen.append(statement)

        event.listen(spine.database.engine, "before_cursor_execute", note)
        send(spine)
        event.remove(spine.database.engine, "before_cursor_execute", note)
        return [one for one in seen if "contacts" in one]

    usual = statements()
    assert not [one for one in usual if one.startswith("UPDATE")]
    send(spine, REFUSED)
    assert len(statements()) == len(usual) + 2
    assert statements() == usual
