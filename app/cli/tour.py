"""`tour`: one event of each type on every channel, sent to the sinks, and a table of what has arrived there."""

import argparse
import sys
import time
import uuid
from typing import Any

import requests
from rich.console import Console

from app.cli.client import TIMEOUT_SECONDS, Client
from app.cli.tour_table import Cells, Tour, judge, show
from app.config import Settings
from app.domain.events import EVENT_TYPES
from app.domain.notifications import TERMINAL
from app.runtime.faults import CannotStart

_PACE_SECONDS = 1.25  # more than one a second is too many for Slack
_LOOK_EVERY_SECONDS = 0.25
_MOST = 200
_START = "start the service as the first lines of `python main.py sinks` say"


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Send, wait, look, and answer 1 if something that should have arrived did not."""
    sinks = arguments.sinks.rstrip("/")
    _ledger(sinks)
    client = Client(settings)
    user = f"tour-{uuid.uuid4().hex[:12]}"
    wanted = _introduce(client, user, sinks)
    # Where nobody looks, a line is as long as it has to be.
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 200)
    console.print(f"[dim]{len(EVENT_TYPES)} events to {user}, one after the other …[/dim]")
    # What closes an alert has to come after what opens it.
    for type_ in sorted(EVENT_TYPES.values(), key=lambda type_: type_.resolves):
        event = {"type": type_.name, "data": type_.sample, "recipients": [user]}
        # What moves is about something of its own: its end would take its inbox item over.
        client.ask("POST", "/events", event | ({"subject_key": f"{user}-moves"} if type_.moves else {}))
        time.sleep(_PACE_SECONDS)
    rows = _ended(client, user, time.monotonic() + arguments.seconds)
    inbox = client.ask("GET", f"/inbox/{user}?state=all&limit={_MOST}")["items"]
    tour = Tour(wanted, rows, {item["notification_id"] for item in inbox}, _ledger(sinks))
    return 0 if show(console, judge(tour)) else 1


def _introduce(client: Client, user: str, sinks: str) -> Cells:
    """Let a new user be reached at the sinks, and told everything that can be told; which cells that turns on."""
    cells = client.ask("GET", f"/preferences/{user}")["effective"]
    wishes = {
        type_: {channel: "instant" for channel, cell in row.items() if not cell["locked"]}
        for type_, row in cells.items()
    }
    document = {"contacts": _contacts(user, sinks), "events": wishes}
    answer = client.call("PUT", f"/preferences/{user}", document)
    if answer.status_code == requests.codes.unprocessable:
        raise CannotStart(f"the service does not send to {sinks}: {_START}; it says {answer.text}")
    answer.raise_for_status()
    effective = answer.json()["effective"]
    return {
        type_: {name: cell["rhythm"] == "instant" for name, cell in row.items()} for type_, row in effective.items()
    }


def _contacts(user: str, sinks: str) -> dict[str, Any]:
    """Places of this tour's own, as far as the sinks have many."""
    word = user.removeprefix("tour-")
    return {
        "email": f"{user}@example.com",
        "webhook": {"url": f"{sinks}/{user}"},
        "slack": {"url": f"{sinks}/services/T0TOUR/B0TOUR/{word}"},
        "discord": {"url": f"{sinks}/api/webhooks/100000000000000001/sink-token"},
        "pagerduty": {"routing_key": f"{word:0<32}"},
        "opsgenie": {"api_key": word, "url": f"{sinks}/opsgenie"},
    }


def _ended(client: Client, user: str, deadline: float) -> list[dict[str, Any]]:
    """What is known of the user's notifications once all have ended, or when there is no time left."""
    while True:
        rows: list[dict[str, Any]] = client.ask("GET", f"/history/{user}?limit={_MOST}")["items"]
        if all(row["status"] in TERMINAL for row in rows) or time.monotonic() > deadline:
            return rows
        time.sleep(_LOOK_EVERY_SECONDS)


def _ledger(sinks: str) -> list[dict[str, Any]]:
    """Everything that the sinks have got."""
    try:
        answer = requests.get(f"{sinks}/_ledger", timeout=TIMEOUT_SECONDS)
        return list(answer.json())
    except (requests.RequestException, ValueError) as error:
        raise CannotStart(f"no sinks at {sinks} ({type(error).__name__}); is `python main.py sinks` running?") from None
