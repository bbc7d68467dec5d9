"""Every drill: what is broken, by which name, and on what product."""

from collections.abc import Mapping
from functools import partial

from tests.drills.broker_drills import broker_outages, flushes, frozen_broker, full_broker, poison
from tests.drills.failpoints import die_everywhere
from tests.drills.grounds import Clock, Cluster, Disk
from tests.drills.killing import kill_each_worker, kill_the_api, kill_the_relay, kill_workers, no_workers
from tests.drills.pressure import full_disk, lost_postgres, moved_clock, storm
from tests.drills.receivers import FEW_RETRIES, MOODS, moody_mail, receiver_down, refusals, silence
from tests.drills.soak import soak
from tests.drills.stage import Drill
from tests.drills.stops import rolling_restarts, stop_and_start, upgrade

IN_CI = ("D1", "D4", "D8", "D9", "D16")
"""Those that run with every change, in their small size; the others take a command."""

STORM = {"RATE_LIMIT_PER_USER": "10", "RATE_LIMIT_WINDOW_MINUTES": "0.1"}
"""The limit of the defaults, in a window that a drill can wait for."""

DRILLS: Mapping[str, Drill] = {
    drill.name: drill
    for drill in (
        Drill("D1", "kill -9 of a random worker every 2 s", kill_workers),
        Drill("D2", "kill -9 of a whole worker every 3 s", kill_each_worker),
        Drill("D3", "no workers at all", no_workers),
        Drill("D4", "broker killed without persistence", broker_outages),
        Drill("D5", "FLUSHALL six times under load", flushes),
        Drill("D6", "broker out of memory", full_broker),
        Drill("D7", "broker frozen", frozen_broker),
        Drill("D8", "kill -9 of the API between commit and answer", kill_the_api),
        Drill("D9", "kill -9 at each place of the delivery", die_everywhere, {"WORKER_CONCURRENCY": "1"}),
        Drill("D10", "kill -9 of the relay, then three of them", kill_the_relay),
        Drill("D11", "SIGTERM to each part of a fleet in turn", rolling_restarts, fleet=True),
        Drill("D12", "a receiver is down", receiver_down),
        Drill("D13", "429 with Retry-After, 410, 404", refusals, FEW_RETRIES),
        Drill("D14", "receivers that never answer", silence, FEW_RETRIES),
        Drill("D15", "mail: 451, 421, 550, hung up after DATA", moody_mail, mail=MOODS),
        Drill("D16", "messages that are no tasks, on four lanes", poison),
        Drill("D17", "the disk is full, then read-only", full_disk, ground=Disk),
        Drill("D17-postgresql", "PostgreSQL crashes, then takes no writing", lost_postgres, ground=Cluster),
        Drill("D18", "the clock jumps an hour back, then forward", moved_clock, ground=Clock),
        Drill("D19", "a storm of progress, and a few errors", storm, STORM),
        Drill("D20", "a long time, with faults at random", soak, takes=(30, 30), by_minutes=True),
        Drill(
            "upgrade",
            "an older version (--from), replaced part by part: workers, relay, API",
            partial(upgrade, ("outbound", "local", "urgent", "relay", "api")),
            upgrades=True,
        ),
        Drill(
            "upgrade-api",
            "the same, beginning with the API",
            partial(upgrade, ("api", "relay", "urgent", "local", "outbound")),
            upgrades=True,
        ),
        Drill("stop", "SIGTERM in the middle, and a new start", stop_and_start, mail={"content": [{"delay": 0.5}]}),
        Drill("unfused", "D5 with every step through the broker", flushes, {"FUSE_STEPS": "false"}, shrink=0.2),
    )
}
