"""`keys`: make, list and revoke API keys."""

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from app.api.answers import rfc3339
from app.api.schemas import KeyRequest
from app.cli.database import identity, ready
from app.config import Settings
from app.domain import shapes
from app.domain.ids import is_id
from app.observability.text import escape
from app.services.identity import Identity

ACTOR = "cli"
_REQUEST = KeyRequest()


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run one of the actions and answer the exit code."""
    with ready(settings) as database:
        keys = identity(settings, database)
        if arguments.action == "create":
            return _create(keys, arguments.name, arguments.scopes)
        if arguments.action == "revoke":
            return _revoke(keys, arguments.id)
        return _list(keys)


def _create(keys: Identity, name: str, scopes: list[str]) -> int:
    faults = {"name": unfit} if (unfit := shapes.faults(name)) else _REQUEST.validate({"name": name, "scopes": scopes})
    if faults:
        print("\n".join(_told(faults)), file=sys.stderr)
        return 2
    made = keys.create_key(name, tuple(dict.fromkeys(scopes)), actor=ACTOR)
    print(made.key)
    return 0


def _revoke(keys: Identity, key_id: str) -> int:
    if is_id("key", key_id) and keys.revoke_key(key_id, actor=ACTOR):
        print(f"revoked {key_id}")
        return 0
    print(f"there is no key {key_id} in use", file=sys.stderr)
    return 1


def _list(keys: Identity) -> int:
    for key in keys.keys():  # noqa: SIM118 - a method of ours, not of a dict
        revoked = f"revoked {_second(key.revoked_at)}" if key.revoked_at else "in use"
        print(f"{key.id}  created {_second(key.created_at)}  {revoked:<28}  {','.join(key.scopes)}  {escape(key.name)}")
    return 0


def _second(moment: datetime) -> str:
    return rfc3339(moment.replace(microsecond=0))


def _told(faults: dict[str, Any]) -> Iterator[str]:
    """A line for each field that is wrong."""
    for field, found in faults.items():
        texts = [text for texts in found.values() for text in texts] if isinstance(found, dict) else found
        yield f"{field}: {' '.join(dict.fromkeys(texts))}"
