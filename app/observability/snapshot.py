"""Everything that is counted, at one moment, as Prometheus has it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from app.domain.notifications import LANE_INGEST, OPEN, OUTCOMES, REASONS, TERMINAL, lanes_of
from app.store import counters
from app.store.counters import label_text
from app.store.gates import GATES
from app.store.still_open import Bunch

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


class Snapshot(Collector):
    """Counters and open rows of one moment, as metrics."""

    def __init__(
        self,
        at: datetime,
        totals: Iterable[tuple[str, Mapping[str, str], float]],
        bunches: Sequence[Bunch],
        channels: Sequence[str],
        types: Sequence[str],
        crossings: Mapping[str, tuple[float, float]],
    ) -> None:
        self.at = at
        self.channels = channels
        # The lane of events carries no notifications.
        self.lanes = tuple(lane for lane in lanes_of(channels) if lane != LANE_INGEST)
        self._bunches = bunches
        self._types = types
        self._values: defaultdict[str, dict[str, tuple[Mapping[str, str], float]]] = defaultdict(dict)
        for name, labels, value in totals:
            self._values[name][label_text(labels)] = (labels, value)
        self._crossings = crossings

    def counted(self, name: str, key: str, **labels: str) -> dict[str, float]:
        """What was counted under a name with these labels, summed up by the values of another label."""
        sums: defaultdict[str, float] = defaultdict(float)
        for found, value in self._values[name].values():
            if labels.items() <= found.items():
                sums[found.get(key, "")] += value
        return sums

    def open(self, **place: str) -> dict[str, int]:
        """How many are open by status, everywhere or in a `lane` or `channel`; zeros too."""
        sums: dict[str, int] = dict.fromkeys(OPEN, 0)
        for bunch in self._in(place):
            sums[bunch.status] += bunch.count
        return sums

    def oldest_open_seconds(self, **place: str) -> float:
        """How long ago the oldest open one was accepted, everywhere or in a `lane` or `channel`; 0 if there is none."""
        ages = [(self.at - bunch.oldest).total_seconds() for bunch in self._in(place)]
        return max((0.0, *ages))

    def unaccounted(self) -> float:
        """Accepted minus terminal minus open: what was lost track of."""
        accepted = sum(value for _, value in self._values[counters.ACCEPTED].values())
        terminal = sum(value for _, value in self._values[counters.TERMINAL].values())
        return accepted - terminal - sum(self.open().values())

    def _in(self, place: Mapping[str, str]) -> Iterator[Bunch]:
        return (one for one in self._bunches if all(getattr(one, name) == value for name, value in place.items()))

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
        waiting = GaugeMetricFamily("notifications_open", "Notifications that have work to do.", labels=("status",))
        for status, count in self.open().items():
            waiting.add_metric((status,), count)
        yield waiting
        yield GaugeMetricFamily(
            "notifications_oldest_open_seconds",
            "Age of the oldest open notification; 0 if there is none.",
            self.oldest_open_seconds(),
        )
        yield from self._of_lanes()
        yield GaugeMetricFamily(
            "notifications_unaccounted", "Accepted minus terminal minus open; always 0.", self.unaccounted()
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

    def _of_lanes(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "notifications_lane_open", "Open notifications of a lane.", labels=("lane", "status")
        )
        oldest = GaugeMetricFamily(
            "notifications_lane_oldest_open_seconds",
            "Age of the oldest open notification of a lane; 0 if there is none.",
            labels=("lane",),
        )
        for lane in self.lanes:
            oldest.add_metric((lane,), self.oldest_open_seconds(lane=lane))
            for status, count in self.open(lane=lane).items():
                waiting.add_metric((lane, status), count)
        yield from (waiting, oldest)

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
                yield from ((channel,) for channel in self.channels)
            case ("channel", "outcome"):
                yield from ((channel, outcome) for channel in self.channels for outcome in OUTCOMES)
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
        return ((type_, channel) for type_ in self._types for channel in self.channels)
