"""How far a long command has come, for whoever watches a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import Progress


class Told(Protocol):
    """Is told how many are done, and of how many if that was not known before."""

    def __call__(self, done: int, total: int | None = None, /) -> None:
        """Show it."""


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Told]:
    """A bar on standard error if that is a terminal, else nothing."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, of=None: bar.update(task, completed=done, total=of)
