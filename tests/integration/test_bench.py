"""The benchmark by command: what it counts, and never how long anything took."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What a small run writes for machines."""
    file = tmp_path_factory.mktemp("bench") / "told.json"
    words = ["--only", "bursts,fanout", "--rounds", "1", "--scale", "0.1", "--json", str(file)]
    command = [sys.executable, str(ROOT / "main.py"), "bench", *words]
    run = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "lost 0, doubled 0" in run.stdout
    return json.loads(file.read_text())


def test_nothing_is_lost_or_doubled(told):
    assert (told["lost"], told["doubled"]) == (0, 0)
    assert [run["count"] for run in told["loads"]["bursts"]["runs"]] == [500]
    assert [run["count"] for run in told["loads"]["fanout"]["runs"]] == [1000]


def test_the_yardstick_is_bare(told):
    (costs,) = told["loads"]["bare"]["costs"]
    assert costs["messages"] == 4


def test_who_waits_for_the_same_place_shares_messages_and_commits(told):
    (burst,) = told["loads"]["bursts"]["costs"]
    (fan_out,) = told["loads"]["fanout"]["costs"]
    assert burst["messages"] <= 0.1
    assert burst["commits"] <= 0.5
    assert burst["commands"] <= 8
    # Commits of the relay and of signs of life are among them.
    assert fan_out["messages"] <= 0.05
    assert fan_out["commits"] <= 0.2


def test_figures_stand_beside_their_aims(told):
    by_name = {figure["name"]: figure for figure in told["figures"]}
    assert by_name["bursts"]["aim"] == {"must": 6, "goal": 12, "at_most": False}
    assert by_name["fan_out"]["aim"] == {"must": 2, "goal": 0.5, "at_most": True}
    assert by_name["fan_out"]["verdict"] in {"goal reached", "must reached", "MISSED"}
