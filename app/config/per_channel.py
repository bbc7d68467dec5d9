"""The settings that every channel has: its retry plan and its rate limit."""

from collections.abc import Mapping
from difflib import get_close_matches

from app.config.reader import Reader, durations
from channels.registry import CHANNELS

MOST_RETRIES = 50
LONGEST_DELAY = 3600
LONGEST_WAIT = 7 * 86_400
_RETRIES, _DELAY, _PLAN, _LIMIT = "MAX_RETRIES", "RETRY_DELAY_SECONDS", "RETRY_PLAN", "RATE_LIMIT_PER_USER"


def channel_kinds() -> dict[str, str]:
    """The kind of every channel by its name, as the registry has them."""
    return {channel.name: channel.kind for channel in CHANNELS}


def retry_plans(read: Reader, kinds: Mapping[str, str]) -> dict[str, tuple[float, ...]]:
    """The waits before each retry, in seconds, by channel.

    The wait before retry n is the delay times 2^(n-1), up to the cap; a delay above the cap raises the cap to itself.
    A plan that is spelled out replaces all of it.
    """
    retries = read.whole(_RETRIES, 3, 0, MOST_RETRIES)
    delay = read.number(_DELAY, 60, most=LONGEST_DELAY)
    cap = read.number("RETRY_BACKOFF_MAX_SECONDS", 600, most=LONGEST_WAIT)
    plans = {}
    for channel in kinds:
        prefix = channel.upper()
        own_retries = read.whole(f"{prefix}_{_RETRIES}", retries, 0, MOST_RETRIES)
        own_delay = read.number(f"{prefix}_{_DELAY}", delay, most=LONGEST_DELAY)
        plans[channel] = read.parsed(
            f"{prefix}_{_PLAN}",
            _doubling(own_retries, own_delay, cap),
            _plan,
            f"must be 1 to {MOST_RETRIES} waits like 5s,1m,30m,2h, each at most 7d",
        )
    return plans


def rate_limits(read: Reader, kinds: Mapping[str, str], default: int) -> dict[str, int]:
    """Messages per user and window, by channel; in-app items are never limited."""
    limits = {}
    for channel, kind in kinds.items():
        name = f"{_LIMIT}_{channel.upper()}"
        limits[channel] = 0 if kind == "inbox" else read.whole(name, default, 0, 1_000_000)
        if kind == "inbox" and name in read:
            read.fault(name, "must not be set, in-app items are never limited")
    return limits


def unknown_channels(read: Reader, kinds: Mapping[str, str]) -> None:
    """Note every per-channel variable whose channel does not exist.

    `…_MAX_RETRIES` is a common name: other programs' variables may lie in the same environment, so there only a
    likely misspelling of a channel counts.
    """
    known = [channel.upper() for channel in kinds]
    allowed = f"names an unknown channel, must be one of {', '.join(known)}"
    for name in read.names():
        if name.startswith(f"{_LIMIT}_"):
            channel = name.removeprefix(f"{_LIMIT}_")
        else:
            ending = next((end for end in (_RETRIES, _DELAY, _PLAN) if name.endswith(f"_{end}")), None)
            if ending is None:
                continue
            channel = name.removesuffix(f"_{ending}")
            if ending == _RETRIES and not get_close_matches(channel, known):
                continue
        if channel not in known:
            read.fault(name, allowed)


def _doubling(retries: int, delay: float, cap: float) -> tuple[float, ...]:
    most = max(cap, delay)
    return tuple(min(delay * 2.0**n, most) for n in range(retries))


def _plan(value: str) -> tuple[float, ...]:
    waits = durations(value)
    if len(waits) > MOST_RETRIES or max(waits) > LONGEST_WAIT:
        raise ValueError
    return waits
