"""Writers of one moment share a transaction: on SQLite there is one at a time, and each waits for the disk.

Nobody waits for others to come. While one waits for its turn at the database, those who come meanwhile are taken along.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection

from app.store.engine import Database, DatabaseUnavailable

# Of what is stored in one transaction, unless a single caller has more: nobody waits long for the others.
_MOST = 500
Result = TypeVar("Result")


class _Job(Generic[Result]):
    """What somebody wants done within a transaction, and what came of it once that has ended."""

    def __init__(self, work: Callable[[Connection], Result], size: int) -> None:
        self.work = work
        self.size = size
        self.done = False
        self.value: Result | None = None
        self.error: Exception | None = None

    def outcome(self) -> Result:
        if self.error is not None:
            raise self.error
        return cast(Result, self.value)


class SharedCommits:
    """Runs what writes. Each caller's work is done and committed when it gets its result, or neither of both."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Job[Any]] = deque()
        self._turn = threading.Lock()

    def run(self, work: Callable[[Connection], Result], size: int = 1) -> Result:
        """Do the work within a transaction. It may be done again, if that of another in the same one has failed.

        `size` is about how many rows that stores: who stores many shares with few.

        Raises what it raises, or DatabaseUnavailable.
        """
        if not self._database.is_sqlite:
            # There, those who write at the same time do not wait for each other.
            with self._database.write() as conn:
                return work(conn)
        job = _Job(work, size)
        self._waiting.append(job)
        try:
            with self._turn:
                while not job.done:
                    self._commit()
        finally:
            # Left behind only by a caller who has to end here and now.
            if not job.done:
                with suppress(ValueError):
                    self._waiting.remove(job)
        return job.outcome()

    def _commit(self) -> None:
        """Commit what waits, all at once."""
        jobs: list[_Job[Any]] = []
        try:
            with self._database.write() as conn:
                room = _MOST
                while self._waiting and (not jobs or self._waiting[0].size <= room):
                    jobs.append(self._waiting.popleft())
                    room -= jobs[-1].size
                    jobs[-1].value = jobs[-1].work(conn)
        except DatabaseUnavailable as error:
            _end(jobs or self._all_waiting(), error)
        except Exception as error:  # noqa: BLE001 - whose fault it is shows when each is alone
            if not jobs:
                _end(self._all_waiting(), error)
            for job in jobs:
                self._alone(job)
        else:
            _end(jobs, None)
        finally:
            # Whoever did this for all of them may have to end here and now. The others have not.
            self._waiting.extendleft(job for job in reversed(jobs) if not job.done)

    def _alone(self, job: _Job[Any]) -> None:
        try:
            with self._database.write() as conn:
                job.value = job.work(conn)
        except Exception as error:  # noqa: BLE001 - it is the caller's
            _end([job], error)
        else:
            _end([job], None)

    def _all_waiting(self) -> list[_Job[Any]]:
        jobs = list(self._waiting)
        self._waiting.clear()
        return jobs


def _end(jobs: list[_Job[Any]], error: Exception | None) -> None:
    for job in jobs:
        job.error, job.done = error, True
