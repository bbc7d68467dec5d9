"""`python -m tests.drills.night`: 500 jobs fail in one night; who gets which mails, and when on their own clock?

The product is put together as for its processes, with its default limits, a real broker for its gates and mails as
files; only the clock is moved by hand, and what is announced is done here instead of in workers.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import func, select

from app.store.migrate import upgrade
from app.store.tables import notifications
from tests.drills.night_script import BEGINS, COUNT, ENDS, FATES, MAILS, WISHES, Fates, Mail, failures
from tests.fakes.gate_server import GateServer
from tests.fakes.product import Product, build_product

_LOOK = timedelta(minutes=5)
Follow = Callable[[Sequence[datetime]], "Iterator[datetime]"]
"""Yields the moments one by one, and may show how far it is."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the night has brought, as the mails and the history have it."""

    mails: Sequence[Mail]
    fates: Mapping[str, Fates]


class Night:
    """The script, played on one product."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._services = product.services

    def play(self, follow: Follow = iter) -> Outcome:
        """Let all of it happen, and tell what came of it."""
        clock = self._product.clock
        for user, wishes in WISHES.items():
            self._ask("PUT", f"/preferences/{user}", json={"contacts": {"email": f"{user}@night.example"}, **wishes})
        coming = list(failures())
        looks = {BEGINS + number * _LOOK for number in range((ENDS - BEGINS) // _LOOK + 1)}
        for moment in follow(sorted(looks | {at for at, _ in coming})):
            clock.advance(seconds=(moment - clock.now()).total_seconds())
            self._work()
            while coming and coming[0][0] == moment:
                self._ask("POST", "/events", json=coming.pop(0)[1])
                self._work()
        return Outcome(self._mails(), {user: self._fates(user) for user in WISHES})

    def _work(self) -> None:
        """Do what relay and workers would: all that is due."""
        self._services.relay.feed()
        if not (pending := self._pending()):
            return
        self._product.publisher.ids(pending)
        announced = list(self._product.publisher.published)
        self._product.publisher.published.clear()
        for one in announced:
            pipeline = self._services.pipeline
            ids = pipeline.rate_limit(pipeline.dedupe(pipeline.render(one.ids)))
            self._services.delivery.deliver(one.channel, ids)

    def _pending(self) -> int:
        with self._services.database.read() as conn:
            chosen = select(func.count()).where(notifications.c.status == "pending")
            return int(conn.execute(chosen).scalar_one())

    def _mails(self) -> list[Mail]:
        found = []
        for path in sorted(self._services.settings.mail_dir.glob("*.eml")):
            mail = message_from_bytes(path.read_bytes(), policy=default)
            user = str(mail["To"]).partition("@")[0]
            own_time = parsedate_to_datetime(mail["Date"]).astimezone(ZoneInfo(WISHES[user]["timezone"]))
            notification = self._ask("GET", f"/notifications/{path.stem.partition('-')[2]}")
            carries = 1 if notification["event_id"] else self._carried_by(user, notification["id"])
            found.append(Mail(user, f"{own_time:%d %b %H:%M:%S}", str(mail["Subject"]), carries))
        return found

    def _carried_by(self, user: str, digest_id: str) -> int:
        return sum(one["digest_id"] == digest_id for one in self._history(user))

    def _fates(self, user: str) -> Fates:
        rows = [one for one in self._history(user) if one["event_id"]]
        ended = Counter(one["status"] for one in rows)
        reasons = Counter(one["reason"] for one in rows if one["status"] == "suppressed")
        if unknown := set(ended) - {"delivered", "digested", "suppressed"}:
            raise RuntimeError(f"{user}: some ended as {sorted(unknown)}")
        return Fates(ended["delivered"], ended["digested"], dict(reasons))

    def _history(self, user: str) -> list[dict[str, object]]:
        items: list[dict[str, object]] = []
        query = "?limit=200"
        while True:
            page = self._ask("GET", f"/history/{user}{query}")
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            query = f"?limit=200&cursor={page['next_cursor']}"

    def _ask(self, method: str, path: str, **request: object) -> dict[str, object]:
        answer = self._product.call(method, path, **request)
        if answer.status_code >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return dict(answer.json)


@contextmanager
def played_on(folder: Path, gates: GateServer, environ: Mapping[str, str]) -> Iterator[Night]:
    """A night on an empty database, which is the folder's own unless the environment names one."""
    folder.mkdir(exist_ok=True)
    product = build_product(folder, None, {"REDIS_URL": gates.url, **environ})
    upgrade(product.services.database)
    try:
        yield Night(product)
    finally:
        product.services.close()


def main(words: Sequence[str] | None = None) -> int:
    """Play it and print what came; the exit code is 1 when that is not what the script expects."""
    argparse.ArgumentParser(prog="python -m tests.drills.night", description=__doc__).parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 140)
    with tempfile.TemporaryDirectory(prefix="im2-night-") as name:
        gates = GateServer(Path(name) / "broker")
        gates.start()
        try:
            with played_on(Path(name) / "product", gates, {}) as night:
                outcome = night.play(lambda moments: track(moments, "the night", console=console, transient=True))
        finally:
            gates.stop()
    return _report(console, outcome)


def _report(console: Console, outcome: Outcome) -> int:
    table = Table("who", "when, on their own clock", "subject", "carries")
    for mail in outcome.mails:
        table.add_row(mail.user, mail.at, mail.subject, str(mail.carries))
    console.print(table)
    sums = Table("who", "mails", "own", "in digests", "suppressed", "together")
    for user, fates in outcome.fates.items():
        suppressed = sum(fates.suppressed.values())
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(fates.suppressed.items()))
        mails = sum(mail.user == user for mail in outcome.mails)
        together = fates.own + fates.in_digests + suppressed
        sums.add_row(user, *map(str, (mails, fates.own, fates.in_digests, f"{suppressed} ({why})", together)))
    console.print(sums)
    faults = list(faults_of(outcome))
    for fault in faults:
        console.print(fault, style="red", markup=False)
    if not faults:
        console.print(f"{COUNT} failures for {len(FATES)} users: {len(MAILS)} mails, all as expected", style="green")
    return int(bool(faults))


def faults_of(outcome: Outcome) -> Iterator[str]:
    """What is not as the script expects."""
    expected, found = Counter(MAILS), Counter(outcome.mails)
    yield from (f"expected, and not there: {mail}" for mail in (expected - found).elements())
    yield from (f"there, and not expected: {mail}" for mail in (found - expected).elements())
    for user, fates in FATES.items():
        if outcome.fates[user] != fates:
            yield f"{user}: expected {fates}, and it is {outcome.fates[user]}"


if __name__ == "__main__":
    sys.exit(main())
