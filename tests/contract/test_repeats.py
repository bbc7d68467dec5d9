"""What was repeated is remembered: counted on the first, and told by the next message about the same."""

from collections import Counter

from tests.fakes.clock import FakeClock
from tests.fakes.plans import plans_of
from tests.fakes.spine import Spine


def come(spine: Spine, *, user_id: str = "u-1") -> str:
    """One more of the same, on its way up to the delivery; its id."""
    (id_,) = spine.submit(user_id)
    spine.pipeline.render([id_])
    if spine.pipeline.dedupe([id_]):
        spine.delivery.deliver("letters", [id_])
    return id_


def text(spine: Spine, id_: str) -> str:
    content = spine.row(id_).content
    assert content is not None
    return str(content["text"])


def test_the_next_message_tells_how_often_the_one_before_happened(spine: Spine, clock: FakeClock):
    spine.meet("u-1", "u-2")
    first = come(spine)
    for _ in range(36):
        clock.advance(seconds=5)
        come(spine)
    other = come(spine, user_id="u-2")
    clock.advance(minutes=10)
    second, third = come(spine), None
    assert spine.row(first).duplicates == 36
    assert "Before that, it happened 37 times, most recently on November 22, 2026, 12:03 PM UTC." in text(spine, second)
    clock.advance(minutes=10)
    third = come(spine)
    assert "Before that" not in text(spine, third)
    assert "Before that" not in text(spine, other)
    assert Counter(row.status for row in spine.of_user("u-1")) == {"delivered": 3, "suppressed": 36}


def test_a_repeat_within_the_window_tells_nothing_and_takes_nothing(spine: Spine, clock: FakeClock):
    spine.meet("u-1")
    come(spine)
    repeat, another = come(spine), come(spine)
    assert "Before that" not in text(spine, repeat) + text(spine, another)
    clock.advance(minutes=6)
    assert "Before that, it happened 3 times" in text(spine, come(spine))


def test_other_kinds_and_subjects_are_no_matter(spine: Spine, clock: FakeClock):
    spine.meet("u-1")
    come(spine)
    come(spine)
    clock.advance(minutes=6)
    for fields in ({"type": "job.completed", "data": {"job_id": "j-9"}}, {"subject_key": "another"}):
        (id_,) = spine.submit("u-1", **fields)
        spine.pipeline.render([id_])
        assert "Before that" not in text(spine, id_)


def test_finding_them_uses_an_index_of_those_alone(spine: Spine):
    spine.meet("u-1")
    (id_,) = spine.submit("u-1")
    plans = plans_of(spine.database, lambda: spine.pipeline.render([id_]))
    assert any("notifications_untold" in plan for plan in plans), plans
