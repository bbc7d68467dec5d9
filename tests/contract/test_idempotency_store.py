from datetime import timedelta

from app.domain.ids import new_id
from app.store.engine import Database
from app.store.events import Claimed, claim_key
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock

DAY = timedelta(hours=24)


def claim(database: Database, clock: FakeClock, event_id: str, *, owner: str = "key_1", said: str = "a") -> Claimed:
    now = clock.now()
    with database.write() as conn:
        return claim_key(conn, owner, "once", Claimed(event_id, said), now=now, forgotten_before=now - DAY)


def test_the_first_to_take_a_key_has_it(database: Database, clock: FakeClock):
    assert claim(database, clock, "evt_1") == Claimed("evt_1", "a")
    assert claim(database, clock, "evt_2", said="b") == Claimed("evt_1", "a")


def test_a_key_belongs_to_its_owner(database: Database, clock: FakeClock):
    claim(database, clock, "evt_1")
    assert claim(database, clock, "evt_2", owner="key_2").event_id == "evt_2"


def test_a_key_is_free_again_after_a_day(database: Database, clock: FakeClock):
    claim(database, clock, "evt_1")
    clock.advance(hours=24)
    assert claim(database, clock, "evt_2").event_id == "evt_1"
    clock.advance(microseconds=1)
    assert claim(database, clock, "evt_2").event_id == "evt_2"


def test_of_twenty_at_once_one_has_it_and_all_know(database: Database, clock: FakeClock):
    ids = [new_id("evt", clock.now()) for _ in range(20)]
    winners = at_once(20, lambda n: claim(database, clock, ids[n]).event_id)
    assert len(set(winners)) == 1
    assert winners[0] in ids
