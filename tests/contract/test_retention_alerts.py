"""An alert that is open is not forgotten, however old it is: somebody may be waiting for its end."""

from tests.fakes.clock import FakeClock
from tests.fakes.spine import KEEP
from tests.fakes.watch import COMPLETED, Watch

ALONE = {"channels": ["pages"]}


def exists(watch: Watch, *ids: str) -> list[bool]:
    return [watch.spine.history.notification(id_) is not None for id_ in ids]


def grow_old_and_purge(watch: Watch, clock: FakeClock) -> None:
    clock.advance(days=KEEP.days, seconds=1)
    watch.spine.retention.purge(lambda _: None)


def test_an_alert_that_is_open_can_still_be_closed(watch: Watch, clock: FakeClock):
    opening = watch.failed(**ALONE)
    watch.deliver(opening)
    grow_old_and_purge(watch, clock)
    assert exists(watch, opening) == [True]
    closing = watch.tell(**COMPLETED, **ALONE)
    assert closing is not None
    watch.deliver(closing)
    assert watch.alerts == [(1, 1)]
    # First goes what opened it, and then what says that it is over.
    grow_old_and_purge(watch, clock)
    assert exists(watch, opening, closing) == [False, True]
    watch.spine.retention.purge(lambda _: None)
    assert exists(watch, opening, closing) == [False, False]


def test_of_what_opened_it_the_last_is_enough(watch: Watch, clock: FakeClock):
    first, second = watch.failed(**ALONE), watch.failed(**ALONE)
    watch.deliver(first)
    watch.deliver(second)
    grow_old_and_purge(watch, clock)
    assert exists(watch, first, second) == [False, True]
    watch.deliver(watch.completed())
    assert watch.alerts == [(2, 1)]
