"""A local mail box and fake receivers that show, line by line, what the service sends: for trying things out."""

import json
import signal
import threading
from collections.abc import Sequence
from datetime import datetime
from email import message_from_string
from email.policy import default
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from standardwebhooks import Webhook, WebhookVerificationError

from tests.fakes import discord, slack
from tests.fakes.ledger import Entry
from tests.fakes.mailbox import Mailbox
from tests.fakes.opsgenie import OpsgenieService
from tests.fakes.pace import Pace
from tests.fakes.pagerduty import PagerDutyService
from tests.fakes.receiver import Dialect, Receiver, Service

_MOST_TEXT = 400


def run(host: str, http_port: int, smtp_port: int, out: TextIO, *, secrets: Sequence[str] = ()) -> None:
    """Receive mails, webhooks, chats and alerts until SIGTERM or Ctrl-C and print each; port 0 picks a free one.

    With the signing secrets of webhook contacts, the signature of each webhook is checked too.
    """
    chats: list[Dialect] = [slack.Slack(Pace(5, 5)), discord.Discord(Pace(5, 2))]
    alerting: dict[str, Service] = {"/pagerduty": PagerDutyService(), "/opsgenie": OpsgenieService()}
    screen = _Screen(Console(file=out, highlight=False, soft_wrap=True), secrets, chats)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    try:
        with (
            Receiver(host, http_port, dialects=chats, services=alerting, on_entry=screen.show) as receiver,
            Mailbox(host, smtp_port, ledger=receiver.ledger) as mailbox,
        ):
            screen.hello(host, receiver.port, mailbox.port)
            done.wait()
    except OSError as error:
        raise SystemExit(f"The sinks cannot listen there: {error}. Choose other ports.") from None
    screen.say("[dim]stopped[/dim]")


class _Screen:
    """Prints entries of ledgers for people."""

    def __init__(self, console: Console, secrets: Sequence[str], chats: Sequence[Dialect]) -> None:
        self._console = console
        self._verifiers = [Webhook(secret) for secret in secrets]
        self._chats = {chat.channel: chat for chat in chats}
        self._alerts: dict[str, str] = {}

    def say(self, line: str) -> None:
        """Print a line with rich's markup."""
        self._console.print(line)

    def hello(self, host: str, http_port: int, smtp_port: int) -> None:
        """Say where the sinks are, and how the service finds them."""
        network = f"{host}/32" if not host.startswith("127.") else "127.0.0.0/8"
        base = f"http://{host}:{http_port}"
        self.say(f"[green]webhooks[/green]  {base}/any/path   [green]mail[/green]  {host}:{smtp_port}")
        self.say(f"[green]slack[/green]  {base}{slack.HOOK}   [green]discord[/green]  {base}{discord.HOOK}")
        self.say("Start the service so that it sends here:")
        self.say(
            f"  [bold]SMTP_HOST={host} SMTP_PORT={smtp_port} SMTP_USE_TLS=false SMTP_FROM='IM2 <im2@example.com>' "
            f"WEBHOOK_ALLOWED_NETWORKS={network} PAGERDUTY_EVENTS_URL={base}/pagerduty "
            f"PAGERDUTY_API_URL={base}/pagerduty OPSGENIE_API_URL={base}/opsgenie python main.py[/bold]"
        )
        self.say("and give a user these preferences:")
        contacts = {
            "email": "you@example.com",
            "webhook": {"url": f"{base}/hook"},
            "slack": {"url": f"{base}{slack.HOOK}"},
            "discord": {"url": f"{base}{discord.HOOK}"},
            "pagerduty": {"routing_key": "0123456789abcdef0123456789abcdef"},
            "opsgenie": {"api_key": "01234567-89ab-cdef-0123-456789abcdef"},
        }
        events = {type_: {"pagerduty": True, "opsgenie": True} for type_ in ("job.failed", "quota.exceeded")}
        self.say(f"  [bold]{escape(json.dumps({'contacts': contacts, 'events': events}))}[/bold]")
        self.say(f"or see one of each arrive:  [bold]python main.py tour --sinks {base}[/bold]")

    def show(self, entry: Entry) -> None:
        """Print what came."""
        if entry["channel"] == "email":
            self.mail(entry)
        else:
            self.request(entry)

    def request(self, entry: Entry) -> None:
        """Print what came over HTTP; questions for what came of an alert are left out."""
        chat = self._chats.get(entry["channel"])
        if chat is not None:
            self._message(entry, chat)
        elif "did" not in entry:
            self._webhook(entry)
        elif entry["did"] != "asked":
            self._alert(entry)

    def _message(self, entry: Entry, chat: Dialect) -> None:
        """Print a message as the service shows it."""
        try:
            title, *lines = chat.reading(entry["body"])
        except (ValueError, LookupError, TypeError):
            title, lines = "not a message of ours", [_short(entry["body"])]
        outcome = "" if entry["status"] < 300 else f"  [red]answered {entry['status']}[/red]"
        changed = " [dim](changed)[/dim]" if entry["method"] == "PATCH" else ""
        self.say(f"{_clock(entry)} [blue]{chat.channel}[/blue]{changed} [bold]{_short(title)}[/bold]{outcome}")
        for line in lines:
            self.say(f"          {_short(line)}")

    def _alert(self, entry: Entry) -> None:
        """Print what an alerting service did with a request."""
        # What ends an alert need not repeat what it was about.
        what = self._alerts[entry["key"]] = _about(entry["body"]) or self._alerts.get(entry["key"], "")
        colour = {"opened": "red", "closed": "green"}.get(entry["did"], "yellow")
        self.say(
            f"{_clock(entry)} [cyan]{entry['channel']}[/cyan] [bold {colour}]{entry['did']}[/bold {colour}] "
            f"{_short(what)}  [dim]{escape(entry['key'])}[/dim]"
        )

    def _webhook(self, entry: Entry) -> None:
        """Print one webhook."""
        try:
            document = json.loads(entry["body"])
            data = document["data"]
            user = escape(str(data["user_id"]))
            what = f"[bold]{escape(str(document['type']))}[/bold] for {user}: {_short(data['title'])}"
            text = _short(data["text"])
        except (ValueError, KeyError, TypeError):
            what, text = "not one of our documents", _short(entry["body"])
        self.say(
            f"{_clock(entry)} [cyan]webhook[/cyan] {what}  [dim]{escape(entry['key'])}{self._signature(entry)}[/dim]"
        )
        self.say(f"          {text}")

    def mail(self, entry: Entry) -> None:
        """Print one mail."""
        parsed = message_from_string(entry["content"], policy=default)
        body = parsed.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        to = escape(", ".join(entry["to"]))
        self.say(f"{_clock(entry)} [magenta]mail[/magenta] to {to}: [bold]{_short(entry['subject'])}[/bold]")
        self.say(f"          {_short(text)}")

    def _signature(self, entry: Entry) -> str:
        if not self._verifiers:
            return ""
        return (
            "  signature is right" if any(_verified(one, entry) for one in self._verifiers) else "  SIGNATURE IS WRONG"
        )


def _about(body: str) -> str:
    """What an alert is about, in the words of whichever service it was sent to."""
    try:
        document = json.loads(body)
        about = document.get("payload") or document.get("incident") or document
        return str(about.get("summary") or about.get("title") or about.get("message") or "")
    except (ValueError, AttributeError):
        return ""


def _verified(verifier: Webhook, entry: Entry) -> bool:
    try:
        verifier.verify(entry["body"], entry["headers"], json_parse=False)
    except WebhookVerificationError:
        return False
    return True


def _clock(entry: Entry) -> str:
    return f"[dim]{datetime.fromtimestamp(entry['t']).astimezone():%H:%M:%S}[/dim]"


def _short(text: Any) -> str:
    line = " ".join(str(text or "").split())
    return escape(line if len(line) <= _MOST_TEXT else line[: _MOST_TEXT - 1] + "…")
