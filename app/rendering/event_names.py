"""What the types of events are called where people read of them by name."""

from collections.abc import Mapping
from typing import Final

from app.rendering.catalogues import N_

EVENT_NAMES: Final[Mapping[str, str]] = {
    "job.completed": N_("Completed jobs"),
    "job.failed": N_("Failed jobs"),
    "job.progress": N_("Progress of jobs"),
    "system.error": N_("Errors of the system"),
    "system.warning": N_("Warnings of the system"),
    "quota.exceeded": N_("Exceeded quotas"),
    "quota.approaching": N_("Quotas that are nearly used up"),
}
EVERYTHING: Final = N_("All notifications by e-mail")
