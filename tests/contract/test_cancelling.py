"""Taking a notification back, at every stage of its way."""

import pytest

from channels.base import Message, Permanent, Transient
from tests.fakes.clock import FakeClock
from tests.fakes.scripted import FINE
from tests.fakes.spine import LEASE, Spine

ACTOR = "key:key_1"


@pytest.fixture
def id_(spine: Spine) -> str:
    spine.meet("u-1")
    return spine.submit("u-1")[0]


def cancel_during(spine: Spine, id_: str, answer: Exception | None = None) -> None:
    """Take it back while its receiver thinks."""

    def take_back(_message: Message) -> None:
        assert spine.events.cancel_one(id_, actor=ACTOR) == "sending"

    spine.letters.during = take_back
    spine.letters.answer(id_, answer or FINE)
    spine.delivery.deliver("letters", [id_])


def test_before_anybody_took_it(spine: Spine, id_: str):
    assert spine.events.cancel_one(id_, actor=ACTOR) == "cancelled"
    assert spine.states([id_]) == [("cancelled", "requested")]
    spine.delivery.deliver("letters", [id_])
    assert spine.letters.sent == []
    assert spine.count("notifications_total", status="cancelled") == 1


def test_while_it_waits_for_a_retry(spine: Spine, clock: FakeClock, id_: str):
    spine.letters.answer(id_, Transient("busy", scope="recipient"))
    (again,) = spine.delivery.deliver("letters", [id_])
    assert spine.events.cancel_one(id_, actor=ACTOR) == "cancelled"
    clock.advance(seconds=again.delay)
    spine.delivery.deliver("letters", [id_])
    assert spine.letters.sent == [id_]


def test_what_was_delivered_meanwhile_is_delivered(spine: Spine, id_: str):
    cancel_during(spine, id_)
    assert spine.states([id_]) == [("delivered", None)]


def test_what_was_refused_meanwhile_has_failed(spine: Spine, id_: str):
    cancel_during(spine, id_, Permanent("no such user", reason="bad_address"))
    assert spine.states([id_]) == [("failed", "bad_address")]


def test_what_would_be_tried_again_ends(spine: Spine, id_: str):
    cancel_during(spine, id_, Transient("busy", scope="recipient"))
    assert spine.states([id_]) == [("cancelled", "requested")]
    assert spine.attempts(id_) == ["transient"]
    assert spine.count("notifications_total", status="cancelled") == 1


def test_what_would_be_given_back_unsent_ends(spine: Spine, id_: str):
    spine.meet("u-2")
    ids = spine.submit("u-1", "u-2")

    def take_the_other_back(message: Message) -> None:
        if message.notification_id == ids[0]:
            assert spine.events.cancel_one(ids[1], actor=ACTOR) == "sending"

    spine.letters.during = take_the_other_back
    spine.letters.answer(ids[0], Transient("no route"))
    spine.delivery.deliver("letters", ids)
    assert spine.states(ids) == [("retrying", None), ("cancelled", "requested")]
    assert spine.attempts(ids[1]) == []


def test_when_its_worker_died_the_relay_ends_it(spine: Spine, clock: FakeClock, id_: str):
    class Killed(BaseException):
        pass

    def kill(_message: Message) -> None:
        raise Killed

    spine.letters.during = kill
    with pytest.raises(Killed):
        spine.delivery.deliver("letters", [id_])
    assert spine.events.cancel_one(id_, actor=ACTOR) == "sending"
    clock.advance(seconds=LEASE.total_seconds() + 1)
    spine.letters.during = lambda _message: None
    spine.delivery.deliver("letters", [id_])
    assert spine.states([id_]) == [("sending", None)]
    spine.relay.sweep()
    assert spine.states([id_]) == [("cancelled", "requested")]
    assert spine.attempts(id_) == ["unknown"]
    assert spine.row(id_).possible_duplicate


def test_what_has_ended_stays_as_it_is(spine: Spine, id_: str):
    spine.delivery.deliver("letters", [id_])
    assert spine.events.cancel_one(id_, actor=ACTOR) is None
    assert spine.states([id_]) == [("delivered", None)]
