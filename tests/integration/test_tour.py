"""`python main.py tour` sees one of each type arrive on all seven channels."""

import re

from app.domain.events import EVENT_TYPES
from channels.registry import channel_names
from tests.fakes import discord, slack
from tests.fakes.ledger import Entry, Ledger
from tests.fakes.mailbox import Mailbox
from tests.fakes.opsgenie import OpsgenieService
from tests.fakes.receiver import Receiver
from tests.integration.conftest import on_its_own
from tests.integration.product import Product, run

pytestmark = on_its_own
LOCKED = [("job.progress", "pagerduty"), ("job.progress", "opsgenie")]


class Together(Ledger):
    """What all of these have, as with sinks it is in one place."""

    def __init__(self, *others: Ledger) -> None:
        super().__init__()
        self._others = others

    def entries(self) -> list[Entry]:
        return [*super().entries(), *(entry for other in self._others for entry in other.entries())]


def test_one_of_each_arrives_everywhere(product: Product, mailbox: Mailbox, alerting: Receiver):
    rooms = [slack.Slack(), discord.Discord()]
    services = {"/opsgenie": OpsgenieService()}
    with Receiver(dialects=rooms, services=services, ledger=Together(mailbox.ledger, alerting.ledger)) as sinks:
        where = {"DATA_DIR": str(product.data_dir), "PORT": str(product.port)}
        done = run("tour", "--sinks", sinks.url(""), **where)
    assert done.returncode == 0, done.stdout + done.stderr
    table = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if re.match(r" ?\w+\.\w+ +✓", line)}
    assert table == {
        type_: ["–" if (type_, channel) in LOCKED else "✓" for channel in channel_names()] for type_ in EVENT_TYPES
    }


def test_without_sinks_it_sends_nothing(product: Product):
    done = run("tour", "--sinks", "http://127.0.0.1:1", DATA_DIR=str(product.data_dir), PORT=str(product.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "no sinks at http://127.0.0.1:1 (ConnectionError); is `python main.py sinks` running?\n"
