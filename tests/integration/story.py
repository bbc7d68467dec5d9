"""The main job as a story: all seven types of events, to three users, through three doors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from celery import Celery

from tests.fakes.ledger import Entry
from tests.fakes.mailbox import Mailbox
from tests.fakes.receiver import Receiver
from tests.integration.product import Product, eventually

DOORS = ("http", "batch", "task")
OCCURRED_AT = "2026-11-22T23:05:00Z"
WITHOUT_MAIL = frozenset({"job.progress", "system.warning"})
CHANNELS = ("inapp", "email", "webhook")


@dataclass(frozen=True)
class User:
    """Somebody who is told."""

    name: str
    locale: str
    timezone: str
    when: str
    """How the moment of all events reads to them."""


USERS = (
    User("ada", "en", "UTC", "November 22, 2026, 11:05 PM UTC"),
    User("grete", "de", "Europe/Berlin", "23. November 2026, 00:05 MEZ"),
    User("noah", "en", "America/New_York", "November 22, 2026, 6:05 PM EST"),
)


def events(door: str) -> dict[str, dict[str, Any]]:
    """The data of one event of each type, with subjects that tell the door."""
    return {
        "job.completed": {"job_id": f"done-{door}", "name": "nightly encode", "duration_seconds": 3721},
        "job.failed": {"job_id": f"broken-{door}", "error": "disk full <b>on</b> node-7 & more"},
        "job.progress": {"job_id": f"going-{door}", "percent": 42.5},
        "system.error": {"component": f"encoder-{door}", "message": "no worker answers"},
        "system.warning": {"component": f"queue-{door}", "message": "it is growing"},
        "quota.exceeded": {
            "resource": f"storage-{door}",
            "used": 1_073_741_824,
            "limit": 1_000_000_000,
            "unit": "bytes",
        },
        "quota.approaching": {"resource": f"gpu-{door}", "used": 1234.5, "limit": 2000},
    }


def subject_of(data: Mapping[str, Any]) -> str:
    """The subject key that an event with this data has by default."""
    return str(data.get("job_id") or data.get("component") or data.get("resource"))


class Story:
    """The submissions, and what was answered to them."""

    def __init__(self, product: Product, mailbox: Mailbox, receiver: Receiver, prefix: str = "") -> None:
        self.product, self.mailbox, self.receiver = product, mailbox, receiver
        self.prefix = prefix
        # What others told before is over by then.
        self.before = product.settled()
        self.secrets = {user.name: self._introduce(user) for user in USERS}
        self.accepted: dict[str, dict[str, Any]] = {}
        """The answers to what went through HTTP and batch, by subject."""

    def id_of(self, user: User) -> str:
        """A user's id."""
        return f"{self.prefix}{user.name}"

    def path_of(self, user: User) -> str:
        """Where a user's webhooks go."""
        return f"/story/{self.id_of(user)}"

    def address_of(self, user: User) -> str:
        """Where a user's mails go."""
        return f"{self.id_of(user)}@story.example"

    def tell(self, door: str) -> None:
        """Submit one event of each type to all users."""
        told: list[dict[str, Any]] = [
            {
                "type": type_,
                "data": data,
                "recipients": [self.id_of(user) for user in USERS],
                "occurred_at": OCCURRED_AT,
                "source": f"tests-{door}",
                "sequence": number,
            }
            for number, (type_, data) in enumerate(events(door).items())
        ]
        match door:
            case "http":
                for event in told:
                    answer = self.product.call("POST", "/events", json=event)
                    assert answer.status_code == 202, answer.text
                    self.accepted[subject_of(event["data"])] = answer.json()
            case "batch":
                answer = self.product.call("POST", "/events/batch", json={"events": told})
                assert answer.status_code == 202, answer.text
                assert answer.json()["rejected"] == []
                for one in answer.json()["accepted"]:
                    self.accepted[subject_of(told[one["index"]]["data"])] = one
            case "task":
                with Celery("client", broker=broker_url(self.product)) as client:
                    for event in told:
                        client.send_task("notifications.submit", kwargs=event, queue="ingest")

    def delivered(self, doors: tuple[str, ...], seconds: float = 60.0) -> list[dict[str, Any]]:
        """Everybody's history once all of it is delivered."""
        return eventually(
            lambda: [one for user in USERS for one in self.product.history(self.id_of(user))],
            lambda items: len(items) >= len(list(expected(doors))) and all(one["delivered_at"] for one in items),
            seconds,
        )

    def mails(self, user: User) -> list[Entry]:
        """What the mail server has for a user."""
        return [entry for entry in self.mailbox.ledger.entries() if self.address_of(user) in entry["to"]]

    def posts(self, user: User) -> list[Entry]:
        """What the receiver has for a user."""
        return [entry for entry in self.receiver.ledger.entries() if entry["path"] == self.path_of(user)]

    def _introduce(self, user: User) -> str:
        answer = self.product.set_user(
            self.id_of(user),
            locale=user.locale,
            timezone=user.timezone,
            contacts={"email": self.address_of(user), "webhook": {"url": self.receiver.url(self.path_of(user))}},
        )
        return str(answer["contacts"]["webhook"]["secret"])


def expected(doors: tuple[str, ...]) -> Iterator[tuple[str, str, str, str]]:
    """User, type, channel and subject of each notification that the doors make."""
    for door in doors:
        for type_, data in events(door).items():
            for user in USERS:
                for channel in CHANNELS:
                    if channel != "email" or type_ not in WITHOUT_MAIL:
                        yield user.name, type_, channel, subject_of(data)


def broker_url(product: Product) -> str:
    """Where other services send their tasks."""
    named = product.settings.get("CELERY_BROKER_URL") or product.settings.get("REDIS_URL")
    return named or (product.data_dir / "broker.url").read_text().strip()


def parsed(content: str) -> EmailMessage:
    """A mail as its reader's program sees it."""
    mail = message_from_string(content, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def files(folder: Path) -> list[EmailMessage]:
    """The mails in a folder of .eml files."""
    return [parsed(path.read_text()) for path in sorted(folder.glob("*.eml"))]
