"""The inbox inside the product: delivered by writing items into our own database."""

from collections.abc import Callable, Sequence
from typing import Self

from channels.base import Channel, ChannelEnv, Contact, ContactError, DeliveryError, Message, Receipt, Transient


class InApp(Channel):
    """Puts items into inboxes; an item is keyed by its notification, so a repeat changes nothing."""

    name = "inapp"
    kind = "inbox"
    folds_repeats = True
    bulk = True
    needs_contact = False

    def __init__(self, put_in_inbox: Callable[[Sequence[Message]], None]) -> None:
        self._put = put_in_inbox

    @classmethod
    def build(cls, env: ChannelEnv) -> Self:
        """Take the way into the database."""
        return cls(env.put_in_inbox)

    def state(self) -> str:
        """Always configured."""
        return "configured"

    def read_contact(self, given: object, before: Contact | None) -> Contact:
        """Always refused: every user has an inbox."""
        raise ContactError({"": ["In-app notifications need no contact."]})

    def show_contact(self, contact: Contact) -> object:
        """Nothing to show."""
        return {}

    def target(self, contact: Contact) -> str:
        """One place for everybody: the database."""
        return "inbox"

    def send(self, message: Message, contact: Contact) -> Receipt:
        """Put one item into its inbox."""
        self.send_bulk([message])
        return Receipt()

    def send_bulk(self, messages: Sequence[Message]) -> None:
        """Put all items into their inboxes in one transaction; raises Transient when it failed, and then none is in."""
        try:
            self._put(messages)
        except DeliveryError:
            raise
        except Exception as error:
            # Whatever the store raises, nothing was committed: the next attempt may succeed.
            raise Transient("The inbox could not be written.") from error
