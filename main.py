"""The command line. Without arguments it runs everything: broker, API, workers, relay and Flower."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app import __version__

if TYPE_CHECKING:
    from app.config import Settings
    from tasks.publisher import Publisher

BAD_SETTINGS = 2
_OWN_WORDS = frozenset({"bench", "drill"})
"""Commands that read the rest of the line themselves."""
INTERRUPTED = 130
Command = Callable[["Settings", argparse.Namespace], int | None]


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit code: 2 for settings that can't be used, 1 for what failed."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(words)
    if rest and arguments.command not in _OWN_WORDS:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.words = rest
    if arguments.command == "api":
        # Before anything else is imported, or locks and sockets that already exist would block every greenlet.
        from gevent import monkey

        monkey.patch_all()

    from app.config import Settings, SettingsError
    from app.runtime.faults import CannotStart

    try:
        return int(arguments.run(Settings.load(), arguments) or 0)
    except SettingsError as error:
        print("\n".join(error.faults), file=sys.stderr)
        return BAD_SETTINGS
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough. What is left of it must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _everything(settings: "Settings", _arguments: argparse.Namespace) -> int:
    from app.runtime.product import run

    return run(settings, Path(__file__).resolve())


def _api(settings: "Settings", _arguments: argparse.Namespace) -> None:
    from app.cli.api import run

    def publisher(settings: "Settings") -> "Publisher":
        from tasks.publisher import Publisher

        return Publisher(settings)

    run(settings, publisher)


def _worker(settings: "Settings", arguments: argparse.Namespace) -> None:
    from tasks.worker import run

    run(settings, arguments.group)


def _relay(settings: "Settings", _arguments: argparse.Namespace) -> None:
    from tasks.relay_process import run

    run(settings)


def _flower(settings: "Settings", _arguments: argparse.Namespace) -> None:
    from tasks.monitor import run

    run(settings)


def _migrate(settings: "Settings", _arguments: argparse.Namespace) -> None:
    from app.cli.database import migrate

    migrate(settings)


def _prepare(settings: "Settings", _arguments: argparse.Namespace) -> None:
    from app.cli.database import prepare

    prepare(settings)


def _keys(settings: "Settings", arguments: argparse.Namespace) -> int:
    from app.cli import keys

    return keys.run(settings, arguments)


def _rotate_secret(settings: "Settings", arguments: argparse.Namespace) -> int:
    from app.cli import secret_rotation

    return secret_rotation.run(settings, arguments.new_key_file, prepare=arguments.prepare)


def _audit(settings: "Settings", arguments: argparse.Namespace) -> int:
    from app.cli import audit

    return audit.run(settings, arguments)


def _purge(settings: "Settings", arguments: argparse.Namespace) -> int:
    from app.cli import purge

    return purge.run(settings, dry_run=arguments.dry_run)


def _preferences(settings: "Settings", arguments: argparse.Namespace) -> int:
    from app.cli import preferences

    return preferences.run(settings, arguments)


def _send(settings: "Settings", arguments: argparse.Namespace) -> int:
    from app.cli import send

    return send.run(settings, arguments)


def _preview(settings: "Settings", arguments: argparse.Namespace) -> int:
    if arguments.pages:
        from tests.browser.pictures import write

        return write(arguments.pages)
    from app.cli import preview

    return preview.run(settings, arguments)


def _lint(settings: "Settings", arguments: argparse.Namespace) -> int:
    from app.cli import lint

    return lint.run(settings, arguments)


def _backup(settings: "Settings", arguments: argparse.Namespace) -> int:
    from app.cli import backup

    return backup.back_up(settings, arguments.file)


def _restore(settings: "Settings", arguments: argparse.Namespace) -> int:
    from app.cli import backup

    return backup.restore(settings, arguments.file, yes=arguments.yes, hold=arguments.hold)


def _sinks(_settings: "Settings", arguments: argparse.Namespace) -> None:
    from tests.fakes.sinks import run

    run(arguments.host, arguments.http_port, arguments.smtp_port, sys.stdout, secrets=arguments.secret)


def _tour(settings: "Settings", arguments: argparse.Namespace) -> int:
    from app.cli import tour

    return tour.run(settings, arguments)


def _bench(_settings: "Settings", arguments: argparse.Namespace) -> int:
    from tests.benchmarks.bench import main as bench

    return int(bench(arguments.words) or 0)


def _drill(_settings: "Settings", arguments: argparse.Namespace) -> int:
    from tests.drills.run import main as drill

    return drill(arguments.words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="main.py",
        description="IM2 notifications. Without a command, everything runs: broker, API, workers, relay, Flower.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.set_defaults(run=_everything)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, description=text, help=text, add_help=name not in _OWN_WORDS)
        made.set_defaults(run=run)
        return made

    command("api", _api, "the HTTP API alone")
    worker = command("worker", _worker, "a worker alone, for all lanes or those of one group")
    worker.add_argument("group", nargs="?", choices=("urgent", "local", "outbound"))
    command("relay", _relay, "the relay alone")
    command("flower", _flower, "Flower alone")
    command("migrate", _migrate, "bring the database to the schema of this version")
    # For our own use, and therefore not listed.
    commands.add_parser("prepare").set_defaults(run=_prepare)
    keys = command("keys", _keys, "make, list and revoke API keys; change SECRET_KEY").add_subparsers(
        dest="action", required=True
    )
    create = keys.add_parser("create", help="make a key and print it, this one time")
    create.add_argument("name")
    create.add_argument("--scope", action="append", required=True, dest="scopes", metavar="SCOPE")
    keys.add_parser("list", help="show the keys, without their secrets")
    keys.add_parser("revoke", help="end a key").add_argument("id")
    rotate = keys.add_parser("rotate-secret", help="change SECRET_KEY, and re-encrypt what it protects")
    rotate.add_argument(
        "--new-key-file", type=Path, metavar="FILE", help="the new key, or where a new one is put; by default DATA_DIR"
    )
    rotate.add_argument(
        "--prepare", action="store_true", help="re-encrypt nothing yet: first restart all parts with the new key"
    )
    rotate.set_defaults(run=_rotate_secret)
    _audit_words(command("audit", _audit, "check the audit log, or write it out"))
    _purge_words(command("purge", _purge, "delete what is older than RETENTION_DAYS now; the relay does it by and by"))
    backup = command("backup", _backup, "write the whole database into one file, while the service runs (SQLite)")
    backup.add_argument("file", type=Path, metavar="FILE")
    back = command("restore", _restore, "put such a file in the place of the database, also while the service runs")
    back.add_argument("file", type=Path, metavar="FILE")
    back.add_argument("--yes", action="store_true", help="do not ask")
    back.add_argument("--hold", action="store_true", help="pause all channels, so that nothing goes out before a look")
    _preferences_words(command("preferences", _preferences, "write everybody's preferences to a file, or read them"))
    send = command("send", _send, "submit one event to the running API")
    send.add_argument("type", help="such as job.failed")
    send.add_argument("--to", action="append", default=[], metavar="USER", help="may be repeated")
    send.add_argument("--data", default="{}", metavar="JSON")
    _preview_words(command("preview", _preview, "what a channel would be sent; --gallery shows all of it as pages"))
    lint = command("lint-templates", _lint, "look for faults in every text: all types, channels and languages")
    for option, text in (("type", "such as job.failed"), ("channel", "such as email"), ("language", "such as de")):
        lint.add_argument(f"--{option}", action="append", default=[], metavar=option.upper(), help=f"only this, {text}")
    lint.add_argument("--json", action="store_true", help="the faults as JSON")
    _sinks_words(command("sinks", _sinks, "a local mail box and fake receivers, for trying things out"))
    tour = command("tour", _tour, "one event of each type on every channel, to the sinks, and what arrived there")
    tour.add_argument("--sinks", default="http://127.0.0.1:8025", metavar="URL")
    tour.add_argument("--seconds", type=float, default=90, help="how long to wait for the last of it")
    command("bench", _bench, "measure how fast it is here")
    command("drill", _drill, "break it on purpose, in a copy of its own, and judge what is left")
    return parser


def _audit_words(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("verify", help="recompute the chain of hashes, and name the first entry that is not as it was")
    export = actions.add_parser("export", help="write the entries out, the oldest first")
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")
    export.add_argument("--since", metavar="TIME", help="at this time or later, such as 2026-01-31T08:00:00Z")
    export.add_argument("--until", metavar="TIME", help="before this time")
    export.add_argument("--actor", help="such as key:admin")
    export.add_argument("--action", dest="of", help="such as key.created")
    export.add_argument("--object", help="such as an id")
    export.add_argument("--output", metavar="FILE", help="by default the standard output")


def _sinks_words(sinks: argparse.ArgumentParser) -> None:
    sinks.add_argument("--host", default="127.0.0.1")
    sinks.add_argument("--http-port", type=int, default=8025, help="for webhooks, chat and alerts")
    sinks.add_argument("--smtp-port", type=int, default=1025, help="for mail")
    sinks.add_argument("--secret", action="append", default=[], metavar="WHSEC", help="check signatures with it")


def _purge_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say how much that is")


def _preferences_words(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    export = actions.add_parser("export", help="write a line of JSON for each, into a file that only its owner reads")
    export.add_argument("file", metavar="FILE")
    export.add_argument("--with-secrets", action="store_true", help="in clear, as a move to another database needs")
    back = actions.add_parser("import", help="put each line in the place of what there is about its user")
    back.add_argument("file", metavar="FILE")
    back.add_argument("--dry-run", action="store_true", help="only say what would become of each line")
    back.add_argument("--skip-bad", action="store_true", help="import the rest even if a line is bad")


def _preview_words(preview: argparse.ArgumentParser) -> None:
    preview.add_argument("type", nargs="?", help="such as job.failed")
    preview.add_argument("channel", nargs="?", help="such as email")
    preview.add_argument("locale", nargs="?", help="such as de")
    preview.add_argument("--data", metavar="JSON", help="by default the sample of the type")
    preview.add_argument("--timezone", metavar="ZONE", help="by default DEFAULT_TIMEZONE")
    preview.add_argument("--resolved", action="store_true", help="as if the trouble were over")
    preview.add_argument("--show", choices=("text", "html", "json"), default="text")
    preview.add_argument("--gallery", type=Path, metavar="DIR", help="write pages, and pictures if a Chromium is there")
    preview.add_argument("--pages", type=Path, metavar="DIR", help="pictures of all pages; needs requirements-dev.txt")
    preview.add_argument("--language", action="append", default=[], metavar="LOCALE", help="in the gallery: only this")


if __name__ == "__main__":
    sys.exit(main())
