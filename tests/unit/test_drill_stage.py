"""A drill that cannot be done says so, and is not taken for one that held."""

from pathlib import Path
from typing import Self

import pytest

from tests.drills.drills import DRILLS, IN_CI
from tests.drills.grounds import Impossible
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
