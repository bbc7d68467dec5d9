"""How long a channel goes on with a contact that takes nothing."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long everything that is sent to a contact may fail: then its owner is warned, and then it is disabled."""

    warned_after: timedelta
    disabled_after: timedelta
    notice: timedelta = timedelta(days=1)
    """The least time between the two, however rarely something is sent there."""
