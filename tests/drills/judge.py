"""The judge: what was accepted, against what the rows say, against what the receivers saw."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.domain.notifications import OPEN, STATUSES
from tests.drills.facts import Facts, Row, Series
from tests.drills.load import Cell
from tests.fakes.ledger import Entry

_MOST_NAMED = 5
End = tuple[str, str | None]
"""A final status and its reason."""
ARRIVED: frozenset[End] = frozenset({("delivered", None), ("suppressed", "duplicate")})
"""How everything ends where all receivers are well in the end."""
_STATUSES = frozenset[str](STATUSES)
_COMPARED = frozenset(
    {
        "notifications_accepted_total",
        "notifications_total",
        "notifications_open",
        "notification_attempts_total",
        "notification_delivery_seconds_count",
        "notification_duplicates_total",
    }
)


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that is to be compared."""

    accepted: Mapping[str, frozenset[Cell]]
    facts: Facts
    ledger: Sequence[Entry]
    most_attempts: int
    ends: frozenset[End] = ARRIVED
    """How what was accepted may end."""
    notices: frozenset[str] = frozenset()
    """The types of what the product may have told by itself."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The numbers of a drill, and each thing that is not as promised, in a sentence."""

    statuses: Mapping[str, int]
    accepted: int
    lost: int
    phantom: int
    duplicates: int
    explained: int
    faults: tuple[str, ...]


def judge(case: Case) -> Judgement:
    """Compare. Every accepted notification has to end as it may, and what is delivered or digested has to arrive."""
    arrived = arrivals(case)
    lost = list(_lost(case, arrived))
    phantom = list(_phantoms(case, arrived))
    repeats = {row.id: arrived[row.id] - 1 for row in case.facts.rows if arrived[row.id] > 1}
    doubts = {row.id: sum(outcome in (None, "unknown") for outcome in row.outcomes) for row in case.facts.rows}
    explained = {id_: min(times, doubts[id_]) for id_, times in repeats.items()}
    faults = [*lost, *phantom]
    faults += [
        f"unexplained duplicate: {id_} arrived {times + 1} times with {doubts[id_]} doubtful attempts"
        for id_, times in repeats.items()
        if times > explained[id_]
    ]
    faults += _records(case, repeats)
    faults += _counters(case.facts)
    if case.facts.chain.first_bad is not None:
        faults.append(f"audit: the chain is broken at row {case.facts.chain.first_bad}")
    elif case.facts.chain.unsealed:
        faults.append(f"audit: {case.facts.chain.unsealed} rows were never sealed")
    return Judgement(
        Counter(row.status for row in case.facts.rows),
        sum(len(cells) for cells in case.accepted.values()),
        len(lost),
        len(phantom),
        sum(repeats.values()),
        sum(explained.values()),
        tuple(faults),
    )


def arrivals(case: Case) -> Counter[str]:
    """How often each notification reached its receiver; what the receiver refused with a status does not count."""
    seen = Counter(case.facts.items)
    for entry in case.ledger:
        if entry.get("act", "answer") != "answer" or 200 <= entry.get("status", 250) < 300:
            seen[str(entry["key"])] += 1
    return seen


def _lost(case: Case, arrived: Counter[str]) -> Iterator[str]:
    cells = {(row.event_id, (row.user_id, row.channel)): row for row in case.facts.rows}
    rows = {row.id: row for row in case.facts.rows}
    items = {(row.user_id, row.subject_key) for row in case.facts.rows if row.channel == "inapp" and arrived[row.id]}
    for event_id, wanted in case.accepted.items():
        for cell in wanted:
            row = cells.get((event_id, cell))
            if row is None:
                yield f"lost: {event_id} has no row for {cell[0]} on {cell[1]}"
            elif row.status in OPEN:
                yield f"lost: {row.id} on {row.channel} is still {row.status}"
            elif row.status == "delivered" and not arrived[row.id] and not _has_moved_on(row, items):
                yield f"lost: {row.id} is delivered, but {row.channel} never saw it"
            elif (row.status, row.reason) not in case.ends:
                yield f"lost: {row.id} on {row.channel} ended as {row.status} ({row.reason})"
            elif row.status == "digested" and not _in_a_digest(row, rows, arrived):
                yield f"lost: {row.id} is digested, and no digest of it arrived on {row.channel}"


def _has_moved_on(row: Row, items: Collection[tuple[str, str | None]]) -> bool:
    """Whether it told how far something was, and its item in the inbox now tells something newer about it."""
    return row.channel == "inapp" and row.type == "job.progress" and (row.user_id, row.subject_key) in items


def _in_a_digest(row: Row, rows: Mapping[str, Row], arrived: Mapping[str, int]) -> bool:
    digest = rows.get(row.digest_id or "")
    if digest is None or digest.type != "digest":
        return False
    # A digest of digests would be a fault of its own: what carries it is one step away.
    return digest.status == "delivered" and bool(arrived.get(digest.id))


def _phantoms(case: Case, arrived: Mapping[str, int]) -> Iterator[str]:
    rows = {row.id: row for row in case.facts.rows}
    yield from (f"phantom: nobody submitted event {id_}" for id_ in sorted(case.facts.events - set(case.accepted)))
    yield from _phantom_rows(case)
    for id_ in arrived:
        if id_ not in rows:
            yield f"phantom: a receiver saw {id_ or 'something without a key'}, which does not exist"
        elif not rows[id_].outcomes:
            yield f"phantom: a receiver saw {id_}, which has no attempt"
    for entry in case.ledger:
        known = rows.get(str(entry["key"]))
        if known is not None and known.channel != entry["channel"]:
            yield f"phantom: {known.id} is for {known.channel} and was seen by {entry['channel']}"


def _phantom_rows(case: Case) -> Iterator[str]:
    cells: Counter[tuple[str, Cell]] = Counter()
    carried = {row.digest_id for row in case.facts.rows}
    for row in case.facts.rows:
        if row.event_id is None:
            if row.type not in case.notices and not (row.type == "digest" and row.id in carried):
                yield f"phantom: {row.id}, a {row.type}, belongs to no event and carries nothing"
            continue
        cell = (row.user_id, row.channel)
        cells[row.event_id, cell] += 1
        if cell not in case.accepted.get(row.event_id, frozenset()):
            yield f"phantom: {row.id} is for {cell[0]} on {cell[1]}, which nobody asked for"
        elif cells[row.event_id, cell] > 1:
            yield f"phantom: {row.id} is a second row for {cell[0]} on {cell[1]}"


def _records(case: Case, repeats: Mapping[str, int]) -> Iterator[str]:
    """What each row says about itself."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in case.facts.rows:
        for fault in _row_faults(row, case.most_attempts, repeated=row.id in repeats):
            found[fault].append(row.id)
    for fault, ids in found.items():
        yield f"{fault}: {len(ids)} rows, such as {', '.join(ids[:_MOST_NAMED])}"


def _row_faults(row: Row, most_attempts: int, *, repeated: bool) -> Iterator[str]:
    said = [decision for decision in row.decisions if decision in _STATUSES]
    if row.status not in OPEN and said[-1:] != [row.status]:
        yield f"the trace ends in {said[-1] if said else 'nothing'} and the row in {row.status}"
    if row.status not in OPEN and said.count(row.status) > 1:
        yield f"the trace says {row.status} more than once"
    if row.attempts > most_attempts:
        yield f"more than {most_attempts} attempts"
    if row.attempts != len(row.outcomes):
        yield "the number of attempts is not that of their records"
    if row.status not in OPEN and None in row.outcomes:
        yield "an attempt was never closed"
    if row.status == "delivered" and row.outcomes[-1:] != ("delivered",):
        yield "delivered without an attempt that says so"
    if row.outcomes.count("delivered") > 1:
        yield "delivered by more than one attempt"
    if repeated and not row.possible_duplicate:
        yield "seen twice and not marked as a possible duplicate"


def _counters(facts: Facts) -> Iterator[str]:
    """The counters must say what the rows say."""
    wanted = Counter(_counted(facts.rows))
    for series in sorted({*wanted, *facts.series}, key=lambda one: (one[0], sorted(one[1]))):
        found = facts.series.get(series, 0)
        if series[0] in _COMPARED and found != wanted[series]:
            labels = ", ".join(f"{label}={value}" for label, value in sorted(series[1]))
            yield f"counter: {series[0]}{{{labels}}} is {found:g}, the rows say {wanted[series]}"
    unaccounted = facts.series.get(_series("notifications_unaccounted"))
    if unaccounted != 0:
        yield f"counter: notifications_unaccounted is {unaccounted}"
    oldest = facts.series.get(_series("notifications_oldest_open_seconds"))
    if oldest is None or (oldest > 0) != any(row.status in OPEN for row in facts.rows):
        yield f"counter: notifications_oldest_open_seconds is {oldest}"


def _counted(rows: Sequence[Row]) -> Iterator[Series]:
    """Every step of a counter that the rows stand for."""
    for row in rows:
        cell = {"type": row.type, "channel": row.channel}
        yield _series("notifications_accepted_total", type=row.type)
        for outcome in row.outcomes:
            if outcome is not None:
                yield _series("notification_attempts_total", channel=row.channel, outcome=outcome)
        if row.status in OPEN:
            yield _series("notifications_open", status=row.status)
        else:
            yield _series("notifications_total", **cell, status=row.status, reason=row.reason or "")
        if row.status == "delivered":
            yield _series("notification_delivery_seconds_count", **cell)
        if row.reason == "duplicate":
            yield _series("notification_duplicates_total", **cell)


def _series(name: str, **labels: str) -> Series:
    return name, frozenset(labels.items())
