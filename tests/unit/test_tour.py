"""What a tour makes of the service's word and of what the receivers have."""

import io
from typing import Any

import pytest
from rich.console import Console

from app.cli.tour_table import Cell, Tour, judge, show

ID = "ntf_019ad1f0-0000-7000-8000-00001a2b3c4d"
OTHER = "ntf_019ad1f0-0000-7000-8000-0000ffffffff"


def row(channel: str, type_: str = "job.failed", **fields: Any) -> dict[str, Any]:
    given = {"id": ID, "type": type_, "channel": channel, "status": "delivered", "reason": None, "because": "So it is."}
    return given | fields


def judged(given: dict[str, Any] | None, *ledger: dict[str, Any], inbox: set[str] = frozenset(), **more: Any) -> Cell:
    rows = [given] if given else []
    channel, type_ = (given["channel"], given["type"]) if given else ("email", "job.failed")
    wanted = {type_: {channel: more.get("wanted", True)}}
    return judge(Tour(wanted, [*rows, *more.get("others", [])], inbox, ledger))[type_, channel]


@pytest.mark.parametrize(
    ("channel", "entry"),
    [
        ("email", {"key": ID}),
        ("webhook", {"key": ID, "status": 200, "body": "{}"}),
        ("slack", {"key": "1a2b3c4d", "status": 200, "body": "{}"}),
        ("pagerduty", {"key": "im2-job-1", "did": "opened", "status": 202, "body": f'{{"notification_id": "{ID}"}}'}),
    ],
)
def test_what_both_say_has_arrived(channel: str, entry: dict[str, Any]):
    assert judged(row(channel), {"channel": channel, **entry}).arrived


def test_an_item_in_the_inbox_has_arrived():
    assert judged(row("inapp"), inbox={ID}).arrived


def test_the_end_of_an_alert_is_told_by_the_alert():
    opened = {"channel": "opsgenie", "key": "im2-job-1", "did": "opened", "status": 202, "body": OTHER}
    closed = {"channel": "opsgenie", "key": "im2-job-1", "did": "closed", "status": 202, "body": ""}
    others = [row("opsgenie", id=OTHER)]
    assert judged(row("opsgenie", "job.completed"), opened, closed, others=others).arrived
    assert not judged(row("opsgenie", "job.completed"), opened, others=others).arrived
    assert not judged(row("opsgenie", "job.completed"), {**opened, "body": "x"}, closed, others=others).arrived


@pytest.mark.parametrize(
    "entry",
    [
        {"channel": "slack", "key": "1a2b3c4d", "status": 429},
        {"channel": "slack", "key": "", "status": 200},
        {"channel": "slack", "key": "2b3c4d5e", "status": 200},
        {"channel": "discord", "key": "1a2b3c4d", "status": 200},
    ],
)
def test_what_the_receiver_does_not_have_has_not_arrived_whatever_the_service_says(entry: dict[str, Any]):
    cell = judged(row("slack"), entry)
    assert (cell.arrived, cell.said) == (False, "not there")
    assert cell.because == "So it is. But the receiver does not have it."


def test_what_is_missing_says_why():
    assert judged(row("email", status="held", reason="paused")) == Cell(False, True, "paused", "So it is.")
    assert judged(row("email", status="retrying")).said == "retrying"
    assert judged(None) == Cell(False, True, "nothing", "No notification was made.")
    assert judged(None, wanted=False) == Cell(False, False, "–")


@pytest.mark.parametrize(
    ("cell", "shown", "fine"),
    [
        (Cell(True, True), "✓", True),
        (Cell(False, True, "paused", "Held."), "✗ paused", False),
        (Cell(False, True, "[red]", "[bold]x"), "✗ [red]", False),
    ],
)
def test_the_table_says_it_and_whether_all_is_there(cell: Cell, shown: str, fine: bool):
    out = io.StringIO()
    cells = {("job.failed", "email"): cell, ("job.failed", "opsgenie"): Cell(False, False, "–")}
    assert show(Console(file=out, width=200), cells) is fine
    said = out.getvalue()
    assert shown in said
    assert (f"job.failed on email: {cell.because}" in said) is bool(cell.because)
    assert f"{int(fine)} of 1 have arrived" in said


def test_a_tour_on_which_nothing_was_wanted_is_not_fine():
    assert not show(Console(file=io.StringIO()), {("job.progress", "opsgenie"): Cell(False, False, "–")})
