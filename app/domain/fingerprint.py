"""Sameness: when two notifications say the same thing."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(value: object) -> str:
    """The one JSON text of a value: sorted keys, no spaces."""
    return _ENCODER.encode(value)


def sameness(type_: str, subject_key: str | None, data: Mapping[str, Any], dedupe_key: str | None) -> str:
    """What two events share when they are the same: their dedupe key, or else type, subject and data."""
    said = ["key", dedupe_key] if dedupe_key is not None else ["content", type_, subject_key, data]
    return hashlib.sha256(canonical(said).encode()).hexdigest()


def fingerprint(same: str, user_id: str, channel: str) -> str:
    """The sameness of an event for one recipient on one channel, as 32 hexadecimal digits."""
    return hashlib.sha256(f"{same}\n{user_id}\n{channel}".encode()).hexdigest()[:32]
