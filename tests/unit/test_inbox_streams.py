"""The open streams of a process: what they tell, when they look, and how they end. Without a bell that is heard."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import pytest

from app.domain.ids import new_id
from app.services.fallbacks import Fallbacks
from app.services.inbox import Inbox
from app.services.inbox_streams import InboxStreams, News, Pace, Stream, TooManyStreams
from app.store.bell import Names
from app.store.engine import Database, DatabaseUnavailable
from tests.fakes.clock import FakeClock
from tests.fakes.product import NOWHERE
from tests.fakes.samples import message

NAMES = Names("a secret key of the test")
# Long enough that a test which has to wait for it does not end.
NEVER = 3600.0


@dataclass
class Rig:
    """Inboxes, and streams that are woken as the bell would wake them."""

    database: Database
    clock: FakeClock
    pace: Pace
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.streams = InboxStreams(self.database, NOWHERE, NAMES, self.pace, monotonic=lambda: self.seconds)
        self.inbox = an_inbox(self, lambda users: self.streams.wake([NAMES.of(user) for user in users]))

    def put(self, count: int = 1, user: str = "u-1") -> None:
        now = self.clock.now()
        self.inbox.put([message(notification_id=new_id("ntf", now), user_id=user) for _ in range(count)])

    def open(self, user: str = "u-1", after: int | None = None, allowed: bool = True) -> Stream:
        return self.streams.open(user, after=after, allowed=lambda: allowed)


def an_inbox(rig: Rig, ring: Callable[[Collection[str]], None]) -> Inbox:
    return Inbox(rig.database, rig.clock, ring, Fallbacks(rig.database, rig.clock, process="test@here"))


@pytest.fixture
def rig(database: Database, clock: FakeClock) -> Iterator[Rig]:
    rig = Rig(database, clock, Pace(beat_seconds=NEVER, longest_seconds=900, most=5, most_per_user=3))
    yield rig
    rig.streams.stop()


def told(news: News | None) -> tuple[list[int], int, int]:
    """The revisions of the items, how many are unread, and the revision of all that."""
    assert news is not None
    return [revision for revision, _ in news.items], news.unread_count, news.revision


def test_a_new_reader_hears_how_many_are_unread_and_nothing_old(rig: Rig):
    rig.put(3)
    assert told(next(iter(rig.open()))) == ([], 3, 3)
    assert told(next(iter(rig.open("u-nobody")))) == ([], 0, 0)


def test_what_changes_is_told_to_every_stream_of_its_user_and_to_no_other(rig: Rig):
    mine, mine_too, other = (iter(rig.open(user)) for user in ("u-1", "u-1", "u-2"))
    for stream in (mine, mine_too, other):
        next(stream)
    rig.put(2)
    rig.put(1, "u-2")
    assert told(next(mine)) == told(next(mine_too)) == ([1, 2], 2, 2)
    news = next(other)
    assert told(news) == ([1], 1, 1)
    rig.inbox.read_all("u-1")
    news = next(mine)
    assert told(news) == ([3, 4], 0, 4)
    assert news is not None
    assert [item["read"] for _, item in news.items] == [True, True]


def test_an_item_that_changed_twice_between_two_looks_is_told_once_as_it_is(rig: Rig):
    stream = iter(rig.open())
    next(stream)
    rig.put(2)
    (second, _) = rig.inbox.page("u-1")[0].items
    rig.inbox.mark("u-1", second["id"], read=True)
    rig.inbox.mark("u-1", second["id"], read=False)
    assert told(next(stream)) == ([1, 4], 2, 4)


def test_a_reader_who_comes_back_hears_what_it_has_missed(rig: Rig):
    rig.put(4)
    assert told(next(iter(rig.open(after=2)))) == ([3, 4], 4, 4)
    assert told(next(iter(rig.open(after=4)))) == ([], 4, 4)
    assert told(next(iter(rig.open(after=0)))) == ([1, 2, 3, 4], 4, 4)


def test_much_is_told_in_slices_without_a_gap(rig: Rig):
    rig.put(450)
    stream = iter(rig.open(after=0))
    slices = [told(next(stream)) for _ in range(3)]
    assert [upto for _, _, upto in slices] == [200, 400, 450]
    assert [revision for revisions, _, _ in slices for revision in revisions] == list(range(1, 451))


@pytest.mark.parametrize("after", [3, 2**63 - 1])
def test_a_revision_that_was_never_reached_starts_at_the_present(rig: Rig, after: int):
    rig.put(2)
    stream = iter(rig.open(after=after))
    assert told(next(stream)) == ([], 2, 2)
    rig.put()
    assert told(next(stream)) == ([3], 3, 3)


def test_without_the_bell_a_stream_looks_when_a_sign_of_life_is_due(database: Database, clock: FakeClock):
    rig = Rig(database, clock, Pace(beat_seconds=0.0))
    deaf = an_inbox(rig, lambda _users: None)
    stream = iter(rig.open())
    next(stream)
    assert next(stream) is None
    assert next(stream) is None
    deaf.put([message(user_id="u-1")])
    assert told(next(stream)) == ([1], 1, 1)
    assert next(stream) is None
    rig.streams.stop()


def test_being_woken_for_nothing_is_no_news(rig: Rig):
    stream = iter(rig.open())
    next(stream)
    rig.streams.wake(None)
    rig.streams.wake(["not a name"])
    rig.seconds = NEVER / 8
    rig.put()
    assert told(next(stream)) == ([1], 1, 1)


@pytest.mark.parametrize("end", ["age", "stop", "not allowed"])
def test_a_stream_ends(database: Database, clock: FakeClock, end: str):
    rig = Rig(database, clock, Pace(beat_seconds=NEVER, longest_seconds=900))
    stream = iter(rig.open(allowed=end != "not allowed"))
    next(stream)
    if end == "age":
        rig.seconds = 900.0
        rig.put()
    elif end == "stop":
        rig.streams.stop()
    else:
        rig.streams.wake(None)
    assert list(stream) == []
    rig.streams.stop()


def test_there_is_a_most_for_each_user_and_for_all(rig: Rig):
    mine = [rig.open() for _ in range(3)]
    with pytest.raises(TooManyStreams):
        rig.open()
    others = [rig.open("u-2"), rig.open("u-3")]
    with pytest.raises(TooManyStreams):
        rig.open("u-4")
    assert rig.streams.count == 5
    mine[0].close()
    mine[0].close()
    assert rig.streams.count == 4
    rig.open()
    for stream in (*mine, *others):
        stream.close()
    assert rig.streams.count == 1


def test_a_process_that_stops_opens_no_more(rig: Rig):
    rig.streams.stop()
    with pytest.raises(TooManyStreams):
        rig.open()


def test_a_database_that_is_away_refuses_a_new_stream_and_frees_its_place(tmp_path, clock: FakeClock):
    rig = Rig(Database(f"sqlite:///{tmp_path}/no/such/folder/x.db"), clock, Pace())
    with pytest.raises(DatabaseUnavailable):
        rig.open()
    assert rig.streams.count == 0
    rig.streams.stop()


def test_an_open_stream_outlives_a_database_that_is_away(database: Database, clock: FakeClock):
    rig = Rig(database, clock, Pace(beat_seconds=0.0))
    away = [False]

    def allowed() -> bool:
        if away[0]:
            raise DatabaseUnavailable("gone")
        return True

    stream = iter(rig.streams.open("u-1", after=None, allowed=allowed))
    next(stream)
    away[0] = True
    rig.put()
    assert next(stream) is None
    assert next(stream) is None
    away[0] = False
    assert told(next(stream)) == ([1], 1, 1)
    rig.streams.stop()
