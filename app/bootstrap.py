"""The one place that picks implementations: everything a process needs, built from the settings."""

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from app import secret_files
from app.config import Settings
from app.configured import channel_env_of, pages_of, previews_of, renderer_of, rules_of, translator_of
from app.domain.clock import Clock, SystemClock
from app.domain.events import EventTypes
from app.domain.notifications import lanes_of
from app.domain.preferences import ChannelTraits
from app.observability.crossings import Crossings
from app.observability.health import Health
from app.observability.metrics import Metrics
from app.rendering.pages import Pages
from app.runtime.broker import redis_url
from app.runtime.broker_ping import BrokerPing
from app.runtime.failpoints import Failpoints
from app.services.admission import Admission
from app.services.alert_turns import AlertTurns
from app.services.announcing import Announcer, Publisher
from app.services.audit_log import AuditLog
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
from app.services.gate_faults import GateFaults
from app.services.history import History
from app.services.identity import Identity
from app.services.inbox import Inbox
from app.services.inbox_streams import InboxStreams
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
from app.services.previews import Previews
from app.services.progress import Progress
from app.services.recording import Recorder
from app.services.relay import Relay
from app.services.retention import Retention
from app.services.sessions import Sessions
from app.services.targets import Targets
from app.services.template_desk import TemplateDesk
from app.services.template_shelf import TemplateShelf
from app.services.texts import Texts
from app.services.trials import Trials
from app.services.unsubscribe_links import UnsubscribeLinks
from app.services.unsubscribing import Unsubscribing
from app.services.verification import Verification
from app.services.verify_links import VerifyLinks
from app.store import keyring
from app.store.bell import Bell, Names
from app.store.breaker import Breakers
from app.store.clock import DatabaseClock
from app.store.engine import Database
from app.store.gate_link import GateLink
from app.store.gates import Gates
from app.store.pace import Paces
from app.store.secretbox import SecretBox
from channels.base import Channel, RetryPolicy
from channels.registry import build_channels

_THREADS_BEYOND_TASKS = 4
# Of many threads most wait for a receiver, and hold no connection meanwhile.
_MOST_TASKS_AT_THE_DATABASE = 6


@dataclass(frozen=True, slots=True)
class Services:
    """Everything one process works with. Nothing in it connects before it is used."""

    settings: Settings
    process: str
    """Its name in counters, and with the process id behind it in heartbeats."""
    clock: Clock
    database: Database
    channels: Mapping[str, Channel]
    announcer: Announcer
    intake: Intake
    explain: Explain
    previews: Previews
    events: Events
    preferences: PreferenceDocuments
    preference_files: PreferenceFiles
    verification: Verification
    unsubscribing: Unsubscribing
    trials: Trials
    inbox: Inbox
    inbox_streams: InboxStreams
    bell: Bell
    history: History
    dead_letters: DeadLetters
    channel_desk: ChannelDesk
    erasures: Erasures
    audit_log: AuditLog
    traits: tuple[ChannelTraits, ...]
    pages: Pages
    template_shelf: TemplateShelf
    template_desk: TemplateDesk
    event_types: EventTypes
    identity: Identity
    sessions: Sessions
    metrics: Metrics
    health: Health
    pipeline: Pipeline
    delivery: Delivery
    relay: Relay
    retention: Retention
    progress: Progress
    failpoints: Failpoints
    canaries: Canaries

    def close(self) -> None:
        """Finish what was promised, and give back connections."""
        self.inbox_streams.stop()
        self.announcer.stop()
        self.bell.close()
        for channel in self.channels.values():
            channel.close()
        self.database.close()


def build_services(
    settings: Settings,
    publisher: Publisher,
    *,
    component: str = "api",
    threads: int = 6,
    clock: Clock | None = None,
) -> Services:
    """Put the product together for one process.

    `component` names the process in counters and heartbeats; `threads` is how many of its tasks run at once.
    """
    process = f"{component}@{socket.gethostname()}"
    connections = min(threads, _MOST_TASKS_AT_THE_DATABASE) + _THREADS_BEYOND_TASKS
    database = Database(settings.database_url, pool_size=connections)
    canary_clock = clock or DatabaseClock(database)
    clock = clock or SystemClock()
    secret_key = secret_files.secret_key(settings)
    box = SecretBox(secret_key, partial(keyring.wrapped_before, database))
    url = redis_url(settings)
    names = Names(secret_key)
    bell = Bell(url, names)
    inbox = Inbox(database, clock, bell.ring, Fallbacks(database, clock, process=process))
    channels = build_channels(channel_env_of(settings, inbox.put, clock))
    book = ContactBook(channels, box)
    people = People(
        channels,
        book,
        box,
        default_locale=settings.default_locale,
        default_timezone=settings.default_timezone,
        types=settings.event_types,
    )
    as_delivered = renderer_of(settings)
    kinds = {name: channel.kind for name, channel in channels.items()}
    template_shelf = TemplateShelf(database, settings.templates_dir, as_delivered, kinds)
    renderer = as_delivered.using(template_shelf.in_force)
    translator = translator_of(settings)
    link = GateLink(url, GateFaults(database, process=process).count)
    gates, breakers = Gates(link, secret=secret_key), Breakers(link)
    briefs = Briefs(database)
    rules = rules_of(settings)
    policies = {name: RetryPolicy(waits) for name, waits in settings.retry_plans.items()}
    pauses = Pauses(database)
    announcer = Announcer(publisher, database)
    admission = Admission(announcer, process=process)
    watch = ContactWatch(book, Notices(admission, people, renderer, channels), channels)
    recorder = Recorder(watch, process=process)
    failpoints = Failpoints(settings.failpoint_dir)
    progress = Progress()
    verify_links = VerifyLinks(secret_key)
    verification = Verification(
        database, gates, admission, channels, people, book, verify_links, clock, process=process
    )
    contacts = Contacts(channels, box, settings.event_types)
    view = PreferenceView(people, channels, book, contacts)
    preferences = PreferenceDocuments(database, people.traits, channels, view, contacts, verification, clock)
    unsubscribe_links = UnsubscribeLinks(database, box, settings.public_url)
    departures = Departures(database, clock, secret_key=secret_key)
    identity = Identity(database, clock, departures, secret_key=secret_key, admin_api_key=settings.admin_api_key)
    lanes, every = lanes_of(channels), timedelta(seconds=settings.canary_seconds)
    longest_silence = timedelta(seconds=settings.longest_silence_seconds)
    canaries = Canaries(database, publisher, lanes, canary_clock, every=every, patience=longest_silence)
    return Services(
        settings=settings,
        process=process,
        clock=clock,
        database=database,
        channels=channels,
        announcer=announcer,
        intake=Intake(database, people, admission, clock, stage=failpoints.reach),
        previews=previews_of(settings, renderer, channels, clock),
        explain=Explain(database, gates, people, renderer, translator, channels, rules, clock),
        events=Events(database, clock, process=process),
        preferences=preferences,
        preference_files=PreferenceFiles(database, view, preferences, clock),
        verification=verification,
        unsubscribing=Unsubscribing(database, people, unsubscribe_links, preferences),
        trials=Trials(database, gates, admission, channels, book, clock),
        inbox=inbox,
        inbox_streams=InboxStreams(database, url, names),
        bell=bell,
        history=History(database, people, translator),
        dead_letters=DeadLetters(database, people, admission, clock),
        channel_desk=ChannelDesk(database, gates, breakers, channels, book, clock),
        erasures=Erasures(database, gates, channels, departures, clock, ring=bell.ring, process=process),
        audit_log=AuditLog(database),
        traits=tuple(people.traits),
        pages=pages_of(settings),
        template_shelf=template_shelf,
        template_desk=TemplateDesk(database, template_shelf, as_delivered, kinds, clock),
        event_types=settings.event_types,
        identity=identity,
        sessions=Sessions(database, identity, clock, secret_key=secret_key),
        metrics=Metrics(database, clock, list(channels), settings.event_types, canary_clock),
        health=Health(
            database,
            BrokerPing(settings.broker_url or url),
            clock,
            channels,
            longest_silence=longest_silence,
            longest_wait=timedelta(seconds=settings.longest_wait_seconds),
            crossings=Crossings(canary_clock, lanes, every=every, patience=longest_silence),
        ),
        pipeline=Pipeline(
            database,
            gates,
            briefs,
            Texts(briefs, people, renderer, channels, rules.dedupe_window),
            channels,
            rules,
            clock,
            ring=bell.ring,
            process=process,
        ),
        delivery=Delivery(
            database,
            Targets(database, gates, breakers, Paces(link), recorder, clock),
            briefs,
            Parcels(people, verify_links, unsubscribe_links),
            recorder,
            channels,
            policies,
            timedelta(seconds=settings.lease_seconds),
            clock,
            stage=failpoints.reach,
            progress=progress,
            pauses=pauses,
            turns=AlertTurns(database, recorder, clock),
            old_news=OldNews(database, recorder, rules, clock),
        ),
        relay=Relay(
            database,
            publisher,
            recorder,
            policies,
            [name for name, channel in channels.items() if channel.bulk],
            timedelta(seconds=settings.relay_grace_seconds),
            clock,
            pauses=pauses,
            digests=Digests(database, people, admission, rules.dedupe_window, clock, process=process),
            canaries=canaries,
            leaps=Leaps(clock, timedelta(seconds=settings.lease_seconds), time.monotonic),
            process=process,
        ),
        retention=Retention(database, channels, timedelta(days=settings.retention_days), clock, process=process),
        progress=progress,
        failpoints=failpoints,
        canaries=canaries,
    )
