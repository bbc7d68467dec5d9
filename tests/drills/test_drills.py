"""A choice of the drills, small enough to be run often: seeded, and with an end to every wait."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.drills.drills import DRILLS, IN_CI
from tests.drills.older import NoOlderVersion, older
from tests.drills.stage import Drill, Options, perform
from tests.drills.stops import upgrade
from tests.integration.servers import postgres_server, rabbitmq_url

SMALL = 0.1
"""Speed is told, and not judged: `python main.py drill` does that."""


def hold(drill: Drill, options: Options) -> None:
    result = perform(drill, options, lambda _text, _part: None)
    assert result.passed, "\n".join((*result.faults, *result.notes))


@pytest.fixture
def version_before(tmp_path: Path) -> Path:
    """The main.py of an older version; without a history the test is skipped, but in CI it fails."""
    try:
        return older(None, tmp_path)
    except NoOlderVersion as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no older version to upgrade from: {error}")
        pytest.skip(f"no older version to upgrade from: {error}")


@pytest.mark.parametrize("name", IN_CI)
def test_nothing_accepted_is_lost(name: str, tmp_path: Path) -> None:
    hold(DRILLS[name], Options(tmp_path, SMALL, timed=False))


def test_a_fleet_on_postgresql_and_rabbitmq_that_goes_step_by_step_is_replaced_part_by_part(tmp_path: Path) -> None:
    stepwise = replace(DRILLS["D11"], environ={"FUSE_STEPS": "false"})
    hold(stepwise, Options(tmp_path, SMALL, postgres=postgres_server(), rabbitmq=rabbitmq_url(), timed=False))


def test_two_versions_run_side_by_side_for_a_while(tmp_path: Path, version_before: Path) -> None:
    # At first a new worker takes what the old API accepts, then the old workers what the new one does.
    mixed = replace(DRILLS["upgrade"], act=partial(upgrade, ("outbound", "api", "relay")))
    hold(mixed, Options(tmp_path, SMALL, timed=False, older=version_before))
