"""What a fake alerting service remembers: every alert that was ever opened, and what became of it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Alert:
    """One alert from its opening to its end."""

    id: str
    owner: str
    """The key or the service it was opened with."""
    key: str
    told: int = 1
    """How often it was opened, repeats included."""
    closed: int = 0
    """How often it was closed, which is once at most."""


class Incidents:
    """Alerts in the order in which they were opened; of one owner and key one at most is open."""

    def __init__(self) -> None:
        self._alerts: list[Alert] = []
        self.in_vain = 0
        """How often something was to be closed that was not open."""

    def everything(self, key: str | None = None) -> list[Alert]:
        """All alerts, or those with a key."""
        return [alert for alert in list(self._alerts) if key in (None, alert.key)]

    def open(self, owner: str, key: str) -> tuple[Alert, bool]:
        """Open an alert, unless it is open; the alert, and whether it is new."""
        if (alert := self.find(owner, key)) is not None:
            alert.told += 1
            return alert, False
        alert = Alert(f"A{len(self._alerts) + 1:05}", owner, key)
        self._alerts.append(alert)
        return alert, True

    def close(self, owner: str, key: str) -> Alert | None:
        """Close an alert; None when it is not open."""
        alert = self.find(owner, key)
        if alert is None:
            self.in_vain += 1
        else:
            alert.closed += 1
        return alert

    def find(self, owner: str, key: str) -> Alert | None:
        """The open alert of an owner with a key."""
        return next((one for one in list(self._alerts) if (one.owner, one.key, one.closed) == (owner, key, 0)), None)
