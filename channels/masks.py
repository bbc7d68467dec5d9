"""How a secret is shown, that it is set and its last characters, and kept when it comes back that way."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard
from urllib.parse import parse_qsl, urlsplit

_SHORTEST_SECRET = 6
_VISIBLE = re.compile(r"[!-~]+")


def masked(value: str) -> dict[str, Any]:
    """A secret as it is shown; short ones are not given away by their last characters."""
    return {"set": True, "last4": value[-4:] if len(value) >= 12 else ""}


def with_end(word: str, secret: str) -> str:
    """A word, and behind it as much of a secret as is shown."""
    end = masked(secret)["last4"]
    return f"{word} …{end}" if end else word


def is_masked(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a secret was sent back as it was shown."""
    return isinstance(value, Mapping) and value.get("set") is True


def kept(mask: Mapping[str, Any], before: str | None) -> str:
    """The secret that there is, when it comes back as it was shown. Raises ValueError when it is not that one."""
    if before is None:
        raise ValueError("There is none yet that could be kept.")
    end = masked(before)["last4"]
    if mask.get("last4", end) != end:
        raise ValueError("Is not the one that is set, which ends otherwise; send it whole.")
    return before


def masks_in(shown: object, *path: str) -> dict[tuple[str, ...], object]:
    """The secrets that are masked in a contact as it is shown: where they are, and how they end."""
    if not isinstance(shown, Mapping):
        return {}
    if is_masked(shown):
        return {path: shown.get("last4")}
    return {where: end for name, part in shown.items() for where, end in masks_in(part, *path, str(name)).items()}


def unmasked(shown: object, secret: Any) -> object:
    """A contact as it is shown, with its secrets in the place of their masks."""
    if not isinstance(shown, Mapping):
        return shown
    if is_masked(shown):
        return secret
    inner = secret if isinstance(secret, Mapping) else {}
    return {name: unmasked(part, inner.get(name)) for name, part in shown.items()}


def read_key(given: object, before: str | None, *, most: int) -> str:
    """A key of a receiver: the given one, or the one there is when it comes back as it was shown. Raises ValueError."""
    if is_masked(given):
        return kept(given, before)
    if not isinstance(given, str) or not given:
        raise ValueError("Required.")
    if len(given) > most or not _VISIBLE.fullmatch(given):
        raise ValueError(f"Must be at most {most} visible ASCII characters.")
    return given


def secrets_in(url: str) -> Iterable[str]:
    """A URL that opens something, and what an answer may repeat of it."""
    parts = urlsplit(url)
    pieces = (parts.path, parts.query, *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query)))
    return (url, *(piece for piece in pieces if len(piece) >= _SHORTEST_SECRET))
