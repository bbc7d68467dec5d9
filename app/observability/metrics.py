"""The service's metrics, read from the database, so that they are the same whichever process is asked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from app.domain.clock import Clock
from app.domain.events import EVENT_TYPES
from app.domain.notifications import OPEN, OUTCOMES, REASONS, TERMINAL, lanes_of
from app.store import canaries, counters, notifications
from app.store.counters import label_text
from app.store.engine import Database
from app.store.gates import GATES

_BOUNDS = (*(f"{bound:g}" for bound in counters.DELIVERY_BUCKETS), "+Inf")
_COUNTERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (counters.ACCEPTED, "Notifications that were accepted.", ("type",)),
    (
        counters.TERMINAL,
        "Notifications that ended, counted once, when they did.",
        ("type", "channel", "status", "reason"),
    ),
    (counters.ATTEMPTS, "Attempts to send.", ("channel", "outcome")),
    (counters.LIMITED, "Notifications that met the rate limit of their user.", ("channel",)),
    (counters.DUPLICATES, "Notifications that repeated an earlier one.", ("type", "channel")),
    (counters.GATE_ERRORS, "Checks that let notifications pass because Redis did not answer.", ("gate",)),
    (counters.REFUSED, "Messages on the lanes that were no task of ours, and were dropped.", ("reason",)),
    (counters.PURGED, "Notifications that were purged after RETENTION_DAYS.", ()),
)


class Metrics:
    """Takes snapshots of what is counted."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        channels: Sequence[str],
        types: Iterable[str] = EVENT_TYPES,
        canary_clock: Clock | None = None,
    ) -> None:
        """`canary_clock` is the one by which canaries are sent, if it is another."""
        self._database = database
        self._clock = clock
        self._channels = tuple(channels)
        self._types = tuple(types)
        self._canary_clock = canary_clock or clock

    def snapshot(self) -> "Snapshot":
        """Everything at one moment. Raises DatabaseUnavailable."""
        # Counters and rows from one transaction: only then must they agree.
        with self._database.read() as conn:
            totals = counters.totals(conn)
            open_rows, oldest = notifications.open_counts(conn)
            sent = canaries.known(conn)
        age = max((self._clock.now() - oldest).total_seconds(), 0.0) if oldest is not None else 0.0
        crossings = _crossings(sent, lanes_of(self._channels), self._canary_clock.now())
        return Snapshot(totals, open_rows, age, self._channels, self._types, crossings)


class Snapshot(Collector):
    """Counters and open rows of one moment, as metrics."""

    def __init__(
        self,
        totals: Iterable[tuple[str, Mapping[str, str], float]],
        open_rows: Mapping[str, int],
        oldest_open_seconds: float,
        channels: Sequence[str],
        types: Sequence[str],
        crossings: Mapping[str, tuple[float, float]],
    ) -> None:
        self._types = types
        self._values: defaultdict[str, dict[str, tuple[Mapping[str, str], float]]] = defaultdict(dict)
        for name, labels, value in totals:
            self._values[name][label_text(labels)] = (labels, value)
        self._open = open_rows
        self._oldest = oldest_open_seconds
        self._channels = channels
        self._crossings = crossings

    def describe(self) -> Iterable[Metric]:
        """Nothing: a snapshot is made for one scrape, and a scrape needs no check for doubles."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every series of the service, those at zero too."""
        for name, text, labels in _COUNTERS:
            family = CounterMetricFamily(name, text, labels=labels)
            for values, total in self._filled(name, labels):
                family.add_metric(values, total)
            yield family
        yield self._delivery_seconds()
        still_open = GaugeMetricFamily("notifications_open", "Notifications that have work to do.", labels=("status",))
        for status in OPEN:
            still_open.add_metric((status,), self._open.get(status, 0))
        yield still_open
        yield GaugeMetricFamily(
            "notifications_oldest_open_seconds",
            "Age of the oldest open notification; 0 if there is none.",
            self._oldest,
        )
        yield GaugeMetricFamily(
            "notifications_unaccounted", "Accepted minus terminal minus open; always 0.", self._unaccounted()
        )
        took = GaugeMetricFamily(
            "notifications_canary_seconds",
            "Seconds that the last canary took to cross a lane, or has been under way; 0 if there is none.",
            labels=("lane",),
        )
        quiet = GaugeMetricFamily(
            "notifications_canary_age_seconds",
            "Seconds since a canary last crossed a lane; 0 if there is none.",
            labels=("lane",),
        )
        for lane, (seconds, age) in self._crossings.items():
            took.add_metric((lane,), seconds)
            quiet.add_metric((lane,), age)
        yield from (took, quiet)

    def _delivery_seconds(self) -> HistogramMetricFamily:
        names = ("type", "channel")
        family = HistogramMetricFamily(
            counters.SECONDS, "Seconds from acceptance to delivery; average = sum / count.", labels=names
        )
        buckets: defaultdict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
        for labels, value in self._values[f"{counters.SECONDS}_bucket"].values():
            buckets[labels["type"], labels["channel"]][labels["le"]] = value
        for series, total in self._filled(f"{counters.SECONDS}_sum", names):
            count = 0.0
            steps: list[tuple[str, float]] = []
            for bound in _BOUNDS:
                count += buckets[series].get(bound, 0.0)
                steps.append((bound, count))
            family.add_metric(series, steps, total)
        return family

    def _filled(self, name: str, labels: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
        """Each series of a counter: those that must be there from the start, and any others that were counted."""
        counted = {
            tuple(found.get(label, "") for label in labels): value for found, value in self._values[name].values()
        }
        for series in self._expected(labels):
            yield series, counted.pop(series, 0.0)
        yield from sorted(counted.items())

    def _expected(self, labels: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        match labels:
            case ():
                yield ()
            case ("type",):
                yield from ((type_,) for type_ in self._types)
            case ("channel",):
                yield from ((channel,) for channel in self._channels)
            case ("channel", "outcome"):
                yield from ((channel, outcome) for channel in self._channels for outcome in OUTCOMES)
            case ("gate",):
                yield from ((gate,) for gate in GATES)
            case ("reason",):
                yield from ((reason,) for reason in counters.REFUSALS)
            case ("type", "channel"):
                yield from self._cells()
            case ("type", "channel", "status", "reason"):
                ends = [(status, reason) for status in TERMINAL for reason in REASONS.get(status, ("",))]
                yield from ((*cell, *end) for cell in self._cells() for end in ends)

    def _cells(self) -> Iterator[tuple[str, str]]:
        return ((type_, channel) for type_ in self._types for channel in self._channels)

    def _unaccounted(self) -> float:
        accepted = sum(value for _, value in self._values[counters.ACCEPTED].values())
        terminal = sum(value for _, value in self._values[counters.TERMINAL].values())
        return accepted - terminal - sum(self._open.values())


def _crossings(
    sent: Mapping[str, canaries.Canary], lanes: Iterable[str], now: datetime
) -> dict[str, tuple[float, float]]:
    """For each lane, how long its canary took or has been under way, and how long ago one last crossed."""
    found = dict.fromkeys(lanes, (0.0, 0.0))
    for lane in found.keys() & sent.keys():
        canary = sent[lane]
        end = canary.crossed_at if canary.crossed_at and not canary.is_under_way else now
        took, age = end - canary.sent_at, now - (canary.crossed_at or canary.sent_at)
        found[lane] = (max(took.total_seconds(), 0.0), max(age.total_seconds(), 0.0))
    return found
