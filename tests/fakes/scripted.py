"""Channels that answer what a test tells them, without a network."""

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Self

from channels.base import Channel, ChannelEnv, Contact, ContactError, Message, Permanent, Receipt, Transient
from channels.patience import Patience
from tests.fakes.incidents import Incidents

Answer = Receipt | Exception
FINE = Receipt(http_status=200)


class Scripted(Channel):
    """Answers each notification by its script, and fine once that is used up; remembers what it was asked to send."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.during: Callable[[Message], object] = lambda _message: None
        """Called while a message is on its way."""
        self.operators: Contact | None = None
        self._scripts: defaultdict[str, list[Answer]] = defaultdict(list)
        self._lock = threading.Lock()

    def answer(self, notification_id: str, *answers: Answer) -> None:
        """Give these answers to the next attempts of a notification."""
        with self._lock:
            self._scripts[notification_id] += answers

    @classmethod
    def build(cls, env: ChannelEnv) -> Self:  # noqa: ARG003 - the interface's
        """Nothing is needed."""
        return cls()

    def state(self) -> str:
        """Always configured."""
        return "configured"

    def operators_contact(self) -> Contact | None:
        """What the test says."""
        return self.operators

    def read_contact(self, given: object, before: Contact | None) -> Contact:  # noqa: ARG002 - the interface's
        """Any object will do."""
        if not isinstance(given, Mapping):
            raise ContactError({"": ["Must be an object."]})
        return Contact(dict(given))

    def show_contact(self, contact: Contact) -> object:
        """All of it."""
        return dict(contact.public)

    def label(self, contact: Contact) -> str:
        """Its place."""
        return f"{self.name} at {contact.public['target']}"

    def target(self, contact: Contact) -> str:
        """What the contact says."""
        return str(contact.public["target"])

    def send(self, message: Message, contact: Contact) -> Receipt:  # noqa: ARG002 - the interface's
        """Do what the script says."""
        with self._lock:
            self.sent.append(message.notification_id)
            script = self._scripts[message.notification_id]
            answer = script.pop(0) if script else FINE
        self.during(message)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Letters(Scripted):
    """Like e-mail: a repeat is seen twice, so attempts are opened one at a time."""

    name = "letters"
    kind = "mail"
    folds_repeats = False
    must_verify = True


class Hooks(Scripted):
    """Like webhooks: the receiver knows a repeat, so attempts are opened all at once."""

    name = "hooks"
    kind = "hook"
    folds_repeats = True
    patience: ClassVar[Patience | None] = Patience(timedelta(days=3), timedelta(days=5))


class Shelf(Scripted):
    """Like the inbox: a whole list or nothing."""

    name = "shelf"
    kind = "inbox"
    folds_repeats = True
    bulk: ClassVar[bool] = True
    needs_contact = False

    def send_bulk(self, messages: Sequence[Message]) -> None:
        """Take all of them, or raise the first refusal that the script has."""
        for message in messages:
            self.send(message, Contact())


class Pages(Scripted):
    """Like the channels of alerts: it remembers which are open, and a repeat changes nothing."""

    name = "pages"
    kind = "alert"
    folds_repeats = True

    def __init__(self) -> None:
        super().__init__()
        self.incidents = Incidents()

    def send(self, message: Message, contact: Contact) -> Receipt:
        """Open or close an alert, also when the script says that the answer gets lost."""
        try:
            receipt = super().send(message, contact)
        except Transient as lost:
            if lost.unknown:
                self._change(message)
            raise
        self._change(message)
        return receipt

    def _change(self, message: Message) -> None:
        key = message.alert_key or message.notification_id
        if message.resolved:
            self.incidents.close("everybody", key)
        else:
            self.incidents.open("everybody", key)


class Notes(Scripted):
    """Like Discord: a message that was sent can be changed."""

    name = "notes"
    kind = "chat"
    folds_repeats = False
    edits = True

    def __init__(self) -> None:
        super().__init__()
        self.there: dict[str, list[str]] = {}
        """What each message has said, by its reference, in order."""
        self.deleted: set[str] = set()

    def send(self, message: Message, contact: Contact) -> Receipt:
        """Post it."""
        super().send(message, contact)
        reference = f"m-{len(self.there) + 1}"
        self.there[reference] = [message.title]
        return Receipt(http_status=200, provider_ref=reference)

    def edit(self, message: Message, contact: Contact, provider_ref: str) -> Receipt:
        """Change it, unless it was deleted."""
        super().send(message, contact)
        if provider_ref in self.deleted:
            raise Permanent("there is no such message")
        self.there[provider_ref].append(message.title)
        return Receipt(http_status=200, provider_ref=provider_ref)
