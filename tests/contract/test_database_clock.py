"""The clock that all processes share."""

from datetime import UTC, datetime, timedelta

from app.store.clock import DatabaseClock


def test_it_tells_the_time_that_passes_while_a_transaction_is_open(database):
    clock = DatabaseClock(database)
    with database.read():
        first, second = clock.now(), clock.now()
    assert first < second
    assert first.tzinfo == UTC
    assert abs(datetime.now(UTC) - first) < timedelta(minutes=1)
