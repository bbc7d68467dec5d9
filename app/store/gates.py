"""The gates in Redis: dedupe, rate limit and parked targets. Breakers and paces have files of their own beside this.

All answers are atomic and idempotent per notification id: asking again for the same id gives the same answer. When
Redis does not answer, the gates let everything pass and say so: a lost gate may cost a repeated message, never a lost
one. Times are the caller's, in milliseconds, so that one clock rules; the keys' own lifetimes only clean up.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from app.store import breaker, pace
from app.store.gate_link import PREFIX, GateLink, lasting, moment_of, ms
from channels.base import host_of

GATES = ("dedupe", "rate_limit", "park", breaker.GATE, pace.GATE)
_MOST_PARKED = 10_000

# For each key: "" when the id holds the claim now, else the id that does. ARGV: now, window, ids…
_DEDUPE = """
local answers = {}
for i, key in ipairs(KEYS) do
  local id, owner, ends = ARGV[i + 2], unpack(redis.call('HMGET', key, 'owner', 'ends'))
  if owner and owner ~= id and tonumber(ends) > tonumber(ARGV[1]) then
    answers[i] = owner
  else
    if owner ~= id then
      redis.call('HSET', key, 'owner', id, 'ends', ARGV[1] + ARGV[2])
      redis.call('PEXPIRE', key, ARGV[2])
    end
    answers[i] = ''
  end
end
return answers
"""

# Take over claims whose owner no longer counts. ARGV: now, window, then id and expected owner for each key.
_TAKE_OVER = """
local answers = {}
for i, key in ipairs(KEYS) do
  local id, expected = ARGV[2 * i + 1], ARGV[2 * i + 2]
  local owner = redis.call('HGET', key, 'owner')
  if not owner or owner == expected or owner == id then
    redis.call('HSET', key, 'owner', id, 'ends', ARGV[1] + ARGV[2])
    redis.call('PEXPIRE', key, ARGV[2])
    answers[i] = ''
  else
    answers[i] = owner
  end
end
return answers
"""

# A sliding log per key. For each: 0 when the id is within the limit, else when the oldest entry leaves the window.
# ARGV: now, window, then id and limit for each key.
_LIMIT = """
local answers = {}
local now, window = tonumber(ARGV[1]), tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
  local id, limit = ARGV[2 * i + 1], tonumber(ARGV[2 * i + 2])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  if redis.call('ZSCORE', key, id) then
    answers[i] = 0
  elseif redis.call('ZCARD', key) < limit then
    redis.call('ZADD', key, now, id)
    redis.call('PEXPIRE', key, window)
    answers[i] = 0
  else
    local place = redis.call('ZCARD', key) - limit
    answers[i] = tonumber(redis.call('ZRANGE', key, place, place, 'WITHSCORES')[2]) + window
  end
end
return answers
"""

# Leave a place alone until then; a shorter rest does not end a longer one. ARGV: until, lifetime.
_PARK = """
local ends = redis.call('GET', KEYS[1])
if not ends or tonumber(ends) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """A request to pass the rate limit: at most `most` notifications of this user and channel in the window."""

    id: str
    user_id: str
    channel: str
    most: int


class Gates:
    """Safe to share among threads."""

    def __init__(self, link: GateLink, *, secret: str = "") -> None:
        """Users are known by digests that nobody can make without the secret: a server's files keep keys for long."""
        self._digest_key = hashlib.sha256(b"im2-notifications names at the gates\n" + secret.encode()).digest()
        self._ask, self._redis = link.ask, link.redis
        self._dedupe = self._redis.register_script(_DEDUPE)
        self._take_over = self._redis.register_script(_TAKE_OVER)
        self._limit = self._redis.register_script(_LIMIT)
        self._park = self._redis.register_script(_PARK)

    def repeats(self, claims: Sequence[tuple[str, str]], window: timedelta, now: datetime) -> dict[str, str]:
        """Claim (fingerprint, id) pairs: for each id that repeats another within the window, the id of the first."""
        keys = [f"{PREFIX}dedupe:{print_}" for print_, _ in claims]
        ids = [id_ for _, id_ in claims]
        owners: list[str] = self._ask("dedupe", lambda: self._dedupe(keys, [ms(now), lasting(window), *ids]), [])
        return {id_: owner for id_, owner in zip(ids, owners, strict=False) if owner}

    def take_over(self, claims: Sequence[tuple[str, str, str]], window: timedelta, now: datetime) -> dict[str, str]:
        """Claim (fingerprint, id, dead owner) triples: for each id that came too late, the id that has it now."""
        keys = [f"{PREFIX}dedupe:{print_}" for print_, _, _ in claims]
        told = [word for _, id_, owner in claims for word in (id_, owner)]
        owners: list[str] = self._ask("dedupe", lambda: self._take_over(keys, [ms(now), lasting(window), *told]), [])
        return {id_: owner for (_, id_, _), owner in zip(claims, owners, strict=False) if owner}

    def over_limit(self, wanted: Sequence[Limit], window: timedelta, now: datetime) -> dict[str, datetime]:
        """For each id that is over its limit, when the window frees a place."""
        keys = [self._log_of(one.channel, one.user_id) for one in wanted]
        told = [word for one in wanted for word in (one.id, one.most)]
        frees: list[int] = self._ask("rate_limit", lambda: self._limit(keys, [ms(now), lasting(window), *told]), [])
        return {one.id: moment_of(int(at)) for one, at in zip(wanted, frees, strict=False) if at}

    def park(self, channel: str, target: str, until: datetime, now: datetime) -> None:
        """Send nothing to a channel's target (or to any at a host, if that is named) until then, or longer."""
        wait = max(lasting(until - now), 1)
        self._ask("park", lambda: self._park([f"{PREFIX}park:{channel}:{target}"], [ms(until), wait]), None)

    def parked_until(self, channel: str, target: str, now: datetime) -> datetime | None:
        """Until when a target, or the host it is at, is parked, or None."""
        keys = [f"{PREFIX}park:{channel}:{place}" for place in {target, host_of(target)}]
        found: list[Any] = self._ask("park", lambda: self._redis.mget(keys), [])
        until = max((moment_of(int(one)) for one in found if one is not None), default=now)
        return until if until > now else None

    def parked(self, now: datetime) -> dict[str, int]:
        """How many targets of each channel are parked; a count for people, which looks at no more than 10,000."""
        keys: list[str] = self._ask(
            "park", lambda: list(islice(self._redis.scan_iter(f"{PREFIX}park:*", 1000), _MOST_PARKED)), []
        )
        values: list[Any] = self._ask("park", lambda: self._redis.mget(keys), []) if keys else []
        there = (key for key, until in zip(keys, values, strict=False) if until is not None and int(until) > ms(now))
        return dict(Counter(key.removeprefix(f"{PREFIX}park:").partition(":")[0] for key in there))

    def holders(self, prints: Sequence[str], now: datetime) -> dict[str, str]:
        """For each fingerprint that is claimed now, the id that holds it. Changes nothing."""

        def look() -> list[tuple[str | None, str | None]]:
            pipe = self._redis.pipeline(transaction=False)
            for print_ in prints:
                pipe.hmget(f"{PREFIX}dedupe:{print_}", "owner", "ends")
            return list(pipe.execute())

        found: list[tuple[str | None, str | None]] = self._ask("dedupe", look, []) if prints else []
        return {
            print_: owner
            for print_, (owner, ends) in zip(prints, found, strict=False)
            if owner and ends and float(ends) > ms(now)
        }

    def frees(self, wanted: Sequence[Limit], window: timedelta, now: datetime) -> dict[str, datetime]:
        """For each that would be over its limit now, when the window frees a place. Changes nothing."""
        since = ms(now) - lasting(window)

        def look() -> list[list[tuple[str, float]]]:
            pipe = self._redis.pipeline(transaction=False)
            for one in wanted:
                pipe.zrangebyscore(self._log_of(one.channel, one.user_id), f"({since}", "+inf", withscores=True)
            return list(pipe.execute())

        found: list[list[tuple[str, float]]] = self._ask("rate_limit", look, []) if wanted else []
        return {
            one.id: moment_of(int(counted[len(counted) - one.most][1])) + window
            for one, counted in zip(wanted, found, strict=False)
            if len(counted) >= one.most
        }

    def forget(self, user_id: str, channels: Sequence[str]) -> None:
        """Drop what is kept about a user."""
        keys = [self._log_of(channel, user_id) for channel in channels]
        self._ask("rate_limit", lambda: self._redis.delete(*keys), None)

    def _log_of(self, channel: str, user_id: str) -> str:
        digest = hashlib.blake2b(user_id.encode(), key=self._digest_key, digest_size=16)
        return f"{PREFIX}rate:{channel}:{digest.hexdigest()}"
