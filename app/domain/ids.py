"""Identifiers: UUIDv7 as text with a prefix that says what it names (RFC 9562, section 5.7)."""

import os
import re
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

Prefix = Literal["evt", "ntf", "itm", "key", "cny"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
USER_ID_FORM = r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}"
_UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_FORM = re.compile(rf"(?:evt|ntf|itm|key)_{_UUID7}")
_USER_ID = re.compile(USER_ID_FORM)
ERASED_USER = "_erased"
"""Whose notifications those of erased people are; nobody can have such an id."""


def new_id(prefix: Prefix, now: datetime) -> str:
    """A new identifier; those made a microsecond later sort later."""
    return _at(prefix, now, int.from_bytes(os.urandom(8)) & (2**62 - 1))


def first_id(prefix: Prefix, moment: datetime) -> str:
    """What no identifier that was made at that moment or later sorts before, and every one made earlier does."""
    return _at(prefix, moment, 0)


def _at(prefix: Prefix, moment: datetime, tail: int) -> str:
    milliseconds, rest = divmod((moment - _EPOCH) // _MICROSECOND, 1000)
    fraction = rest * 4096 // 1000
    return f"{prefix}_{UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | tail)}"


def is_id(prefix: Prefix, text: str) -> bool:
    """Whether the text is an identifier of this kind."""
    return text.startswith(f"{prefix}_") and _FORM.fullmatch(text) is not None


def id_form(prefix: Prefix) -> str:
    """What identifiers of this kind look like, as a regular expression without anchors."""
    return f"{prefix}_{_UUID7}"


def is_user_id(text: str) -> bool:
    """Whether a recipient may have this id."""
    return _USER_ID.fullmatch(text) is not None
