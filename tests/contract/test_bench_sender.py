"""The benchmark's client of the API: all it sends is accepted, or it says so."""

import time

import pytest

from tests.benchmarks.sender import Sender
from tests.fakes.receiver import Answer, Receiver

TAKEN = Answer(202, body='{"id": "evt_1", "rejected": []}')


def test_what_is_accepted_is_counted():
    with Receiver() as receiver:
        receiver.script("/events", TAKEN)
        receiver.script("/events/batch", TAKEN)
        sender = Sender(receiver.url(), {"Authorization": "Bearer k"})
        began = time.time()
        sent = sender.each([{"number": number} for number in range(40)])
        sender.one({"number": 40})
        sender.batch([{"number": 41}, {"number": 42}])
        assert sender.accepted == 43
        assert len(sent) == 40
        assert began <= min(sent) <= max(sent) <= time.time()
        assert len(receiver.ledger.entries()) == 42
        assert receiver.ledger.entries()[0]["headers"]["authorization"] == "Bearer k"


def test_connections_stay_open_while_many_are_sent():
    with Receiver() as receiver:
        receiver.script("/events", TAKEN)
        Sender(receiver.url(), {}).each([{}] * 100)
        assert receiver.connections <= 8


def test_a_pace_is_kept():
    with Receiver() as receiver:
        receiver.script("/events", TAKEN)
        sent = Sender(receiver.url(), {}).each([{}] * 20, rate=100.0)
        # The first may have been late, the last is not early.
        assert max(sent) - min(sent) >= 0.1


@pytest.mark.parametrize(
    ("path", "answer"), [("/events", Answer(503)), ("/events/batch", Answer(202, body='{"rejected": [{"index": 0}]}'))]
)
def test_what_is_refused_ends_the_run(path, answer):
    with Receiver() as receiver:
        receiver.script(path, answer)
        sender = Sender(receiver.url(), {})
        with pytest.raises(RuntimeError):
            sender.one({}) if path == "/events" else sender.batch([{}])
        assert sender.accepted == 0
