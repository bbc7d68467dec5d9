"""What the benchmark makes of what it measured: percentiles, ratios, verdicts, and which loads bring which along."""

import json
from io import StringIO

import pytest
from rich.console import Console

from tests.benchmarks import registry, report
from tests.benchmarks.aims import Aim, Figure, aims
from tests.benchmarks.arithmetic import percentile, ratios, spread
from tests.benchmarks.costs import Costs
from tests.benchmarks.measuring import Way
from tests.benchmarks.results import YARDSTICK, YARDSTICK_AGAIN, Results
from tests.benchmarks.sample import Measured, Sample

WAY = Way(postgres=None, processes=2, threads=4, fused=True, rounds=3, scale=1.0)


def rated(title: str, *rates: float) -> Measured:
    return Measured(title, [Sample(10, {Figure.RATE: rate}) for rate in rates])


def test_a_percentile_is_a_value_that_was_measured():
    values = [float(number) for number in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1.0) == 100
    assert percentile([7.0], 0.99) == 7
    assert percentile([1.0, 2.0], 0.0) == 1


def test_a_spread_is_the_middle_and_both_ends():
    assert spread([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)
    assert spread([1.0, 2.0]).median == 1.5


def test_ratios_are_taken_round_by_round():
    assert ratios([200.0, 100.0], [100.0, 25.0]) == [2.0, 4.0]
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("aim", "value", "verdict"),
    [
        (Aim(1.7, 2.5), 1.69, "MISSED"),
        (Aim(1.7, 2.5), 1.7, "must reached"),
        (Aim(1.7, 2.5), 2.5, "goal reached"),
        (Aim(30, 12), 30.1, "MISSED"),
        (Aim(30, 12), 30, "must reached"),
        (Aim(30, 12), 12, "goal reached"),
    ],
)
def test_a_verdict_knows_whether_less_is_better(aim, value, verdict):
    assert aim.verdict(value) == verdict


def test_no_two_figures_are_told_in_the_same_words():
    assert len(list(Figure)) == len(Figure.__members__)


def test_postgresql_has_aims_of_its_own_where_it_is_slower():
    assert aims(postgres=True)[Figure.SINGLES] == Aim(1.4, 2)
    assert aims(postgres=True)[Figure.P99] == aims(postgres=False)[Figure.P99]


def test_figures_compare_each_load_with_the_yardstick_of_its_own_rounds():
    results = Results(postgres=False)
    results.measured = {
        YARDSTICK: rated("A", 100, 200, 100),
        YARDSTICK_AGAIN: rated("A", 50, 50, 50),
        "singles": rated("B1", 200, 200, 200),
        "http": rated("over HTTP", 40, 50, 60),
        "idle": Measured("idle", [Sample(0, {Figure.IDLE_PSS: 500.0})]),
    }
    told = {one.figure: one for one in results.figures()}
    assert set(told) == {Figure.SINGLES, Figure.HTTP, Figure.IDLE_PSS}
    assert told[Figure.SINGLES].spread == (2.0, 1.0, 2.0)
    assert told[Figure.SINGLES].verdict == "must reached"
    assert (told[Figure.HTTP].spread.median, told[Figure.HTTP].verdict) == (1.0, "MISSED")
    assert told[Figure.IDLE_PSS].verdict == "MISSED"


def test_everything_is_measured_but_what_is_no_requirement_of_ours():
    chosen = registry.chosen((), apprise=False)
    names = [load.name for load in (*chosen.staged, *chosen.whole)]
    assert [*names, "idle"] == [name for name in registry.NAMES if name != "apprise"]
    assert chosen.idle
    assert chosen.over_http


@pytest.mark.parametrize(
    ("only", "staged", "whole"),
    [
        (("bursts",), ["bare", "bursts"], []),
        (("apprise",), ["bare", "bursts", "apprise"], []),
        (("http", "fanout"), [], ["http", "fanout"]),
        (("idle",), [], []),
    ],
)
def test_what_is_chosen_brings_what_it_is_compared_with(only, staged, whole):
    chosen = registry.chosen(only, apprise=False)
    assert [load.name for load in chosen.staged] == staged
    assert [load.name for load in chosen.whole] == whole
    assert chosen.over_http == ("http" in only)
    assert chosen.idle == ("idle" in only)


def test_the_time_is_told_beforehand_and_is_short():
    everything = registry.chosen((), apprise=True)
    assert everything.seconds(rounds=3, scale=1.0) <= 240
    assert everything.seconds(rounds=1, scale=0.5) <= everything.seconds(rounds=3, scale=1.0) / 2
    assert registry.chosen(("idle",), apprise=False).seconds(3, 1.0) < 30


def test_a_missed_must_is_said_in_words_and_changes_nothing_else():
    results = Results(postgres=False, lost=0, doubled=0)
    results.measured = {YARDSTICK: rated("A  bare", 100, 100), "singles": rated("B1 one at a time", 110, 130)}
    results.measured["singles"].costs = [Costs(4.8, 0.1, 2.0, {"workers": 1400.0, "relay": 100.0})] * 2
    results.memory = {"the stage": {"relay": 61.2}}
    console = Console(width=160, file=StringIO())
    report.show(console, results)
    text = console.file.getvalue()
    assert "MISSED" in text
    assert "≥ 1.7" in text
    assert "1.20" in text
    assert "relay 61" in text
    assert "lost 0, doubled 0" in text


def test_machines_read_the_same():
    results = Results(postgres=False, lost=1)
    results.measured = {YARDSTICK: rated("A", 100), "singles": rated("B1", 180)}
    told = json.loads(json.dumps(report.as_json(results, WAY, 0.5)))
    (figure,) = told["figures"]
    assert (figure["name"], figure["median"], figure["verdict"]) == ("singles", 1.8, "must reached")
    assert figure["aim"] == {"must": 1.7, "goal": 2.5, "at_most": False}
    assert told["lost"] == 1
    assert told["loads"]["singles"]["runs"] == [{"count": 10, "rate": 180.0}]
