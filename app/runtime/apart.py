"""Work in a process of its own, which takes what it loaded with it when it ends."""

import os
import sys
from collections.abc import Callable

from gevent import monkey

from app.runtime.faults import CannotStart
from app.runtime.parenthood import tie_to


def apart(work: Callable[[], None]) -> None:
    """Do something apart, before any thread is started. Leaves by SystemExit if it could not start; it says why."""
    # Not gevent's own, which would begin to listen for the ends of processes that others here wait for.
    fork, wait = monkey.get_original("os", "fork"), monkey.get_original("os", "waitpid")
    tie = tie_to(os.getpid())
    child = fork()
    if not child:
        tie()
        os._exit(_code_of(work))
    _, status = wait(child, 0)
    if os.WIFSIGNALED(status):
        raise SystemExit(f"what comes before the start was ended by signal {os.WTERMSIG(status)}")
    if status:
        raise SystemExit(1)


def _code_of(work: Callable[[], None]) -> int:
    try:
        work()
    except CannotStart as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201 - as the command line does
        return 1
    except BaseException:  # noqa: BLE001 - this process ends here, whatever it is
        sys.excepthook(*sys.exc_info())
        return 1
    return 0
