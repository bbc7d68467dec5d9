"""When something that has to wait may go: quiet hours and rhythms, in the user's zone.

A time of day that a change of clocks skips counts as the moment right after the gap; one that occurs twice counts
the first time.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.domain.preferences import QuietHours

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


def quiet_until(quiet: QuietHours, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The end of the quiet window that holds this moment, in UTC, or None outside of it."""
    if quiet.start == quiet.end:
        return None
    today = now.astimezone(zone).date()
    for day in (today - _DAY, today):
        end = _moment(day if quiet.start < quiet.end else day + _DAY, quiet.end, zone)
        if _moment(day, quiet.start, zone) <= now < end:
            return end
    return None


def next_at(clock: time, zone: ZoneInfo, now: datetime) -> datetime:
    """The next moment after `now` when the wall clock of the zone shows this time, in UTC."""
    day = now.astimezone(zone).date()
    while (moment := _moment(day, clock, zone)) <= now:
        day += _DAY
    return moment


def next_hour(zone: ZoneInfo, now: datetime) -> datetime:
    """The next full hour on the wall clock of the zone, in UTC."""
    moment = now + _HOUR - _past_hour(zone, now)
    # Where clocks change by less than an hour, the end of one hour is not the start of another.
    while past := _past_hour(zone, moment):
        moment += _HOUR - past
    return moment


def _past_hour(zone: ZoneInfo, moment: datetime) -> timedelta:
    local = moment.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The moment when the zone's wall clock shows this time on this day, in UTC."""
    local = datetime.combine(day, clock, tzinfo=zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    # Skipped: the change is somewhere between what the time would mean with the new offset and with the old one.
    start = local.replace(fold=1).astimezone(UTC)
    before, after = 0, round((moment - start).total_seconds())
    while after - before > 1:
        middle = (before + after) // 2
        changed = (start + timedelta(seconds=middle)).astimezone(zone).utcoffset() != local.utcoffset()
        before, after = (before, middle) if changed else (middle, after)
    return start + timedelta(seconds=after)
