"""The pace of each target in Redis, kept to by all workers together.

A target takes one message in each interval, and a few at once after a pause. The interval is what the channel declares;
a target that finds even that too fast (429) gets a longer one of its own, which shrinks again with each message that
goes. Like the other gates it lets pass when Redis does not answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.store.gate_link import PREFIX, GateLink, lasting, moment_of, ms
from channels.base import Pace

GATE = "pace"
_FIRST_LEARNED = timedelta(milliseconds=250)
_LONGEST_LEARNED = timedelta(minutes=1)
_KEPT = timedelta(minutes=10)
_NONE = Pace(0.0)

# {when, interval}: when the next may go, 0 for now, and then this one is counted; interval 0: there is no pace.
# ARGV: now, declared interval, burst, lifetime.
_TAKE = """
local due, learned = unpack(redis.call('HMGET', KEYS[1], 'due', 'learned'))
local now, declared, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
learned = tonumber(learned or '0')
local interval = math.max(declared, learned)
if interval == 0 then return {0, 0} end
if learned > declared then burst = 1 end
due = math.max(tonumber(due or '0'), now)
local at = due - interval * (burst - 1)
if at > now then return {at, interval} end
redis.call('HSET', KEYS[1], 'due', due + interval)
if learned > 0 then
  learned = math.floor(learned * 0.9)
  if learned > math.max(declared, 50) then
    redis.call('HSET', KEYS[1], 'learned', learned)
  else
    redis.call('HDEL', KEYS[1], 'learned')
  end
end
redis.call('PEXPIRE', KEYS[1], due - now + tonumber(ARGV[4]))
return {0, interval}
"""

# The first of so many turns that nobody else has been promised. ARGV: from when on, interval, how many, now, lifetime.
_BOOK = """
local first = math.max(tonumber(redis.call('HGET', KEYS[1], 'booked') or '0'), tonumber(ARGV[1]))
local ends = first + ARGV[2] * ARGV[3]
redis.call('HSET', KEYS[1], 'booked', string.format('%d', ends))
redis.call('PEXPIRE', KEYS[1], ends - ARGV[4] + ARGV[5])
return first
"""

# Twice as slow as it was, unless that was learned just now. ARGV: now, declared interval, first, longest, lifetime.
_SLOW_DOWN = """
local learned, at = unpack(redis.call('HMGET', KEYS[1], 'learned', 'at'))
local now = tonumber(ARGV[1])
if at and now - tonumber(at) < 1000 then return end
local known = math.max(tonumber(learned or '0'), tonumber(ARGV[2]))
local slower = math.min(math.max(known * 2, tonumber(ARGV[3])), tonumber(ARGV[4]))
redis.call('HSET', KEYS[1], 'learned', slower, 'at', ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[5]) then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether a message may go: `at` is None for now, else when. Without an `interval` nobody has to ask."""

    at: datetime | None = None
    interval: timedelta = timedelta(0)


class Paces:
    """Safe to share among threads."""

    def __init__(self, link: GateLink) -> None:
        self._link = link
        self._take = link.redis.register_script(_TAKE)
        self._book = link.redis.register_script(_BOOK)
        self._slow_down = link.redis.register_script(_SLOW_DOWN)

    def take(self, channel: str, target: str, declared: Pace | None, now: datetime) -> Turn:
        """Ask for a message's turn; when it may go now, it has been counted."""
        pace = declared or _NONE
        told = [ms(now), lasting(timedelta(seconds=pace.seconds)), pace.burst, lasting(_KEPT)]
        at, interval = self._link.ask(GATE, lambda: self._take([_key(channel, target)], told), (0, 0))
        return Turn(moment_of(at) if at else None, timedelta(milliseconds=interval))

    def book(self, channel: str, target: str, turn: Turn, count: int, now: datetime) -> datetime:
        """When the first of so many messages should come again, the others each an interval later.

        It is no promise, but keeps them from coming all at once.
        """
        since = turn.at or now
        told = [ms(since), lasting(turn.interval), count, ms(now), lasting(_KEPT)]
        first: int = self._link.ask(GATE, lambda: self._book([_key(channel, target)], told), ms(since))
        return moment_of(first)

    def slow_down(self, channel: str, target: str, declared: Pace | None, now: datetime) -> None:
        """Learn that a target finds this too fast."""
        seconds = timedelta(seconds=(declared or _NONE).seconds)
        told = [ms(now), lasting(seconds), lasting(_FIRST_LEARNED), lasting(_LONGEST_LEARNED), lasting(_KEPT)]
        self._link.ask(GATE, lambda: self._slow_down([_key(channel, target)], told), None)


def _key(channel: str, target: str) -> str:
    return f"{PREFIX}pace:{channel}:{target}"
