"""No process of ours outlives the one that started it, however that one ended."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def tie_to(parent: int) -> Callable[[], None]:
    """A function that makes the process it is called in die with its parent (Linux; elsewhere it does nothing).

    It is made before the fork and called after it, since little is safe between fork and exec. The kernel watches the
    thread that forked, and forgets the wish when the child forks: its children must be tied for themselves.
    """
    if sys.platform != "linux":
        return _nothing
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel knew of the wish
            os.kill(os.getpid(), signal.SIGKILL)

    return tie


def _nothing() -> None:
    pass
