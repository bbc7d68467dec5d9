"""A publisher that keeps what it is told to publish."""

import threading

from app.services.announcing import Announcement


class RecordingPublisher:
    """Takes every announcement."""

    def __init__(self) -> None:
        self.published: list[Announcement] = []
        self.canaries: list[tuple[str, str]] = []
        self._arrived = threading.Condition()

    def publish(self, announcement: Announcement) -> None:
        """Keep it."""
        with self._arrived:
            self.published.append(announcement)
            self._arrived.notify_all()

    def waiting(self, lane: str) -> int | None:
        """How much was published on a lane."""
        with self._arrived:
            return sum(len(one.ids) for one in self.published if one.lane == lane)

    def send_canary(self, lane: str, canary_id: str) -> None:
        """Keep it, apart from the announcements."""
        self.canaries.append((lane, canary_id))

    def ids(self, count: int, timeout: float = 5.0) -> list[str]:
        """The notifications announced so far, once there are as many as that."""
        with self._arrived:
            self._arrived.wait_for(lambda: sum(len(one.ids) for one in self.published) >= count, timeout)
            return [id_ for one in self.published for id_ in one.ids]
