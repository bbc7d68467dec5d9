"""The services on the way of a notification, over scripted channels, on a database and a clock of the test's own."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.domain.notifications import Notification, lanes_of
from app.observability.metrics import Metrics
from app.rendering.reasons import Translator
from app.rendering.render import Renderer
from app.services.admission import Admission
from app.services.alert_turns import AlertTurns
from app.services.announcing import Announcer, Publisher
from app.services.briefs import Briefs
from app.services.canaries import Canaries
from app.services.channel_desk import ChannelDesk
from app.services.contact_book import ContactBook
from app.services.contact_watch import ContactWatch
from app.services.contacts import Contacts
from app.services.dead_letters import DeadLetters
from app.services.delivery import Delivery
from app.services.departures import Departures
from app.services.digests import Digests
from app.services.erasure import Erasures
from app.services.events import Events
from app.services.explain import Explain
from app.services.fallbacks import Fallbacks
from app.services.history import History
from app.services.intake import Intake
from app.services.leaps import Leaps
from app.services.notices import Notices
from app.services.old_news import OldNews
from app.services.parcels import Parcels
from app.services.pauses import Pauses
from app.services.people import People
from app.services.pipeline import Pipeline
from app.services.preference_files import PreferenceFiles
from app.services.preference_view import PreferenceView
from app.services.preferences import PreferenceDocuments
from app.services.progress import Progress
from app.services.recording import Recorder
from app.services.relay import Relay
from app.services.retention import Retention
from app.services.rules import Rules
from app.services.targets import Targets
from app.services.template_desk import TemplateDesk
from app.services.template_shelf import TemplateShelf
from app.services.texts import Texts
from app.services.trials import Trials
from app.services.unsubscribe_links import UnsubscribeLinks
from app.services.unsubscribing import Unsubscribing
from app.services.verification import Verification
from app.services.verify_links import VerifyLinks
from app.store import audit, counters, history, notifications
from app.store.breaker import Breakers
from app.store.engine import Database
from app.store.gate_link import GateLink
from app.store.gates import Gates
from app.store.pace import Paces
from app.store.people import StoredContact, put_contact
from app.store.secretbox import SecretBox
from app.store.tables import attempts
from channels.base import Channel, Contact, RetryPolicy
from tests.fakes.clock import FakeClock
from tests.fakes.publisher import RecordingPublisher
from tests.fakes.scripted import Hooks, Letters, Shelf

ROOT = Path(__file__).parents[2]
LEASE = timedelta(seconds=90)
GRACE = timedelta(seconds=30)
CANARY_EVERY, CANARY_PATIENCE = timedelta(seconds=60), timedelta(seconds=25)
KEEP = timedelta(days=90)
PROCESS = "test@here"
PUBLIC_URL = "https://im2.example"


class Spine:
    """What the processes have between them, in one."""

    def __init__(
        self,
        database: Database,
        clock: FakeClock,
        gates_url: str,
        *,
        publisher: Publisher | None = None,
        waits: Sequence[float] = (10.0, 60.0),
        rules: Mapping[str, Any] | None = None,
        templates: Path = ROOT / "templates",
        own_templates: Path = ROOT / "no such folder",
        lease: timedelta = LEASE,
        operators: Mapping[str, Contact] | None = None,
        more: Sequence[Channel] = (),
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        """`rules` changes what the gates go by: dedupe for 5 minutes, no rate limit, overflow is held.

        `operators` is what the environment says of where they are reached, by channel; `more` are channels beyond the
        scripted ones. The relay's `monotonic` time goes with the clock, so that an advance is no leap.
        """
        self.database = database
        self.clock = clock
        self.publisher = RecordingPublisher()
        self.letters, self.hooks, self.shelf = Letters(), Hooks(), Shelf()
        scripted = {channel.name: channel for channel in (self.letters, self.hooks, self.shelf)}
        self.channels: dict[str, Any] = {**scripted, **{channel.name: channel for channel in more}}
        for name, contact in (operators or {}).items():
            self.channels[name].operators = contact
        self.gate_errors: list[str] = []
        self.rung: list[Collection[str]] = []
        self.link = GateLink(gates_url, self.gate_errors.append)
        self.gates, self.breakers = Gates(self.link), Breakers(self.link)
        self.box = SecretBox("a key of the test")
        self.book = ContactBook(self.channels, self.box)
        self.people = People(self.channels, self.book, self.box, default_locale="en", default_timezone="UTC")
        self.seconds = 0.0
        self.stages: list[str] = []
        self.progress = Progress()
        self.announcer = Announcer(publisher or self.publisher, database, monotonic=lambda: self.seconds)
        policies = {name: RetryPolicy(tuple(waits), jitter=0.0) for name in self.channels}
        as_delivered, translator = _words(templates)
        kinds = {name: channel.kind for name, channel in self.channels.items()}
        # It is as if an hour passed with every question.
        self.templates = TemplateShelf(
            database, own_templates, as_delivered, kinds, monotonic=count(step=3_600).__next__
        )
        self.template_desk = TemplateDesk(database, self.templates, as_delivered, kinds, clock)
        renderer = as_delivered.using(self.templates.in_force)
        given_rules, briefs = _rules(self.channels, rules or {}), Briefs(database)
        admission = self.admission = Admission(self.announcer, process=PROCESS)
        watch = ContactWatch(self.book, Notices(admission, self.people, renderer, self.channels), self.channels)
        recorder = Recorder(watch, process=PROCESS)
        self.links = VerifyLinks("a key of the test")
        self.verification = Verification(
            database, self.gates, admission, self.channels, self.people, self.book, self.links, clock, process=PROCESS
        )
        contacts = Contacts(self.channels, self.box)
        view = PreferenceView(self.people, self.channels, self.book, contacts)
        self.preferences = PreferenceDocuments(
            database, self.people.traits, self.channels, view, contacts, self.verification, clock
        )
        self.preference_files = PreferenceFiles(database, view, self.preferences, clock)
        self.unsubscribe_links = UnsubscribeLinks(database, self.box, PUBLIC_URL)
        self.unsubscribing = Unsubscribing(database, self.people, self.unsubscribe_links, self.preferences)
        self.trials = Trials(database, self.gates, admission, self.channels, self.book, clock)
        self.history = History(database, self.people, translator)
        self.intake = Intake(database, self.people, admission, clock, stage=lambda _place: None)
        # It is as if a second passed with every question.
        self.pauses = Pauses(database, monotonic=count().__next__)
        self.events = Events(database, clock, process=PROCESS)
        self.pipeline = Pipeline(
            database,
            self.gates,
            briefs,
            Texts(briefs, self.people, renderer, self.channels, given_rules.dedupe_window),
            self.channels,
            given_rules,
            clock,
            ring=self.rung.append,
            process=PROCESS,
        )
        self.delivery = Delivery(
            database,
            Targets(database, self.gates, self.breakers, Paces(self.link), recorder, clock),
            briefs,
            Parcels(self.people, self.links, self.unsubscribe_links),
            recorder,
            self.channels,
            policies,
            lease,
            clock,
            stage=self.stages.append,
            progress=self.progress,
            pauses=self.pauses,
            turns=AlertTurns(database, recorder, clock),
            old_news=OldNews(database, recorder, given_rules, clock),
            monotonic=lambda: self.seconds,
        )
        self.relay = Relay(
            database,
            publisher or self.publisher,
            recorder,
            policies,
            ["shelf"],
            GRACE,
            clock,
            pauses=self.pauses,
            digests=Digests(database, self.people, admission, given_rules.dedupe_window, clock, process=PROCESS),
            canaries=Canaries(
                database,
                publisher or self.publisher,
                lanes_of(self.channels),
                clock,
                every=CANARY_EVERY,
                patience=CANARY_PATIENCE,
                monotonic=lambda: self.seconds,
            ),
            leaps=Leaps(clock, lease, monotonic or (lambda: clock.now().timestamp())),
            process=PROCESS,
        )
        self.fallbacks, self.retention = (
            Fallbacks(database, clock, process=PROCESS),
            Retention(database, self.channels, KEEP, clock, process=PROCESS),
        )
        self.explain = Explain(
            database, self.gates, self.people, renderer, translator, self.channels, given_rules, clock
        )
        self.channel_desk = ChannelDesk(database, self.gates, self.breakers, self.channels, self.book, clock)
        self.erasures = Erasures(
            database,
            self.gates,
            self.channels,
            Departures(database, clock, secret_key="a secret key of the spine"),
            clock,
            ring=self.rung.append,
            process=PROCESS,
            monotonic=lambda: self.seconds,
        )
        self.dead_letters = DeadLetters(database, self.people, admission, clock)

    def close(self) -> None:
        """End the announcer's thread and give back connections."""
        self.announcer.stop()
        self.link.close()

    def meet(
        self, *user_ids: str, channel: str = "letters", target: str = "place-1", disabled: str | None = None
    ) -> None:
        """Give these users a contact."""
        with self.database.write() as conn:
            for user_id in user_ids:
                contact = StoredContact(user_id, channel, {"target": target}, None, target, disabled)
                put_contact(conn, contact, self.clock.now())

    def submit(self, *user_ids: str, channel: str = "letters", **fields: Any) -> list[str]:
        """Let one event be accepted, a failed job by default; the ids of its notifications on that channel, by user."""
        event = {
            "type": "job.failed",
            "data": {"job_id": "j-9", "error": "disk full"},
            "recipients": list(user_ids),
            "channels": [channel],
            **fields,
        }
        accepted = self.intake.submit(event, owner="key_1", actor="key:key_1")
        with self.database.read() as conn:
            rows = {row.user_id: row.id for row in notifications.of_event(conn, accepted.id)}
        return [rows[user_id] for user_id in user_ids]

    def row(self, notification_id: str) -> Notification:
        """A notification as it stands."""
        with self.database.read() as conn:
            found = notifications.load(conn, notification_id)
        assert found is not None
        return found

    def of_user(self, user_id: str) -> list[Notification]:
        """A user's notifications, newest first."""
        with self.database.read() as conn:
            return history.newest(conn, history.Filters(user_id=user_id), before=None, limit=200)

    def states(self, ids: Sequence[str]) -> list[tuple[str, str | None]]:
        """Status and reason of each."""
        return [(row.status, row.reason) for row in map(self.row, ids)]

    def attempts(self, notification_id: str) -> list[str | None]:
        """The outcome of each attempt, None of one that is open."""
        rows = select(attempts.c.outcome).where(attempts.c.notification_id == notification_id)
        with self.database.read() as conn:
            return list(conn.execute(rows.order_by(attempts.c.number)).scalars())

    def trace(self, notification_id: str) -> list[tuple[str, Any, Any]]:
        """The steps of a notification with their decisions and reasons, as the audit log has them."""
        with self.database.read() as conn:
            entries = audit.about(conn, notification_id)
        return [(entry.action, entry.detail.get("decision"), entry.detail.get("reason")) for entry in entries]

    def audit(self, object_: str) -> list[audit.StoredEntry]:
        """What is on record about an object, oldest first."""
        with self.database.read() as conn:
            return audit.about(conn, object_)

    def count(self, name: str, **labels: str) -> float:
        """A counter, summed over the series that have these labels."""
        with self.database.read() as conn:
            totals = counters.totals(conn)
        return sum(value for found, said, value in totals if found == name and labels.items() <= said.items())

    def unaccounted(self) -> float:
        """Accepted minus ended minus open, as /metrics shows it."""
        metrics = Metrics(self.database, self.clock, list(self.channels)).snapshot().collect()
        (family,) = (family for family in metrics if family.name == "notifications_unaccounted")
        return float(family.samples[0].value)


@cache
def _words(templates: Path) -> tuple[Renderer, Translator]:
    translations = ROOT / "translations"
    renderer = Renderer(templates=templates, translations=translations, public_url=PUBLIC_URL, default_locale="en")
    return renderer, Translator(translations=translations, default_locale="en")


def _rules(channels: Collection[str], changes: Mapping[str, Any]) -> Rules:
    given: dict[str, Any] = {
        "dedupe_window": timedelta(minutes=5),
        "rate_window": timedelta(minutes=60),
        "rate_limits": dict.fromkeys(channels, 0),
        "drop_overflow": False,
    }
    return Rules(**(given | dict(changes)))
