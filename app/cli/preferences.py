"""`preferences`: everybody's preferences written to a file, and read from one, with the service running or not."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from rich import box
from rich.console import Console
from rich.table import Table

from app import secret_files
from app.api.answers import dumps
from app.api.strict_json import BODY_BYTES
from app.bootstrap import build_services
from app.cli.database import check_secret_key, ready
from app.cli.progress import progress
from app.config import Settings
from app.domain import json_text
from app.domain.json_text import NotJson
from app.observability.text import escape
from app.services.announcing import Announcement, PublishFailed
from app.services.intake import Invalid
from app.services.preference_files import PreferenceFiles, user_of
from app.services.preferences import Restored

ACTOR = "cli"
_TOLD_EVERY = 100
_OUTCOMES = ("created", "changed", "unchanged")
_NO_REDIS = "redis://127.0.0.1:1/0"
_TOO_LONG = {"_schema": [f"Must not have more than {BODY_BYTES} bytes."]}
_LEFT_OUT = "left out, as its secret is neither in the file nor here"


class _Silence:
    """Announces nothing: what is found in the database, the relay announces."""

    def publish(self, _announcement: Announcement) -> NoReturn:
        """Raise PublishFailed."""
        raise PublishFailed("a command announces nothing")

    def waiting(self, _lane: str) -> None:
        """Nobody knows."""

    def send_canary(self, _lane: str, _canary_id: str) -> NoReturn:
        """Raise PublishFailed."""
        raise PublishFailed("a command proves no lane")


@dataclass(slots=True)
class _Report:
    """What became of the lines of a file; each complaint is told once, however often the file is read."""

    outcomes: Counter[str] = field(default_factory=Counter)
    bad: int = 0
    left_out: int = 0
    told: set[str] = field(default_factory=set)

    @property
    def is_clean(self) -> bool:
        """Whether all that is in the file could be taken."""
        return not self.bad and not self.left_out

    def again(self) -> "_Report":
        """An empty one, for reading the file once more."""
        return _Report(told=self.told)

    def restored(self, place: str, done: Restored) -> None:
        """Note an entry that was taken."""
        self.outcomes[done.outcome] += 1
        self.left_out += len(done.left_out)
        self._tell(f"{place}: contacts.{name}: {_LEFT_OUT}" for name in done.left_out)

    def refused(self, place: str, faults: Iterable[str]) -> None:
        """Note a line that cannot be taken, and why."""
        self.bad += 1
        self._tell(f"{place}: {fault}" for fault in faults)

    def _tell(self, lines: Iterable[str]) -> None:
        for line in lines:
            if line not in self.told:
                self.told.add(line)
                print(escape(line), file=sys.stderr)


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run one of the actions and answer the exit code: 1 if something was not written, or not taken."""
    with ready(settings) as database:
        check_secret_key(settings, database)
    # Nobody is asked or told anything here, so it works before the first start and without a broker, too.
    reachable = replace(settings, redis_url=settings.redis_url or _NO_REDIS)
    with closing(build_services(reachable, _Silence(), component="cli")) as services:
        files, path = services.preference_files, Path(arguments.file)
        try:
            if arguments.action == "export":
                return _export(files, path, with_secrets=arguments.with_secrets)
            return _import(files, path, dry_run=arguments.dry_run, skip_bad=arguments.skip_bad)
        except OSError as error:
            print(f"{path}: {error.strerror}", file=sys.stderr)
            return 1


def _export(files: PreferenceFiles, path: Path, *, with_secrets: bool) -> int:
    if with_secrets:
        print(
            f"WARNING: {path} will hold the secrets of all contacts in clear: keys, tokens, signing secrets."
            " Whoever reads it can send in everybody's name. Delete it as soon as it was imported.",
            file=sys.stderr,
        )
    number = 0
    with secret_files.writing(path) as file, progress("writing", files.count()) as seen:
        files.begin(actor=ACTOR, with_secrets=with_secrets)
        for number, entry in enumerate(files.entries(with_secrets=with_secrets), 1):
            file.write(dumps(entry) + "\n")
            if number % _TOLD_EVERY == 0:
                seen(number)
    print(f"written to {path}: {number}, {'with' if with_secrets else 'without'} secrets")
    return 0


def _import(files: PreferenceFiles, path: Path, *, dry_run: bool, skip_bad: bool) -> int:
    report = _read(files, path, "checking", _Report(), dry_run=True)
    is_refused = bool(report.bad) and not skip_bad
    if not (dry_run or is_refused):
        report = _read(files, path, "importing", report.again(), dry_run=False)
    _show(report, "would be" if dry_run or is_refused else "")
    if is_refused and not dry_run:
        print("nothing was imported: put the bad lines right, or leave them out with --skip-bad", file=sys.stderr)
    return 0 if report.is_clean else 1


def _read(files: PreferenceFiles, path: Path, what: str, report: _Report, *, dry_run: bool) -> _Report:
    """Take every line of the file, or only see what would become of it."""
    first_lines: dict[str, int] = {}
    with path.open("rb") as file, progress(what, path.stat().st_size) as seen:
        for number, line in _lines(file, seen):
            place = f"line {number}"
            try:
                entry, errors = json_text.read_object(line) if len(line) <= BODY_BYTES else ({}, _TOO_LONG)
            except NotJson as error:
                report.refused(place, [str(error)])
                continue
            user_id = user_of(entry)
            if user_id is not None:
                place = f"{place}: {user_id}"
                first = first_lines.setdefault(user_id, number)
                if first != number:
                    errors = {"user_id": [f"Is the one of line {first}, too."]}
            if errors:
                report.refused(place, _told(errors))
                continue
            try:
                report.restored(place, files.restore(entry, actor=ACTOR, dry_run=dry_run))
            except Invalid as error:
                report.refused(place, _told(error.errors["json"]))
    return report


def _lines(file: BinaryIO, seen: Callable[[int], None]) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, with their numbers."""
    done = 0
    for number, line in enumerate(file, 1):
        if text := line.strip():
            yield number, text
        done += len(line)
        if number % _TOLD_EVERY == 0:
            seen(done)


def _told(errors: Mapping[str, Any], *path: str) -> Iterator[str]:
    """What is wrong, a line for each field."""
    for name, found in errors.items():
        where = path if name == "_schema" else (*path, str(name))
        if isinstance(found, Mapping):
            yield from _told(found, *where)
        else:
            yield f"{'.'.join(where)}: {' '.join(found)}".removeprefix(": ")


def _show(report: _Report, prefix: str) -> None:
    table = Table(box=box.SIMPLE, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for outcome in _OUTCOMES:
        table.add_row(f"{prefix} {outcome}".strip(), str(report.outcomes[outcome]))
    table.add_row("bad lines", str(report.bad))
    table.add_row("contacts left out", str(report.left_out))
    Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 80).print(table)
