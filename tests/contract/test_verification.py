"""Nothing goes to an address that its user has entered before somebody who reads there has agreed."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Thread
from time import monotonic

import pytest
from sqlalchemy import select, text

from app.rendering.links import VERIFY_PATH
from app.services.quota import TooMany
from app.services.verification import MOST_FOR_ADDRESS, MOST_FOR_USER, QUOTA_WINDOW
from app.store import people
from app.store.history import Filters
from app.store.tables import metadata, notifications
from channels.base import Contact, Message, Transient
from tests.fakes.at_once import at_once
from tests.fakes.spine import Spine

USER, ACTOR = "u-1", "user:u-1"
PLACE = {"target": "place-1"}
STEPS = ("render", "dedupe", "rate_limit")


@pytest.fixture
def seen(spine: Spine) -> Iterator[list[Message]]:
    """What left for the receivers."""
    messages: list[Message] = []
    spine.letters.during = messages.append
    return messages


def enter(spine: Spine, place: object = PLACE, *, user: str = USER) -> str | None:
    """Let the user enter an address; the id of the open verification mail, if there is one now."""
    spine.clock.advance(seconds=1)
    document = {"contacts": {"letters": place}}
    spine.preferences.replace(user, document, actor=f"user:{user}", by_user=True)
    return open_mail(spine, user)


def open_mail(spine: Spine, user: str = USER) -> str | None:
    rows = [row for row in spine.of_user(user) if row.type == "verification" and row.is_open]
    assert len(rows) <= 1
    return rows[0].id if rows else None


def work(spine: Spine, *ids: str) -> None:
    """Let a worker take these along the chain."""
    left = list(ids)
    for step in STEPS:
        left = getattr(spine.pipeline, step)(left)
    spine.delivery.deliver("letters", left)


def token_in(message: Message) -> str:
    return message.text.partition(VERIFY_PATH)[2].split()[0]


def test_only_the_question_goes_there_until_it_is_answered(spine: Spine, seen: list[Message]):
    mail = enter(spine)
    assert mail is not None
    work(spine, mail)
    early = spine.submit(USER)
    assert spine.states([mail, *early]) == [("delivered", None), ("suppressed", "no_contact")]
    (message,) = seen
    assert (message.type, message.event_id, spine.row(mail).lane) == ("verification", None, "critical")
    question = spine.verification.question(token_in(message))
    assert question is not None
    assert (question.user_id, question.channel, question.contact, question.verified) == (
        USER,
        "letters",
        Contact(PLACE),
        False,
    )
    assert spine.preferences.verify(USER, "letters", question.contact, actor="link:test")
    later = spine.submit(USER)
    work(spine, *later)
    assert spine.states(later) == [("delivered", None)]


def test_the_link_is_in_the_mail_and_nowhere_else(spine: Spine, seen: list[Message]):
    mail = enter(spine)
    assert mail is not None
    work(spine, mail)
    token = token_in(seen[0])
    assert spine.verification.question(token) is not None
    assert f"{VERIFY_PATH}{token}" in (seen[0].html or "")
    signature = token.rpartition(".")[2]
    shown = [spine.history.notification(mail), spine.row(mail), spine.trace(mail), spine.audit(USER)]
    shown += [spine.history.page(Filters(user_id=USER)).items, spine.publisher.published]
    assert "…" in str(shown)
    assert signature not in str(shown)
    with spine.database.read() as conn:
        assert not any(signature in str(row) for table in metadata.sorted_tables for row in conn.execute(select(table)))


def test_an_attempt_that_fails_is_made_again_with_the_same_link(spine: Spine, seen: list[Message]):
    mail = enter(spine)
    assert mail is not None
    spine.letters.answer(mail, Transient("later"))
    work(spine, mail)
    assert spine.states([mail]) == [("retrying", None)]
    spine.clock.advance(seconds=60)
    spine.delivery.deliver("letters", [mail])
    assert spine.states([mail]) == [("delivered", None)]
    assert seen[0] == seen[1]


def test_what_was_planned_for_the_address_before_does_not_go_to_the_new_one(spine: Spine, seen: list[Message]):
    spine.meet(USER)
    waiting = spine.submit(USER)
    mail = enter(spine, {"target": "place-2"})
    assert mail is not None
    work(spine, *waiting, mail)
    assert spine.states([*waiting, mail]) == [("suppressed", "no_contact"), ("delivered", None)]
    assert [message.type for message in seen] == ["verification"]


def test_a_question_is_not_asked_where_there_is_nothing_to_ask(spine: Spine, seen: list[Message]):
    mail = enter(spine)
    assert mail is not None
    # As if the answer came just between the announcement and the claim.
    spine.meet(USER)
    work(spine, mail)
    assert spine.states([mail]) == [("suppressed", "no_contact")]
    assert seen == []


def test_a_change_takes_back_the_question_about_the_old_address(spine: Spine, seen: list[Message]):
    first = enter(spine)
    second = enter(spine, {"target": "place-2"})
    assert first is not None
    assert second is not None
    assert spine.states([first, second]) == [("cancelled", "requested"), ("pending", None)]
    assert spine.trace(first)[-1] == ("cancel", "cancelled", "requested")
    spine.preferences.replace(USER, {}, actor=ACTOR, by_user=True)
    assert spine.states([second]) == [("cancelled", "requested")]
    work(spine, first, second)
    assert seen == []
    assert spine.count("notifications_total", type="verification", status="cancelled") == 2


def test_a_question_that_is_on_its_way_when_the_address_changes_is_not_tried_again(spine: Spine, seen: list[Message]):
    mail = enter(spine)
    assert mail is not None
    spine.letters.answer(mail, Transient("later"))
    spine.letters.during = lambda message: (seen.append(message), enter(spine, {"target": "place-2"}))
    work(spine, mail)
    assert spine.states([mail]) == [("cancelled", "requested")]
    assert spine.verification.question(token_in(seen[0])) is None


def test_asking_again_makes_a_new_link_and_leaves_the_old_one_good(spine: Spine, seen: list[Message]):
    first = enter(spine)
    assert first is not None
    work(spine, first)
    spine.clock.advance(hours=23)
    second = spine.verification.ask_again(USER, "letters", actor=ACTOR).id
    work(spine, second)
    tokens = [token_in(message) for message in seen]
    assert all(spine.verification.question(token) for token in tokens)
    spine.clock.advance(hours=2)
    assert [spine.verification.question(token) is not None for token in tokens] == [False, True]


def test_a_question_nobody_could_be_asked_in_time_expires(spine: Spine, seen: list[Message]):
    mail = enter(spine)
    assert mail is not None
    spine.clock.advance(hours=24)
    work(spine, mail)
    spine.relay.sweep()
    assert spine.states([mail]) == [("expired", None)]
    assert seen == []


def test_a_user_cannot_have_strangers_mailed_without_end(spine: Spine):
    for number in range(MOST_FOR_USER):
        assert enter(spine, {"target": f"place-{number}"})
    before = spine.preferences.get(USER)
    with pytest.raises(TooMany) as refused:
        enter(spine, {"target": "one too many"})
    # The refusal stores nothing, and says when to come again.
    assert spine.preferences.get(USER) == before
    with pytest.raises(TooMany):
        spine.verification.ask_again(USER, "letters", actor=ACTOR)
    spine.clock.advance(seconds=refused.value.wait.total_seconds())
    assert enter(spine, {"target": "one too many"})


def test_users_together_cannot_have_one_stranger_mailed_without_end(spine: Spine):
    for number in range(MOST_FOR_ADDRESS):
        assert enter(spine, {"target": "Victim" if number else "victim"}, user=f"u-{number}")
    with pytest.raises(TooMany) as refused:
        enter(spine, {"target": "vicTIM"}, user="u-9")
    assert timedelta() < refused.value.wait <= QUOTA_WINDOW
    assert enter(spine, {"target": "somebody else"}, user="u-9")


def test_the_limit_is_for_mails_and_not_for_documents(spine: Spine):
    assert enter(spine)
    for hour in range(3 * MOST_FOR_USER):
        spine.preferences.merge(USER, {"daily_at": f"{hour:02}:30"}, actor=ACTOR, by_user=True)
        spine.preferences.replace(USER, {"contacts": {"letters": PLACE}}, actor=ACTOR, by_user=True)
    for number in range(3 * MOST_FOR_USER):
        document = {"contacts": {"letters": {"target": f"place-{number}"}}}
        spine.preferences.replace("u-2", document, actor="key:key_1")
    assert spine.of_user("u-2") == []


def test_without_redis_the_question_is_asked_all_the_same(spine: Spine, gate_server):
    gate_server.stop()
    try:
        assert enter(spine)
        assert set(spine.gate_errors) == {"rate_limit"}
    finally:
        gate_server.start()


def test_of_many_changes_at_once_one_question_is_left(spine: Spine):
    users = [f"u-{number}" for number in range(2)]

    def change(number: int) -> str:
        user = users[number % 2]
        document = {"contacts": {"letters": {"target": f"place-{number}"}}}
        spine.preferences.replace(user, document, actor=f"user:{user}", by_user=True)
        return user

    outcomes = at_once(6, change)
    assert sorted(map(str, outcomes)) == ["u-0"] * 3 + ["u-1"] * 3
    assert all(open_mail(spine, user) for user in users)


def test_a_bounce_and_a_change_wait_for_each_other_in_no_circle(spine: Spine):
    mail = enter(spine)
    change = Thread(target=lambda: spine.preferences.replace(USER, {}, actor=ACTOR, by_user=True))
    with spine.database.write() as conn:
        # As a delivery does: its notification first, and then the contact that bounced.
        conn.execute(select(notifications.c.id).where(notifications.c.id == mail).with_for_update())
        change.start()
        until_somebody_waits(spine)
        assert people.disable_contact(conn, USER, "letters", "550 no such user", spine.clock.now())
    change.join()
    assert spine.preferences.get(USER).body["contacts"] == {}


def until_somebody_waits(spine: Spine) -> None:
    """For a lock of PostgreSQL's; on SQLite a second writer waits from its beginning."""
    if spine.database.is_sqlite:
        return
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    give_up = monotonic() + 10
    while True:
        with spine.database.read() as conn:
            if conn.execute(waiting).scalar_one():
                return
        assert monotonic() < give_up
