"""Gates that had to let pass: counted, and cheap even when it goes on."""

import pytest

from app.services import gate_faults
from app.services.gate_faults import GateFaults
from app.store import counters
from app.store.engine import Database
from tests.fakes.at_once import at_once


class Seconds:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    seconds = Seconds()
    monkeypatch.setattr(gate_faults, "time", seconds)
    return seconds


def counted(database: Database) -> dict[str, float]:
    with database.read() as conn:
        return {labels["gate"]: value for _, labels, value in counters.totals(conn)}


def test_the_first_is_on_the_counters_at_once_and_the_next_within_a_second(database: Database, seconds: Seconds):
    faults = GateFaults(database, process="p")
    faults.count("dedupe")
    assert counted(database) == {"dedupe": 1}
    for _ in range(5):
        faults.count("rate_limit")
    assert counted(database) == {"dedupe": 1}
    seconds.now += 1
    faults.count("park")
    assert counted(database) == {"dedupe": 1, "rate_limit": 5, "park": 1}


def test_threads_lose_none(database: Database, seconds: Seconds):
    faults = GateFaults(database, process="p")
    assert at_once(8, lambda _: [faults.count("dedupe") for _ in range(20)]) == [[None] * 20] * 8
    seconds.now += 1
    faults.count("dedupe")
    assert counted(database) == {"dedupe": 161}


def test_a_database_that_is_away_stops_nobody(tmp_path, seconds: Seconds):
    faults = GateFaults(Database(f"sqlite:///{tmp_path}/no/such/folder/x.db"), process="p")
    faults.count("dedupe")
