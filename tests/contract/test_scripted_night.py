"""The scripted night, on both databases: the exact mails, and every failure told once or left out for a reason."""

from pathlib import Path

import pytest

from app.store.engine import Database
from tests.drills.night import faults_of, played_on
from tests.drills.night_script import COUNT, FATES, MAILS, failures
from tests.fakes.gate_server import GateServer


def test_five_hundred_failures_in_a_night_are_these_mails(database: Database, gate_server: GateServer, tmp_path: Path):
    url = database.engine.url.render_as_string(hide_password=False)
    with played_on(tmp_path / "product", gate_server, {"DATABASE_URL": url}) as night:
        outcome = night.play()
    assert list(faults_of(outcome)) == []


@pytest.mark.parametrize("user", FATES)
def test_the_script_counts_every_failure_once(user: str):
    fates = FATES[user]
    assert len(list(failures())) == COUNT
    assert fates.own + fates.in_digests + sum(fates.suppressed.values()) == COUNT
    assert sum(mail.carries for mail in MAILS if mail.user == user) == fates.own + fates.in_digests
