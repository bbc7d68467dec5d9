"""What is said about one part of the service."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "failing", "off"]


@dataclass(frozen=True, slots=True)
class Check:
    """The state of one part; `detail` is for strangers too: no addresses, no versions, no secrets."""

    status: Status
    detail: str
