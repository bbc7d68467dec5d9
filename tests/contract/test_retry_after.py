"""What a receiver that is too busy asks for, in seconds or as a date, holds for everything that would go there."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from app.domain.events import OPERATORS
from app.store.engine import Database
from tests.contract.harness import ServedHarness
from tests.contract.harnesses import HARNESSES
from tests.contract.status_table import BUSY_FOR, NotThere
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.receiver import Answer
from tests.fakes.spine import Spine

ASKED = 40
THAT_SAY_WHEN = [name for name, harness in HARNESSES.items() if not isinstance(harness.rows[BUSY_FOR], NotThere)]
FORMS: dict[str, Callable[[], str]] = {
    "seconds": lambda: str(ASKED),
    "date": lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=ASKED), usegmt=True),
}


@pytest.fixture(params=THAT_SAY_WHEN)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServedHarness]:
    made = HARNESSES[request.param](tmp_path)
    assert isinstance(made, ServedHarness)
    yield made
    made.stop()


@pytest.fixture
def spine(harness: ServedHarness, database: Database, clock: FakeClock, gate_server: GateServer) -> Iterator[Spine]:
    spine = Spine(database, clock, gate_server.url, more=[harness.channel])
    yield spine
    spine.close()
    assert spine.unaccounted() == 0


@pytest.mark.parametrize("form", FORMS)
def test_the_whole_target_is_left_alone_for_as_long_as_it_asked(
    spine: Spine, harness: ServedHarness, clock: FakeClock, form: str
):
    channel = harness.channel.name
    reader = "u-1" if harness.has_contacts else OPERATORS
    contacts = {"contacts": {channel: harness.good_contact}} if harness.has_contacts else {}
    wishes = {**contacts, "events": {"job.failed": {channel: "instant"}}}
    spine.preferences.merge(reader, wishes, actor="key:test")
    both = [
        spine.submit(reader, channel=channel, data={"job_id": f"j-{number}", "error": "e"})[0] for number in range(2)
    ]
    first, second = both
    harness.answer(Answer(429, {"Retry-After": FORMS[form]()}))
    (again,) = spine.delivery.deliver(channel, [first])
    assert ASKED - 5 < again.delay <= ASKED
    asked = len(harness.server.ledger.entries())
    for _ in range(2):
        assert spine.delivery.deliver(channel, [second]) == []
        assert spine.states(both) == [("retrying", None), ("pending", None)]
        assert (spine.row(second).attempts, len(harness.server.ledger.entries())) == (0, asked)
        clock.advance(seconds=ASKED - 6)
    harness.answer(Answer(act="serve"))
    for _ in range(5):
        clock.advance(seconds=10)
        spine.delivery.deliver(channel, both)
    assert spine.states(both) == [("delivered", None)] * 2
    assert [len(spine.attempts(one)) for one in both] == [2, 1]
