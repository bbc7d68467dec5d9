"""What a worker tells of what it took from its lanes."""

from tasks.traffic import Traffic


def test_how_long_ago_work_came_is_known_for_each_lane_from_which_any_came():
    seconds = [10.0]
    traffic = Traffic(lambda: seconds[0])
    traffic.received("bulk")
    assert traffic.since_taken() == {}
    traffic.took("email")
    seconds[0] = 12.0
    traffic.took("bulk")
    seconds[0] = 15.0
    assert traffic.since_taken() == {"email": 5.0, "bulk": 3.0}
    assert traffic.by_lane() == {"bulk": 1}
