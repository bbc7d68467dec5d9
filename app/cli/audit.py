"""`audit`: check the log's chain of hashes, and write the log to a file."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from app.api.answers import dumps
from app.api.exports import csv_lines
from app.cli.database import ready
from app.cli.progress import progress
from app.config import Settings
from app.services.audit_log import AuditLog
from app.services.event_schema import Moment
from app.store.audit import AuditFilters

COLUMNS = ("id", "at", "actor", "action", "object", "detail")
_TOLD_EVERY = 1000


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run one of the actions and answer the exit code: 1 if the chain is broken or nothing could be written."""
    if arguments.action == "verify":
        with ready(settings) as database:
            return _verify(AuditLog(database))
    try:
        since, until = _moment("--since", arguments.since), _moment("--until", arguments.until)
    except ValueError as fault:
        print(fault, file=sys.stderr)
        return 2
    wanted = AuditFilters(since, until, arguments.actor, arguments.of, arguments.object)
    with ready(settings) as database:
        try:
            return _export(AuditLog(database), wanted, arguments.format, arguments.output)
        except BrokenPipeError:
            raise
        except OSError as error:
            print(f"--output: {error.filename or arguments.output}: {error.strerror}", file=sys.stderr)
            return 1


def _moment(option: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else Moment().deserialize(text)
    except ValidationError as fault:
        raise ValueError(f"{option}: {' '.join(map(str, fault.messages))}") from None


def _verify(log: AuditLog) -> int:
    with progress("checking", log.count(AuditFilters())) as seen:
        verdict = log.verify(seen)
    if verdict.first_bad is not None:
        print(f"entry {verdict.first_bad} is not what was sealed; {verdict.sealed - 1} before it are", file=sys.stderr)
        return 1
    purged = f"; {verdict.purged} before them were purged" if verdict.purged else ""
    print(
        f"{verdict.sealed} entries are as they were sealed; {verdict.unsealed} newer ones wait for their seal{purged}"
    )
    return 0


def _export(log: AuditLog, wanted: AuditFilters, form: str, output: str | None) -> int:
    with progress("writing", log.count(wanted)) as seen:
        rows = _told(log.everything(wanted), seen)
        lines = csv_lines(rows, COLUMNS) if form == "csv" else (dumps(row) + "\n" for row in rows)
        if output is None:
            sys.stdout.writelines(lines)
            sys.stdout.flush()
            return 0
        # Under its name only once it is complete.
        part = Path(f"{output}.part")
        try:
            with part.open("w", encoding="utf-8", newline="") as file:
                file.writelines(lines)
            part.replace(output)
        finally:
            part.unlink(missing_ok=True)
    return 0


def _told(rows: Iterator[dict[str, Any]], seen: Callable[[int], None]) -> Iterator[Mapping[str, Any]]:
    for number, row in enumerate(rows, 1):
        yield row
        if number % _TOLD_EVERY == 0:
            seen(number)
