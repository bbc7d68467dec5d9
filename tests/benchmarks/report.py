"""The benchmark's tables, for people and for machines."""

import os
import platform
import sqlite3
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.aims import Figure, Verdict
from tests.benchmarks.arithmetic import spread
from tests.benchmarks.measuring import Way
from tests.benchmarks.results import Results, Told
from tests.benchmarks.sample import Measured

_STYLES: Mapping[Verdict, str] = {"goal reached": "green", "must reached": "yellow", "MISSED": "bold red"}
_PACKAGES = ("celery", "kombu", "redis", "sqlalchemy", "gunicorn", "gevent")


def heading(way: Way, load_before: float) -> str:
    """What it ran on, and how."""
    packages = ", ".join(f"{name} {number}" for name, number in _versions().items())
    store = "PostgreSQL" if way.postgres else f"SQLite {sqlite3.sqlite_version}, synchronous=FULL"
    fused = "fused" if way.fused else "unfused"
    return (
        f"{packages}; {store}\n"
        f"{os.cpu_count()} cores, load of others before {load_before:.2f}; stage of {way.processes} workers × "
        f"{way.threads} threads, {fused}, events off; {way.rounds} rounds by turns after one to warm up\n"
        "Ratios are medians of each round's; times say something about this machine only, and do not decide the exit."
    )


def show(console: Console, results: Results) -> None:
    """Print all tables, and what was lost."""
    if rated := {name: one for name, one in results.measured.items() if one.of(Figure.RATE)}:
        console.print(_rates(results, rated))
    console.print(_figures(list(results.figures())))
    if any(one.costs for one in results.measured.values()):
        console.print(_cpu(results))
    for where, parts in results.memory.items():
        told = ", ".join(f"{name} {megabytes:.0f}" for name, megabytes in parts.items())
        console.print(f"PSS in MB, {where}: {told}")
    wrong = results.lost or results.doubled
    console.print(f"lost {results.lost}, doubled {results.doubled}", style="red" if wrong else "green")


def as_json(results: Results, way: Way, load_before: float) -> dict[str, Any]:
    """The same for machines; spreads are median, least and most."""
    return {
        "heading": heading(way, load_before),
        "versions": _versions(),
        "cores": os.cpu_count(),
        "load_before": load_before,
        "rounds": way.rounds,
        "scale": way.scale,
        "loads": {name: _load(one) for name, one in results.measured.items()},
        "figures": [_figure(told) for told in results.figures()],
        "memory": results.memory,
        "lost": results.lost,
        "doubled": results.doubled,
    }


def _versions() -> dict[str, str]:
    return {"Python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def _rates(results: Results, rated: Mapping[str, Measured]) -> Table:
    table = Table("load", title="notifications a second, and what each cost")
    for name in ("n/s", "min", "max", "÷ A", "Redis commands", "messages", "commits", "worker CPU µs"):
        table.add_column(name, justify="right")
    for name, one in rated.items():
        rate, over = spread(one.of(Figure.RATE)), results.over_yardstick(name)
        table.add_row(
            one.title,
            *(f"{value:,.0f}" for value in rate),
            f"{spread(over).median:.2f}" if over else "",
            *_counted(one),
        )
    return table


def _counted(one: Measured) -> Iterator[str]:
    if not one.costs:
        return
    yield f"{spread([cost.commands for cost in one.costs]).median:.1f}"
    yield f"{spread([cost.messages for cost in one.costs]).median:.2f}"
    yield f"{spread([cost.commits for cost in one.costs]).median:.2f}"
    workers = [sum(value for part, value in cost.cpu.items() if _works(part)) for cost in one.costs]
    yield f"{spread(workers).median:,.0f}"


def _works(part: str) -> bool:
    return part.startswith("worker") or part == "yardstick"


def _figures(figures: list[Told]) -> Table:
    table = Table("figure", title="what has to be reached")
    for name in ("measured", "min", "max", "must", "goal"):
        table.add_column(name, justify="right")
    table.add_column("")
    for told in figures:
        sign = "" if told.aim is None else "≤ " if told.aim.at_most else "≥ "
        aims = ("", "") if told.aim is None else (f"{sign}{told.aim.must:g}", f"{sign}{told.aim.goal:g}")
        verdict = told.verdict or ""
        table.add_row(
            told.figure.value,
            *(_number(value) for value in told.spread),
            *aims,
            verdict,
            style=_STYLES[told.verdict] if told.verdict else None,
        )
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _cpu(results: Results) -> Table:
    costly = [one for one in results.measured.values() if one.costs]
    parts = list(dict.fromkeys(part for one in costly for cost in one.costs for part in cost.cpu))
    table = Table("load", title="CPU µs for each notification, by process")
    for part in parts:
        table.add_column(part, justify="right")
    for one in costly:
        cells = ([cost.cpu[part] for cost in one.costs if part in cost.cpu] for part in parts)
        table.add_row(one.title, *(f"{spread(values).median:,.0f}" if values else "" for values in cells))
    return table


def _load(one: Measured) -> dict[str, Any]:
    return {
        "title": one.title,
        "runs": [{"count": sample.count, **_named(sample.figures)} for sample in one.samples],
        "costs": [
            {"commands": cost.commands, "messages": cost.messages, "commits": cost.commits, "cpu": dict(cost.cpu)}
            for cost in one.costs
        ],
    }


def _named(figures: Mapping[Figure, float]) -> dict[str, float]:
    return {figure.name.lower(): value for figure, value in figures.items()}


def _figure(told: Told) -> dict[str, Any]:
    aim = None if told.aim is None else {"must": told.aim.must, "goal": told.aim.goal, "at_most": told.aim.at_most}
    return {
        "name": told.figure.name.lower(),
        "title": told.figure.value,
        **told.spread._asdict(),
        "aim": aim,
        "verdict": told.verdict,
    }
