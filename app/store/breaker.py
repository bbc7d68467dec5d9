"""Circuit breakers in Redis, one for each target, shared by all workers.

A breaker is closed until its target has failed so many times in a row; then it is open for a while, which doubles each
time. When that is over it is half-open: one probe may go, whose holder alone decides what follows. An answer closes it,
whoever got it. Like the other gates it lets pass when Redis does not answer.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Literal

from app.store.gate_link import PREFIX, GateLink, lasting, moment_of, ms

GATE = "breaker"
FAILURES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=10)
PROBE_TIME = timedelta(seconds=30)
"""How long a probe may take, longer than any attempt does; after it, whoever took it is gone."""
_KEPT = timedelta(days=1)
_MOST_SHOWN = 10_000
_KEYS = f"{PREFIX}breaker:"
State = Literal["closed", "open", "half_open"]

# {0} closed, {1, until} wait until then, {2, token} a probe may go. ARGV: now, time of a probe, lifetime.
_ASK = """
local ends, probe = unpack(redis.call('HMGET', KEYS[1], 'ends', 'probe'))
local now = tonumber(ARGV[1])
if not ends then return {0, 0} end
if tonumber(ends) > now then return {1, tonumber(ends)} end
if probe and tonumber(probe) > now then return {1, tonumber(probe)} end
local token = now + tonumber(ARGV[2])
redis.call('HSET', KEYS[1], 'probe', token)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {2, token}
"""

# Until when it is open, else 0. ARGV: now, token of the probe or 0, failures, first wait, longest wait, lifetime.
_FAILED = """
local ends, probe, opened = unpack(redis.call('HMGET', KEYS[1], 'ends', 'probe', 'opened'))
local now, token = tonumber(ARGV[1]), tonumber(ARGV[2])
if ends then
  -- What was sent before it opened tells nothing new.
  if not (probe and tonumber(probe) == token) then
    return tonumber(ends) > now and tonumber(ends) or 0
  end
elseif redis.call('HINCRBY', KEYS[1], 'failures', 1) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  return 0
end
local times = tonumber(opened or '0')
local wait = math.min(tonumber(ARGV[4]) * 2 ^ math.min(times, 16), tonumber(ARGV[5]))
redis.call('HSET', KEYS[1], 'ends', string.format('%d', now + wait), 'opened', times + 1)
redis.call('HDEL', KEYS[1], 'probe')
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return now + wait
"""

# Whether it was open. It forgets everything.
_ANSWERED = """
local was = redis.call('HEXISTS', KEYS[1], 'ends')
redis.call('DEL', KEYS[1])
return was
"""

# ARGV: token.
_GIVE_BACK = """
if redis.call('HGET', KEYS[1], 'probe') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'probe')
  return 1
end
return 0
"""


@dataclass(frozen=True, slots=True)
class Leave:
    """What a breaker says to somebody who would send: not before a time, or as its probe, or neither of the two."""

    not_before: datetime | None = None
    probe: int | None = None


class Breakers:
    """Safe to share among threads."""

    def __init__(self, link: GateLink) -> None:
        self._link = link
        self._ask = link.redis.register_script(_ASK)
        self._failed = link.redis.register_script(_FAILED)
        self._answered = link.redis.register_script(_ANSWERED)
        self._give_back = link.redis.register_script(_GIVE_BACK)

    def ask(self, channel: str, target: str, now: datetime) -> Leave:
        """Whether something may be sent to a target now. Who gets a probe has to tell what came of it."""
        told = [ms(now), lasting(PROBE_TIME), lasting(_KEPT)]
        verdict, value = self._link.ask(GATE, lambda: self._ask([_key(channel, target)], told), (0, 0))
        if verdict == 0:
            return Leave()
        return Leave(moment_of(value)) if verdict == 1 else Leave(probe=value)

    def failed(self, channel: str, target: str, now: datetime, probe: int | None = None) -> datetime | None:
        """Count a failure of the target; until when its breaker is open now, or None."""
        waits = [lasting(FIRST_WAIT), lasting(LONGEST_WAIT)]
        told = [ms(now), probe or 0, FAILURES, *waits, lasting(_KEPT)]
        until: int = self._link.ask(GATE, lambda: self._failed([_key(channel, target)], told), 0)
        return moment_of(until) if until else None

    def answered(self, channel: str, target: str) -> bool:
        """Note that the target works; whether its breaker was not closed until now."""
        return bool(self._link.ask(GATE, lambda: self._answered([_key(channel, target)]), 0))

    def give_back(self, channel: str, target: str, probe: int) -> bool:
        """Let somebody else be the probe, as there was nothing to send after all; false when somebody is already."""
        return bool(self._link.ask(GATE, lambda: self._give_back([_key(channel, target)], [probe]), 0))

    def counts(self, now: datetime) -> Mapping[str, Mapping[State, int]]:
        """How many breakers of each channel are open and half-open; for people, it looks at no more than 10,000."""

        def look() -> list[tuple[str, Any]]:
            keys = list(islice(self._link.redis.scan_iter(f"{_KEYS}*", 1000), _MOST_SHOWN))
            pipe = self._link.redis.pipeline(transaction=False)
            for key in keys:
                pipe.hget(key, "ends")
            return list(zip(keys, pipe.execute(), strict=True))

        found: list[tuple[str, Any]] = self._link.ask(GATE, look, [])
        counted: defaultdict[str, Counter[State]] = defaultdict(Counter)
        for key, ends in found:
            if ends is not None:
                state: State = "open" if int(ends) > ms(now) else "half_open"
                counted[key.removeprefix(_KEYS).partition(":")[0]][state] += 1
        return counted


def _key(channel: str, target: str) -> str:
    return f"{_KEYS}{channel}:{target}"
