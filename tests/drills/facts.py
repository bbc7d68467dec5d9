"""What the product says about itself: its rows, its audit log and its metrics."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select

from app.domain.notifications import OPEN
from app.store import audit
from app.store.audit import Verdict
from app.store.engine import Database
from app.store.tables import attempts, events, inbox, notifications
from app.store.tables import audit as audit_rows

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One notification at the end, and its record."""

    id: str
    event_id: str | None
    user_id: str
    channel: str
    type: str
    status: str
    reason: str | None
    attempts: int
    possible_duplicate: bool
    created_at: datetime
    updated_at: datetime
    outcomes: tuple[str | None, ...]
    """Of its attempts, in their order; None is one that is still open."""
    decisions: tuple[str, ...]
    """What its trace says, in its order."""
    digest_id: str | None = None
    """The digest that carries it."""
    subject_key: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the product wrote down."""

    rows: Sequence[Row]
    events: frozenset[str]
    items: Sequence[str]
    """The notification ids of the inbox items."""
    chain: Verdict
    series: Mapping[Series, float]


def read(database: Database, metrics: str) -> Facts:
    """Read it all; `metrics` is the text of GET /metrics."""
    outcomes: defaultdict[str, list[str | None]] = defaultdict(list)
    decisions: defaultdict[str, list[str]] = defaultdict(list)
    with database.read() as conn:
        ordered = select(attempts.c.notification_id, attempts.c.outcome).order_by(attempts.c.number)
        for id_, outcome in conn.execute(ordered):
            outcomes[id_].append(outcome)
        trace = select(audit_rows.c.object, audit_rows.c.detail).order_by(audit_rows.c.id)
        for id_, detail in conn.execute(trace.where(audit_rows.c.object.startswith("ntf_", autoescape=True))):
            decisions[id_].append(str(detail.get("decision")))
        columns = [notifications.c[name] for name in Row.__slots__ if name in notifications.c]
        rows = [
            Row(**row, outcomes=tuple(outcomes[row["id"]]), decisions=tuple(decisions[row["id"]]))
            for row in conn.execute(select(*columns).order_by(notifications.c.id)).mappings()
        ]
        known = frozenset(conn.execute(select(events.c.id)).scalars())
        items = list(conn.execute(select(inbox.c.notification_id)).scalars())
        chain = audit.verify(conn)
    return Facts(rows, known, items, chain, series_of(metrics))


def series_of(metrics: str) -> dict[Series, float]:
    """The service's own series of a Prometheus text."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name.startswith("notification")
    }


def still_open(database: Database) -> int:
    """How many notifications have work to do."""
    with database.read() as conn:
        statement = select(func.count()).select_from(notifications).where(notifications.c.status.in_(OPEN))
        return int(conn.execute(statement).scalar_one())


def stored(database: Database) -> int:
    """How many notifications there are."""
    with database.read() as conn:
        return int(conn.execute(select(func.count()).select_from(notifications)).scalar_one())


def unsealed(database: Database) -> int:
    """How many audit rows are not in the chain yet."""
    with database.read() as conn:
        return audit.verify(conn).unsealed


def last_change(rows: Iterable[Row]) -> float:
    """When the last row reached its state, in seconds since 1970; 0 for no rows."""
    return max((row.updated_at.timestamp() for row in rows), default=0.0)
