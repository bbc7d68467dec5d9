"""`python -m tests.drills.hosts`: an API host and two worker hosts in network namespaces of this machine.

They share a PostgreSQL and a Redis of the drill's own, and with --rabbitmq a RabbitMQ. It measures what one worker host
delivers and what two do, and what a notification costs; then it pulls the cable of one in the middle of the work, and
judges what is left. Takes root, iproute2 and the servers' programs.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import func, select, text

from app.store import heartbeats
from app.store.tables import audit, notifications
from tests.drills import report
from tests.drills.cluster import NoCluster, own_cluster
from tests.drills.costs import Meter
from tests.drills.facts import last_change
from tests.drills.fleet import PARTS, Fleet
from tests.drills.judge import judge
from tests.drills.load import Load
from tests.drills.network import Network, NoNetwork
from tests.drills.rabbit import NoRabbit, Rabbit
from tests.drills.stage import Options, Result, Stage
from tests.drills.watch import Watch

API, FIRST, SECOND = "api", "w1", "w2"
WORKERS = tuple(name for name in PARTS if name not in ("api", "relay"))
_RECEIVERS = 24
_MIDDLE = (0.1, 0.9)
_BACK_SECONDS = 90.0
_LOOK_SECONDS = 0.1
_STEADY_RATE = 20
_EMPTY_BYTES = 8_500_000
"""Of a database with the tables, and nothing in them."""
_STILL_SECONDS = 2.0


class Hosts(Fleet):
    """A fleet whose parts are on hosts of their own: the API and the relay on one, the workers on the others."""

    def __init__(self, directory: Path, network: Network, **rig: Any) -> None:
        super().__init__(directory, address=network.address, **rig)
        self._network = network
        self.url = self.url.replace(network.address, network.address_of(API))

    def start(self) -> None:
        """Bring the schema up to date, then start the API's host and the first of the workers'."""
        self._environ["SECRET_KEY"] = "the-same-secret-on-each-of-the-hosts"
        self._migrate()
        self._parts = {}
        self._start(("api", "relay"))
        self.start_workers(FIRST)

    def start_workers(self, host: str) -> None:
        """Start the workers of one more host."""
        self._start([f"{part}@{host}" for part in WORKERS])

    def meter(self) -> Meter:
        """Counts from now on what each part uses."""
        pids = {name.partition("@")[0]: part.process.pid for name, part in self._parts.items() if SECOND not in name}
        return Meter(pids, self.database, self._environ["REDIS_URL"])

    def _start(self, names: Sequence[str]) -> None:
        self._parts |= {name: self._spawn(name) for name in names}
        for name in names:
            self._until_ready(name)

    def _command(self, name: str) -> list[str]:
        part, _, host = name.partition("@")
        return [*self._network.on(host or API), *super()._command(part)]

    def _environ_of(self, name: str) -> dict[str, str]:
        # Nothing is shared but the servers: no folder either.
        host = name.partition("@")[2] or API
        return self._environ | {"DATA_DIR": str(self.directory / host), "HOST": self._network.address_of(API)}


def rate(stage: Stage, count: int) -> float:
    """Notifications a second of a burst for webhooks: those in the middle of it, by the moments of their outcomes."""
    stage.rig.call("POST", "/channels/webhook/pause").raise_for_status()
    before = set(stage.load.accepted)
    stage.load.submit(count, channels=("webhook",))
    stage.rig.call("POST", "/channels/webhook/resume").raise_for_status()
    stage.until_quiet(300)
    mine = set(stage.load.accepted) - before
    with stage.rig.database.read() as conn:
        columns = select(notifications.c.event_id, notifications.c.delivered_at)
        rows = conn.execute(columns.where(notifications.c.status == "delivered")).all()
    moments = sorted(at.timestamp() for event_id, at in rows if event_id in mine)
    first, last = (int(part * (len(moments) - 1)) for part in _MIDDLE)
    return (last - first) / (moments[last] - moments[first])


def stored(stage: Stage, count: int) -> str:
    """What is left in the database for each notification."""
    with stage.rig.database.read() as conn:
        size = conn.execute(text("SELECT pg_database_size(current_database())")).scalar_one() - _EMPTY_BYTES
        entries = conn.execute(select(func.count()).select_from(audit)).scalar_one()
    return f"stored for each notification: {size / count:,.0f} bytes with indexes, {entries / count:.1f} audit entries"


def scale_out(stage: Stage, count: int, delay: float) -> None:
    """One worker host, then two: for receivers that are slow, which leaves the cores idle, and for quick ones."""
    hosts = stage.rig
    assert isinstance(hosts, Hosts)
    slow, quick = {"*": [{"delay": delay}]}, {"*": [{"status": 200}]}
    hosts.script(slow)
    one_slow = rate(stage, count)
    hosts.script(quick)
    meter = hosts.meter()
    one_quick = rate(stage, 2 * count)
    stage.notes.append(f"webhooks in a burst: {meter.told(2 * count)}")
    meter = hosts.meter()
    stage.load.submit(count, count / _STEADY_RATE)
    stage.until_quiet(60)
    stage.notes.append(f"one by one, {_STEADY_RATE} a second, on three channels: {meter.told(count)}")
    hosts.start_workers(SECOND)
    two_quick = rate(stage, 2 * count)
    hosts.script(slow)
    two_slow = rate(stage, count)
    for name, one, two in (
        (f"receivers that take {1000 * delay:.0f} ms", one_slow, two_slow),
        ("quick receivers", one_quick, two_quick),
    ):
        stage.notes.append(f"{name}: {one:.0f}/s by one worker host, {two:.0f}/s by two, {two / one:.2f} times")


def cut(stage: Stage, network: Network, count: int, away: float) -> None:
    """The cable of a worker host is pulled under load; the rest does its work; it comes back."""
    stage.trouble()
    span = max(count / 40, 8.0)
    loading = stage.load.begin(count, span)
    stage.sleep(span / 2, f"before {SECOND} is cut off")
    stage.expect(not loading.done(), "there was no load when the host was cut off, so this run showed nothing")
    pulled = time.time()
    network.cut(SECOND)
    stage.until_accepted(loading)
    stage.until_quiet(120)
    ended = time.time() - pulled
    late = max(
        (row.updated_at - row.created_at).total_seconds()
        for row in stage.facts().rows
        if row.updated_at.timestamp() > pulled
    )
    stage.notes.append(f"{SECOND} cut off: all had ended {ended:.1f} s later, {late:.1f} s after acceptance at most")
    refused = len(stage.load.refused())
    stage.expect(not refused, f"POST /events did not answer 202 {refused} times")
    stage.sleep(max(away - ended, 0.0), f"{SECOND} is cut off")
    beats = _beats(stage, since=pulled + _STILL_SECONDS)
    stage.expect(not beats, f"{SECOND} gave signs of life while it was cut off, so this run showed nothing")
    mended = time.time()
    network.mend(SECOND)
    stage.fault_over()
    while len(_beats(stage, since=mended)) < len(WORKERS):
        if time.time() - mended > _BACK_SECONDS:
            stage.faults.append(f"not all workers of {SECOND} were back {_BACK_SECONDS:g} s after its cable")
            break
        stage.sleep(_LOOK_SECONDS, f"until {SECOND} is back")
    stage.notes.append(
        f"it was cut off for {mended - pulled:.0f} s, and back {time.time() - mended:.1f} s after its cable"
    )
    stage.load.submit(count // 2, span / 4)
    stage.until_quiet(120)


def _beats(stage: Stage, since: float) -> list[str]:
    """The workers of the second host that have given a sign of life since then."""
    with stage.rig.database.read() as conn:
        known = heartbeats.known(conn)
    return [beat.process for beat in known if f"@{SECOND}#" in beat.process and beat.beat_at.timestamp() > since]


def main(words: Sequence[str] | None = None) -> int:
    """Run it, print what was measured and the judgement, and answer 0 if everything held."""
    given = _parser().parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 180)
    # So that namespaces, servers and folders go away also when somebody ends it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = Path(tempfile.mkdtemp(prefix="drill-hosts-"))
    try:
        result = _performed(directory, given, console)
    except (NoNetwork, NoCluster, NoRabbit) as error:
        console.print(f"hosts cannot be had here: {error}", markup=False, soft_wrap=True)
        return 2
    report.show(console, [result])
    if result.passed:
        shutil.rmtree(directory, ignore_errors=True)
        return 0
    console.print(f"ledgers and logs are kept in {directory}", markup=False)
    return 1


def _performed(directory: Path, given: argparse.Namespace, console: Console) -> Result:
    network = Network((API, FIRST, SECOND), receivers=_RECEIVERS)
    began = time.monotonic()
    environ = {"WEBHOOK_ALLOWED_NETWORKS": network.block, "WORKER_CONCURRENCY": str(given.threads)}
    with (
        network,
        own_cluster(network.address, network.block) as postgres,
        Rabbit(network.address) if given.rabbitmq else nullcontext() as rabbit,
        Hosts(
            directory, network, postgres=postgres, own_redis=True, rabbitmq=rabbit and rabbit.url, environ=environ
        ) as hosts,
        Watch(hosts.url) as watch,
        console.status("starting") as status,
    ):
        users = [f"u-{number}" for number in range(_RECEIVERS)]
        for user, receiver in zip(users, network.receivers, strict=True):
            hosts.add_user(user, receiver)
        load = Load(hosts.url, hosts.authorization(), users, given.seed)
        options = Options(directory, seed=given.seed)
        stage = Stage(hosts, load, watch, None, options, 1.0, lambda text, _part: status.update(text))
        if given.count:
            scale_out(stage, given.count, given.delay)
        else:
            hosts.start_workers(SECOND)
        cut(stage, network, given.cut, given.away)
        case = stage.case()
        stage.notes.append(stored(stage, len(case.facts.rows)))
    judgement = judge(case)
    recovered = max(last_change(case.facts.rows) - stage.fault_over_at, 0.0)
    faults = (*stage.faults, *watch.faults, *judgement.faults)
    return Result("hosts", judgement, recovered, tuple(stage.notes), faults, time.monotonic() - began)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.drills.hosts", description=__doc__)
    parser.add_argument("--count", type=int, default=600, help="notifications of each measurement; 0: none of them")
    parser.add_argument("--cut", type=int, default=600, help="notifications while a host is cut off")
    parser.add_argument("--away", type=float, default=30.0, help="seconds, at least, that it is cut off")
    parser.add_argument("--delay", type=float, default=0.2, help="seconds that slow receivers take")
    parser.add_argument("--threads", type=int, default=8, help="of each worker")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rabbitmq", action="store_true", help="messages by a RabbitMQ instead of the Redis")
    return parser


if __name__ == "__main__":
    sys.exit(main())
