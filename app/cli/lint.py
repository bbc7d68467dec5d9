"""`lint-templates`: every text of every type, on every channel, in every language, and what is wrong with any."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from app.cli.progress import progress
from app.config import Settings
from app.configured import previews_alone, renderer_of
from app.domain.events import KINDS
from app.domain.preferences import lock_of
from app.rendering import own_samples
from app.rendering.lint import gate
from app.rendering.lint.catalogue import Sentences
from app.rendering.lint.gate import Subject, Verdict, Wanted
from channels.registry import CHANNELS

ROOT = Path(__file__).parents[2]


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Look at all that is wanted, print what is wrong, and answer 1 if anything is; 2 for names that are not known."""
    subject = subject_of(settings, ROOT)
    wanted = Wanted(arguments.type, arguments.channel, arguments.language)
    if unknown := list(_unknown(subject, wanted)):
        print("\n".join(unknown), file=sys.stderr)
        return 2
    with progress("rendering", len(gate.cells(subject, wanted))) as told:
        verdict = gate.run(subject, wanted, told)
    if arguments.json:
        print(json.dumps([asdict(fault) for fault in verdict.faults], ensure_ascii=False, indent=2))
    else:
        _show(verdict)
    return 1 if verdict.faults else 0


def subject_of(settings: Settings, root: Path) -> Subject:
    """What the gate looks at, with the templates and the translations under a root."""
    types = settings.event_types
    of_events = {name: [kind for kind in KINDS if lock_of(known, kind) != "off"] for name, known in types.items()}
    return Subject(
        renderer=renderer_of(settings, root),
        templates=root / "templates",
        translations=root / "translations",
        sentences=Sentences.of(root, root / "translations" / "babel.cfg"),
        types=types,
        kinds={**of_events, **own_samples.KINDS},
        channels={channel.name: channel.kind for channel in CHANNELS},
        document=previews_alone(settings).document,
    )


def _unknown(subject: Subject, wanted: Wanted) -> list[str]:
    pairs = (
        ("--type", wanted.types, [*subject.kinds]),
        ("--channel", wanted.channels, [*subject.channels]),
        ("--language", wanted.locales, [*subject.renderer.locales]),
    )
    return [
        f"{option}: there is no {name}; allowed: {', '.join(allowed)}"
        for option, given, allowed in pairs
        for name in given
        if name not in allowed
    ]


def _show(verdict: Verdict) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for fault in verdict.faults:
        console.print(
            f"[bold red]✕[/] [bold]{_plain(fault.cell)}[/]  {_plain(fault.file)}: {_plain(fault.message)}"
            f" [dim]({fault.kind}) {_plain(fault.advice)}[/]"
        )
    told = f"{verdict.texts:,} texts in {verdict.cells:,} cells"
    if verdict.faults:
        console.print(f"[bold red]{len(verdict.faults)} faults[/] in {told}")
    else:
        console.print(f"[bold green]✓[/] {told}: nothing is wrong")


def _plain(words: object) -> str:
    """As it is, whatever of it would be markup to the console."""
    return str(words).replace("[", r"\[")
