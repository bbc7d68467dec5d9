"""Work in a process of its own: its end is the caller's, and what it loads is not."""

import os
import signal

import pytest

from app.runtime.apart import apart
from app.runtime.faults import CannotStart


def test_what_is_done_apart_is_done_by_somebody_else(tmp_path):
    apart(lambda: (tmp_path / "who").write_text(f"{os.getpid()} {os.getppid()}"))
    who, parent = (tmp_path / "who").read_text().split()
    assert int(who) != os.getpid()
    assert int(parent) == os.getpid()


def test_what_it_changes_in_memory_ends_with_it():
    seen = []
    apart(lambda: seen.append(1))
    assert seen == []


def test_what_cannot_start_says_why_and_nothing_else(capfd):
    def work():
        raise CannotStart("DATABASE_URL: there is no such place")

    with pytest.raises(SystemExit) as left:
        apart(work)
    assert left.value.code == 1
    assert capfd.readouterr().err == "DATABASE_URL: there is no such place\n"


def test_any_other_fault_shows_where_it_was(capfd):
    def work():
        raise ZeroDivisionError("of ours")

    with pytest.raises(SystemExit):
        apart(work)
    told = capfd.readouterr().err
    assert "ZeroDivisionError: of ours" in told
    assert "in work" in told


def test_what_is_killed_is_told_of():
    with pytest.raises(SystemExit, match="signal 9"):
        apart(lambda: os.kill(os.getpid(), signal.SIGKILL))
