"""Trying out a channel: past what people chose and what the gates count, and on record like everything else."""

from datetime import timedelta

import pytest

from app.services.quota import TooMany
from app.services.trials import MOST_TRIALS, TRIAL_WINDOW
from app.store import people
from app.store.history import Filters
from channels.base import Message, Permanent
from tests.fakes.spine import Spine

USER, ACTOR = "u-1", "user:u-1"
CHANNELS = ("letters", "hooks", "shelf")


def tried(spine: Spine, channel: str) -> str:
    """Ask for a test, and let a worker take it along the chain."""
    id_ = spine.trials.send(USER, channel, actor=ACTOR).id
    work(spine, channel, id_)
    return id_


def work(spine: Spine, channel: str, *ids: str) -> None:
    left = spine.pipeline.rate_limit(spine.pipeline.dedupe(spine.pipeline.render(ids)))
    spine.delivery.deliver(channel, left)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_test_arrives_and_says_that_it_is_one(spine: Spine, channel: str):
    sent: list[Message] = []
    spine.meet(USER, channel=channel)
    spine.channels[channel].during = sent.append
    id_ = tried(spine, channel)
    row = spine.row(id_)
    assert (row.status, row.type, row.event_id, row.lane) == ("delivered", "test", None, channel)
    assert spine.attempts(id_) == ["delivered"]
    assert spine.trace(id_)[0] == ("plan", "pending", None)
    assert spine.audit(id_)[0].actor == ACTOR
    (message,) = sent
    assert (message.type, message.event_id, message.title) == ("test", None, "Test notification")
    assert spine.count("notifications_accepted_total", type="test") == 1
    assert spine.count("notifications_total", type="test", status="delivered") == 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_test_passes_choices_quiet_hours_and_gates(spine: Spine, channel: str, gate_server):
    strict = Spine(
        spine.database,
        spine.clock,
        gate_server.url,
        rules={"rate_limits": dict.fromkeys(CHANNELS, 1), "drop_overflow": True},
    )
    now = spine.clock.now()
    document = {
        "channels": {channel: False},
        "quiet_hours": {"start": "00:00", "end": "23:59"},
        "muted_until": (now + timedelta(days=1)).isoformat(),
    }
    strict.preferences.replace(USER, document, actor=ACTOR)
    strict.meet(USER, channel=channel)
    ids = [tried(strict, channel) for _ in range(3)]
    assert strict.states(ids) == [("delivered", None)] * 3
    strict.close()


def test_tests_do_not_use_up_what_the_user_may_get(spine: Spine, gate_server):
    limited = Spine(spine.database, spine.clock, gate_server.url, rules={"rate_limits": dict.fromkeys(CHANNELS, 1)})
    limited.meet(USER)
    tried(limited, "letters")
    real = limited.submit(USER)
    work(limited, "letters", *real)
    assert limited.states(real) == [("delivered", None)]
    limited.close()


def test_a_test_fails_as_anything_would(spine: Spine):
    spine.meet(USER)
    id_ = spine.trials.send(USER, "letters", actor=ACTOR).id
    spine.letters.answer(id_, Permanent("550 no such user", reason="bad_address", disables=True))
    work(spine, "letters", id_)
    assert spine.states([id_]) == [("failed", "bad_address")]
    shown = spine.history.notification(id_)
    assert shown is not None
    assert [attempt["detail"] for attempt in shown["attempts"]] == ["550 no such user"]


def test_a_contact_that_is_gone_meanwhile_gets_nothing(spine: Spine):
    spine.meet(USER)
    id_ = spine.trials.send(USER, "letters", actor=ACTOR).id
    with spine.database.write() as conn:
        people.remove_contact(conn, USER, "letters")
    work(spine, "letters", id_)
    assert (spine.states([id_]), spine.letters.sent) == ([("suppressed", "no_contact")], [])


def test_a_user_tries_so_often_and_no_more(spine: Spine):
    for _ in range(MOST_TRIALS):
        spine.trials.send(USER, "shelf", actor=ACTOR)
    spine.clock.advance(seconds=100)
    with pytest.raises(TooMany) as refused:
        spine.trials.send(USER, "shelf", actor=ACTOR)
    assert refused.value.wait == TRIAL_WINDOW - timedelta(seconds=100)
    assert len(spine.of_user(USER)) == MOST_TRIALS
    spine.trials.send("u-2", "shelf", actor=ACTOR)
    spine.clock.advance(seconds=refused.value.wait.total_seconds())
    spine.trials.send(USER, "shelf", actor=ACTOR)


def test_tests_and_verifications_are_not_replayed(spine: Spine):
    spine.meet(USER)
    tried(spine, "letters")
    wanted = Filters(user_id=USER, status="delivered")
    assert spine.dead_letters.replay(wanted, limit=10, dry_run=False, actor="key:admin").matched == 0
