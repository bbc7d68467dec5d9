"""The services around people, on a database and a clock of the test's own."""

from collections.abc import Collection
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from app.rendering.reasons import Translator
from app.services.admission import Admission
from app.services.announcing import Announcer
from app.services.contact_book import ContactBook
from app.services.contacts import Contacts
from app.services.fallbacks import Fallbacks
from app.services.history import History
from app.services.inbox import Inbox
from app.services.people import People
from app.services.preference_files import PreferenceFiles
from app.services.preference_view import PreferenceView
from app.services.preferences import PreferenceDocuments
from app.services.verification import Verification
from app.services.verify_links import VerifyLinks
from app.store import keyring
from app.store.engine import Database
from app.store.gate_link import GateLink
from app.store.gates import Gates
from app.store.secretbox import SecretBox
from channels.base import ChannelEnv, SmtpSettings
from channels.registry import build_channels
from tests.fakes.clock import FakeClock
from tests.fakes.publisher import RecordingPublisher

NOWHERE = "redis://127.0.0.1:1/0"
PROCESS = "test@here"
TRANSLATIONS = Path(__file__).parents[2] / "translations"


class Rig:
    """What a process has, as far as it is about people."""

    def __init__(
        self,
        database: Database,
        clock: FakeClock,
        folder: Path,
        *,
        key: str = "a key of the test",
        **receivers: Any,
    ) -> None:
        """`receivers` is what the environment says of the operators' chats and alerts, as in ChannelEnv."""
        self.database = database
        self.clock = clock
        self.rung: list[Collection[str]] = []
        """Whose inboxes the bell was rung for, each time."""
        self.inbox = Inbox(database, clock, self.rung.append, Fallbacks(database, clock, process=PROCESS))
        self.channels = build_channels(
            ChannelEnv(
                smtp=SmtpSettings(None, 25, None, None, "IM2 <notifications@localhost>", use_tls=False, use_ssl=False),
                mail_dir=folder,
                public_url="https://im2.example",
                webhook_timeout=5,
                allowed_networks=[ip_network("127.0.0.0/8")],
                put_in_inbox=self.inbox.put,
                now=clock.now,
                **receivers,
            )
        )
        self.box = SecretBox(key, partial(keyring.wrapped_before, database))
        book = ContactBook(self.channels, self.box)
        self.people = People(self.channels, book, self.box, default_locale="en", default_timezone="UTC")
        admission = Admission(Announcer(RecordingPublisher(), database), process=PROCESS)
        self.verification = Verification(
            database,
            Gates(GateLink(NOWHERE, lambda _gate: None)),
            admission,
            self.channels,
            self.people,
            book,
            VerifyLinks("a key of the test"),
            clock,
            process=PROCESS,
        )
        contacts = Contacts(self.channels, self.box)
        view = PreferenceView(self.people, self.channels, book, contacts)
        self.preferences = PreferenceDocuments(
            database, self.people.traits, self.channels, view, contacts, self.verification, clock
        )
        self.preference_files = PreferenceFiles(database, view, self.preferences, clock)
        self.history = History(database, self.people, Translator(translations=TRANSLATIONS, default_locale="en"))
