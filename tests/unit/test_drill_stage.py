"""A drill that cannot be done says so, and is not taken for one that held."""

from pathlib import Path
from typing import Self

import pytest

from tests.drills.drills import DRILLS, IN_CI
from tests.drills.grounds import Impossible
from tests.drills.report import foretold
from tests.drills.stage import Drill, Options, perform


class Nothing:
    """A ground that cannot be had."""

    environ = {}
    postgres = None

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    def __enter__(self) -> Self:
        raise self._fault

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Impossible("no small disk"), "cannot be done here: no small disk"),
        (TimeoutError("not ready"), "ended early by TimeoutError: not ready"),
    ],
)
def test_a_drill_that_does_not_come_to_its_end_has_not_held(tmp_path: Path, fault: Exception, said: str):
    drill = Drill("D0", "nothing", lambda _stage: None, ground=lambda _directory: Nothing(fault))
    result = perform(drill, Options(tmp_path), lambda _text, _part: None)
    assert result.faults == (said,)
    assert not result.passed


def test_all_twenty_are_there_and_those_of_every_change_are_among_them():
    assert {f"D{number}" for number in range(1, 21)} <= set(DRILLS)
    assert set(IN_CI) <= set(DRILLS)


def test_how_long_drills_take_is_told_beforehand(tmp_path: Path):
    short = Drill("D0", "nothing", lambda _stage: None, takes=(20, 80))
    long = Drill("D00", "nothing", lambda _stage: None, takes=(30, 30), by_minutes=True)
    small, half, full = (Options(tmp_path, scale, minutes=5) for scale in (0.1, 0.55, 1.0))
    assert [short.lasts(options) for options in (small, half, full)] == pytest.approx([20, 50, 80])
    assert long.lasts(small) == long.lasts(full) == pytest.approx(330)
    assert foretold([short], full) == "D0: about 80 s"
    assert foretold([short, long], full) == "2 drills: about 7 min, 5 min of them D00 (--minutes)"
