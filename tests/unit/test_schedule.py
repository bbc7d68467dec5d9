from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.domain.preferences import QuietHours
from app.domain.schedule import next_at, next_hour, quiet_until

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(time(22), time(7))
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "Asia/Kolkata",
            "Asia/Kathmandu",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Pacific/Chatham",
            "America/Havana",
            "Africa/Casablanca",
            "Asia/Beirut",
        )
    ]
)
MOMENTS = st.datetimes(datetime(2009, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis asks for naive bounds
CLOCKS = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
A_MICROSECOND = timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-22T21:59:59", None),
        ("2026-11-22T22:00:00", "2026-11-23T07:00:00"),
        ("2026-11-22T23:59:59", "2026-11-23T07:00:00"),
        ("2026-11-23T00:00:00", "2026-11-23T07:00:00"),
        ("2026-11-23T06:59:59", "2026-11-23T07:00:00"),
        ("2026-11-23T07:00:00", None),
    ],
)
def test_a_window_over_midnight(now: str, until: str | None):
    assert quiet_until(NIGHT, BERLIN, local(now)) == (until and local(until))


@pytest.mark.parametrize(
    ("now", "until"), [("11:59:59", None), ("12:00:00", "13:30:00"), ("13:29:59", "13:30:00"), ("13:30:00", None)]
)
def test_a_window_within_a_day(now: str, until: str | None):
    noon = QuietHours(time(12), time(13, 30))
    assert quiet_until(noon, BERLIN, local(f"2026-11-22T{now}")) == (until and local(f"2026-11-22T{until}"))


def test_a_window_without_length_is_none():
    assert quiet_until(QuietHours(time(8), time(8)), BERLIN, local("2026-11-22T08:00")) is None


def test_a_night_in_which_clocks_go_forward_is_an_hour_shorter():
    start, end = local("2026-03-28T22:00"), utc("2026-03-29T05:00")
    assert quiet_until(NIGHT, BERLIN, start) == end
    assert end - start == timedelta(hours=8)


def test_a_night_in_which_clocks_go_back_is_an_hour_longer():
    start, end = local("2026-10-24T22:00"), utc("2026-10-25T06:00")
    assert quiet_until(NIGHT, BERLIN, start) == end
    assert end - start == timedelta(hours=10)


def test_an_end_that_is_skipped_is_the_moment_after_the_gap():
    quiet = QuietHours(time(22), time(2, 30))
    change = utc("2026-03-29T01:00")
    assert quiet_until(quiet, BERLIN, utc("2026-03-29T00:59")) == change
    assert quiet_until(quiet, BERLIN, change) is None


def test_an_end_that_comes_twice_is_the_first_one():
    quiet = QuietHours(time(22), time(2, 30))
    first = local("2026-10-25T02:30", fold=0)
    assert quiet_until(quiet, BERLIN, local("2026-10-25T02:15", fold=0)) == first
    assert quiet_until(quiet, BERLIN, first) is None
    assert quiet_until(quiet, BERLIN, local("2026-10-25T02:15", fold=1)) is None


def test_a_daily_time_keeps_its_place_on_the_wall_clock():
    assert next_at(time(8), BERLIN, local("2026-03-28T09:00")) == utc("2026-03-29T06:00")
    assert next_at(time(8), BERLIN, local("2026-10-24T09:00")) == utc("2026-10-25T07:00")


def test_a_daily_time_that_is_now_is_tomorrows():
    assert next_at(time(8), BERLIN, local("2026-11-22T08:00")) == local("2026-11-23T08:00")


def test_a_daily_time_that_is_skipped_comes_right_after_the_gap():
    assert next_at(time(2, 30), BERLIN, local("2026-03-28T12:00")) == utc("2026-03-29T01:00")


def test_a_daily_time_that_comes_twice_comes_once():
    first = next_at(time(2, 30), BERLIN, local("2026-10-24T12:00"))
    assert first == utc("2026-10-25T00:30")
    assert next_at(time(2, 30), BERLIN, first) == utc("2026-10-26T01:30")


def test_a_daily_time_on_a_day_that_a_zone_left_out():
    apia = ZoneInfo("Pacific/Apia")
    before = local("2011-12-29T12:00", apia)
    assert next_at(time(8), apia, before) == local("2011-12-31T00:00", apia)


def test_the_next_hour_in_a_zone_with_half_hours():
    kolkata = ZoneInfo("Asia/Kolkata")
    assert next_hour(kolkata, utc("2026-11-22T12:00")) == utc("2026-11-22T12:30")
    assert next_hour(kolkata, utc("2026-11-22T12:30")) == utc("2026-11-22T13:30")


@settings(deadline=None)
@given(CLOCKS, ZONES, MOMENTS)
def test_the_next_time_is_after_now_and_within_two_days(clock: time, zone: ZoneInfo, now: datetime):
    moment = next_at(clock, zone, now)
    assert now < moment <= now + timedelta(hours=50)
    assert moment.tzinfo is UTC
    shown = moment.astimezone(zone).replace(tzinfo=None).time()
    just_before = (moment - A_MICROSECOND).astimezone(zone)
    in_gap = just_before.utcoffset() != moment.astimezone(zone).utcoffset()
    assert shown == clock or in_gap


@settings(deadline=None)
@given(ZONES, MOMENTS)
def test_the_next_hour_is_full_and_near(zone: ZoneInfo, now: datetime):
    moment = next_hour(zone, now)
    shown = moment.astimezone(zone)
    assert (shown.minute, shown.second, shown.microsecond) == (0, 0, 0)
    assert now < moment <= now + timedelta(minutes=90)


@settings(deadline=None)
@given(CLOCKS, CLOCKS, ZONES, MOMENTS)
def test_quiet_ends_after_now_and_then_it_is_not_quiet(start: time, end: time, zone: ZoneInfo, now: datetime):
    quiet = QuietHours(start, end)
    until = quiet_until(quiet, zone, now)
    assume(until is not None)
    assert now < until <= now + timedelta(hours=50)
    assert quiet_until(quiet, zone, until - A_MICROSECOND) == until
    # Where the day after is skipped, one window may begin where another ends.
    again = quiet_until(quiet, zone, until)
    assert again is None or again > until


@settings(deadline=None)
@given(CLOCKS, CLOCKS, MOMENTS)
def test_without_changes_of_clocks_it_is_quiet_as_the_wall_clock_says(start: time, end: time, now: datetime):
    clock = now.time()
    inside = start <= clock < end if start <= end else clock >= start or clock < end
    assert (quiet_until(QuietHours(start, end), ZoneInfo("UTC"), now) is not None) is inside
