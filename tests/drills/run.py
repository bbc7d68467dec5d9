"""`python main.py drill D4 [--scale 0.1] [--seed 7]`: break the product on purpose and judge what is left."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.drills import report
from tests.drills.drills import DRILLS
from tests.drills.older import NoOlderVersion, older
from tests.drills.stage import Drill, Options, Result, perform

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql://root@127.0.0.1/postgres")
RABBITMQ = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")


def main(words: Sequence[str]) -> int:
    """Run drills, print their table, and answer 0 if everything held and 1 if not."""
    given = _parser().parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 180)
    chosen = list(DRILLS.values()) if "all" in given.names else [DRILLS[name] for name in given.names]
    directory = Path(tempfile.mkdtemp(prefix="drill-"))
    options = Options(
        directory, given.scale, given.seed, given.postgres, given.redis, given.rabbitmq, minutes=given.minutes
    )
    if any(drill.upgrades for drill in chosen):
        try:
            options = replace(options, older=older(given.older, directory))
        except NoOlderVersion as error:
            Console(stderr=True).print(f"no older version to upgrade from: {error}", markup=False, soft_wrap=True)
            return 2
        console.print(f"from {given.older or 'the version before'}: {options.older}", markup=False, soft_wrap=True)
    console.print(report.foretold(chosen, options), markup=False)
    results = [_performed(drill, options, console, f"{at} of {len(chosen)}") for at, drill in enumerate(chosen, 1)]
    report.show(console, results)
    if all(result.passed for result in results):
        shutil.rmtree(directory, ignore_errors=True)
        return 0
    console.print(f"databases, ledgers and logs are kept in {directory}", markup=False)
    return 1


def _performed(drill: Drill, options: Options, console: Console, turn: str) -> Result:
    columns = (
        TextColumn(f"{drill.name} ({turn})"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn(f"of about {report.time_of(drill.lasts(options))}: {{task.description}}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=1.0)
        result = perform(drill, options, lambda text, part: progress.update(bar, description=text, completed=part))
    console.print(
        f"{drill.name} ({turn}) {'holds' if result.passed else 'is BROKEN'}, {result.took:.0f} s", markup=False
    )
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="main.py drill",
        description="Break the running product on purpose and judge what is left.",
        epilog="; ".join(f"{drill.name}: {drill.what}" for drill in DRILLS.values()),
    )
    parser.add_argument("names", nargs="+", choices=(*DRILLS, "all"), metavar="DRILL", help=", ".join((*DRILLS, "all")))
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the full size; 0.1 is quick")
    parser.add_argument("--minutes", type=float, default=30, help="how long the soak (D20) goes on, at any scale")
    parser.add_argument("--seed", type=int, default=1, help="for the same events and the same victims again")
    parser.add_argument(
        "--postgres", nargs="?", const=POSTGRES, metavar="URL", help="a fresh database on this server, not SQLite"
    )
    parser.add_argument("--redis", action="store_true", help="a broker of the drill's own, not the embedded one")
    parser.add_argument(
        "--rabbitmq",
        nargs="?",
        const=RABBITMQ,
        metavar="URL|own",
        help="messages by this server, whose lanes are empty; own: by one of the drill's own, which is what it breaks",
    )
    parser.add_argument(
        "--from",
        dest="older",
        metavar="COMMIT|FOLDER",
        help="the older version to upgrade from; by default the newest release or, without one, the schema before",
    )
    return parser
