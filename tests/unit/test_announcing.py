"""How long rows wait for each other before they are announced."""

from app.services.announcing import LARGEST_GROUP, Rush


def after(counts_a_second: float, seconds: float = 2.0) -> float:
    """The wait of a row after so many had come one by one, each second."""
    rush = Rush()
    count = int(counts_a_second * seconds)
    for number in range(count):
        rush.came(1, number / counts_a_second)
    return rush.linger(1, seconds)


def test_nobody_waits_while_few_come():
    assert after(1) == after(10) == after(75) == 0.0


def test_the_more_come_the_longer_they_wait_up_to_a_twentieth_of_a_second():
    assert 0.0 < after(100) < after(150) < after(1_000) == 0.05


def test_what_fills_a_message_by_itself_does_not_wait():
    rush = Rush()
    rush.came(500, 0.0)
    assert rush.linger(LARGEST_GROUP, 0.1) == 0.0
    assert rush.linger(LARGEST_GROUP - 1, 0.1) == 0.05


def test_a_moment_later_a_rush_is_over():
    rush = Rush()
    assert rush.linger(500, 0.0) == 0.0
    rush.came(500, 0.0)
    assert rush.linger(1, 0.1) == 0.05
    assert rush.linger(1, 0.2) == 0.0
