"""A mail carries the link that turns off its like, and who uses it is not mailed about that again."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from app.rendering.links import UNSUBSCRIBE_PATH
from app.store.history import Filters
from app.store.tables import metadata
from channels.base import Message, Transient
from tests.fakes.at_once import at_once
from tests.fakes.spine import PUBLIC_URL, Spine

USER = "u-1"
STEPS = ("render", "dedupe", "rate_limit")


@pytest.fixture
def seen(spine: Spine) -> Iterator[list[Message]]:
    """What left for the receivers."""
    messages: list[Message] = []
    spine.letters.during = spine.hooks.during = messages.append
    return messages


def work(spine: Spine, *ids: str, channel: str = "letters") -> None:
    """Let a worker take these along the chain."""
    left = list(ids)
    for step in STEPS:
        left = getattr(spine.pipeline, step)(left)
    spine.delivery.deliver(channel, left)


def token_of(message: Message) -> str:
    assert message.unsubscribe_url is not None
    base, path, token = message.unsubscribe_url.partition(UNSUBSCRIBE_PATH)
    assert (base, path) == (PUBLIC_URL, UNSUBSCRIBE_PATH)
    return token


def test_a_mail_carries_its_link_in_header_text_and_html(spine: Spine, seen: list[Message]):
    spine.meet(USER)
    work(spine, *spine.submit(USER))
    (message,) = seen
    assert token_of(message)
    assert message.text.count(str(message.unsubscribe_url)) == 1
    assert (message.html or "").count(f'href="{message.unsubscribe_url}"') == 1


def test_who_clicks_is_not_mailed_about_that_again(spine: Spine, seen: list[Message]):
    spine.meet(USER, "u-2")
    spine.meet(USER, channel="hooks")
    work(spine, *spine.submit(USER))
    offer = spine.unsubscribing.offer(token_of(seen[0]))
    assert offer is not None
    assert (offer.type, offer.is_off, offer.is_locked) == ("job.failed", False, False)
    left = spine.unsubscribing.leave(token_of(seen[0]))
    assert left is not None
    assert left.is_off
    # Everybody else, every other channel and every other type stay as they were.
    about_it = {"data": {"job_id": "j-10", "error": "disk full"}}
    mine, other = spine.submit(USER, "u-2", **about_it)
    hook = spine.submit(USER, channel="hooks", **about_it)
    done = spine.submit(USER, type="job.completed", data={"job_id": "j-11"})
    work(spine, other, *done)
    work(spine, *hook, channel="hooks")
    assert spine.states([mine, other, *hook, *done]) == [("suppressed", "opted_out"), *[("delivered", None)] * 3]


def test_the_link_is_in_the_mail_and_nowhere_else(spine: Spine, seen: list[Message]):
    spine.meet(USER)
    (mail,) = spine.submit(USER)
    work(spine, mail)
    token = token_of(seen[0])
    assert spine.unsubscribing.leave(token)
    signature = token.rpartition(".")[2]
    shown = [spine.history.notification(mail), spine.row(mail), spine.trace(mail), spine.audit(f"user:{USER}")]
    shown += [spine.history.page(Filters(user_id=USER)).items, spine.publisher.published]
    assert "preferences.unsubscribe" in str(shown)
    assert f"{UNSUBSCRIBE_PATH}…" in str(shown)
    assert signature not in str(shown)
    with spine.database.read() as conn:
        assert not any(signature in str(row) for table in metadata.sorted_tables for row in conn.execute(select(table)))


def test_an_attempt_that_is_made_again_has_the_same_link(spine: Spine, seen: list[Message]):
    spine.meet(USER)
    (mail,) = spine.submit(USER)
    spine.letters.answer(mail, Transient("later"))
    work(spine, mail)
    spine.clock.advance(seconds=60)
    spine.delivery.deliver("letters", [mail])
    assert seen[0] == seen[1]


def test_a_verification_and_what_is_no_mail_have_no_link(spine: Spine, seen: list[Message]):
    spine.preferences.replace(USER, {"contacts": {"letters": {"target": "p"}}}, actor=f"user:{USER}", by_user=True)
    (question,) = spine.of_user(USER)
    work(spine, question.id)
    spine.meet("u-2", channel="hooks")
    work(spine, *spine.submit("u-2", channel="hooks"), channel="hooks")
    assert [(message.type, message.unsubscribe_url) for message in seen] == [
        ("verification", None),
        ("job.failed", None),
    ]
    assert UNSUBSCRIBE_PATH not in f"{seen[0].text} {seen[0].html}"


def test_a_test_can_turn_off_all_that_comes_this_way(spine: Spine, seen: list[Message]):
    spine.meet(USER)
    work(spine, spine.trials.send(USER, "letters", actor="key:key_1").id)
    left = spine.unsubscribing.leave(token_of(seen[0]))
    assert left is not None
    assert (left.type, left.is_off) == (None, True)
    assert spine.preferences.get(USER).body["channels"] == {"letters": False}
    assert spine.states(spine.submit(USER)) == [("suppressed", "opted_out")]


def test_clicks_and_changes_at_once_lose_nothing(spine: Spine, seen: list[Message]):
    spine.meet(USER)
    work(spine, *spine.submit(USER), *spine.submit(USER, type="job.completed", data={"job_id": "j-1"}))
    failed, completed = (token_of(message) for message in seen)
    version = spine.preferences.get(USER).version

    def change(number: int) -> None:
        match number % 3:
            case 0:
                assert spine.unsubscribing.leave(failed)
            case 1:
                assert spine.unsubscribing.leave(completed)
            case _:
                spine.preferences.merge(USER, {"daily_at": f"{number:02}:00"}, actor="key:key_1")

    outcomes = at_once(6, change)
    assert outcomes == [None] * 6
    after = spine.preferences.get(USER)
    assert after.body["events"] == {"job.failed": {"letters": "off"}, "job.completed": {"letters": "off"}}
    # Two clicks that meant something, and two changes.
    assert after.version == version + 4


@pytest.mark.parametrize("beneath", [False, True], ids=["own", "the operators'"])
def test_who_clicks_is_not_mailed_about_what_stays_unread_either(spine: Spine, seen: list[Message], beneath: bool):
    to_both = {"job.failed": {"after_minutes": 15, "to": ["letters", "hooks"]}}
    spine.meet(USER)
    spine.meet(USER, channel="hooks")
    spine.preferences.merge("_defaults" if beneath else USER, {"escalate": to_both}, actor="key:key_1")
    # Off, and mailed all the same when it stays unread.
    spine.preferences.merge(USER, {} if beneath else {"events": {"job.failed": {"letters": "off"}}}, actor="key:key_1")
    fail = {"type": "job.failed", "recipients": [USER], "data": {"job_id": "j-9", "error": "disk full"}}

    def happen() -> dict[str, str]:
        accepted = spine.intake.submit(fail, owner="key_1", actor="key:key_1")
        found = spine.events.get(accepted.id)
        assert found is not None
        return {one["channel"]: one["id"] for one in found["notifications"]}

    first = happen()
    spine.clock.advance(minutes=15)
    spine.relay.feed()
    work(spine, first["letters"])
    token = token_of(seen[0])
    offer = spine.unsubscribing.offer(token)
    assert offer is not None
    assert not offer.is_off
    left = spine.unsubscribing.leave(token)
    assert left is not None
    assert left.is_off
    spine.clock.advance(minutes=10)
    second = happen()
    assert spine.states([second["letters"], second["hooks"]]) == [("suppressed", "opted_out"), ("held", "scheduled")]
