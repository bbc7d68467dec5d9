"""What came of a tour: by the word of the service, and by what the receivers have."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.domain.events import EVENT_TYPES

Cells = Mapping[str, Mapping[str, bool]]
"""By type and channel: whether the user is told of it there."""


@dataclass(frozen=True, slots=True)
class Tour:
    """What should have arrived, and what is known: the user's notifications, inbox, and all that the sinks have."""

    wanted: Cells
    rows: Sequence[Mapping[str, Any]]
    inbox: Collection[str]
    ledger: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Cell:
    """One type on one channel; `said` is a word, `because` a sentence where there is more to say."""

    arrived: bool
    wanted: bool
    said: str = ""
    because: str = ""


def judge(tour: Tour) -> Mapping[tuple[str, str], Cell]:
    """What came of each type on each channel."""
    rows = {(row["type"], row["channel"]): row for row in tour.rows}
    there = set(_there(tour))
    return {
        (type_, channel): _cell(rows.get((type_, channel)), wanted=wanted, there=there)
        for type_, cells in tour.wanted.items()
        for channel, wanted in cells.items()
    }


def show(console: Console, cells: Mapping[tuple[str, str], Cell]) -> bool:
    """Print the table and what there is to say about it; whether all that should have arrived has."""
    channels = list(dict.fromkeys(channel for _, channel in cells))
    table = Table(box=box.SIMPLE, pad_edge=False, collapse_padding=True)
    for name in ("", *channels):
        table.add_column(name, no_wrap=not name)
    for type_ in dict.fromkeys(type_ for type_, _ in cells):
        table.add_row(type_, *(_shown(cells[type_, channel]) for channel in channels))
    console.print(table)
    for (type_, channel), cell in cells.items():
        if cell.because:
            console.print(f"[dim]{type_} on {channel}:[/dim] {escape(cell.because)}")
    wanted = [cell for cell in cells.values() if cell.wanted]
    arrived = sum(cell.arrived for cell in wanted)
    all_of_it = arrived == len(wanted) > 0
    console.print(f"[bold {'green' if all_of_it else 'red'}]{arrived} of {len(wanted)} have arrived[/]")
    return all_of_it


def _there(tour: Tour) -> Iterator[str]:
    """The ids of the notifications that their receivers have."""
    taken = [entry for entry in tour.ledger if entry.get("status", 200) < 300]
    for row in tour.rows:
        id_, mine = row["id"], [entry for entry in taken if entry["channel"] == row["channel"]]
        if id_ in tour.inbox or any(_is_of(entry, id_) for entry in mine):
            yield id_
        elif EVENT_TYPES[row["type"]].resolves:
            # The end of an alert says no more than which: one that something of this tour had opened.
            opened = {entry["key"] for entry in mine if any(_is_of(entry, other["id"]) for other in tour.rows)}
            if any(entry.get("did") == "closed" and entry["key"] in opened for entry in mine):
                yield id_


def _is_of(entry: Mapping[str, Any], id_: str) -> bool:
    """Whether it tells of the notification: by the id or its end as the key, or by the id among its words."""
    return (bool(entry["key"]) and id_.endswith(entry["key"])) or id_ in entry.get("body", "")


def _cell(row: Mapping[str, Any] | None, *, wanted: bool, there: Collection[str]) -> Cell:
    if row is None:
        return Cell(False, wanted, "nothing" if wanted else "–", "No notification was made." if wanted else "")
    delivered = row["status"] == "delivered"
    if delivered and row["id"] in there:
        return Cell(True, wanted)
    if delivered:
        return Cell(False, wanted, "not there", f"{row['because']} But the receiver does not have it.")
    return Cell(False, wanted, row["reason"] or row["status"], row["because"])


def _shown(cell: Cell) -> str:
    if cell.arrived:
        return "[green]✓[/green]"
    return f"[red]✗ {escape(cell.said)}[/red]" if cell.wanted else f"[dim]{escape(cell.said)}[/dim]"
