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
        Drill("D1", "kill -9 of a random worker every 2 s", kill_workers, takes=(25, 80)),
        Drill("D2", "kill -9 of a whole worker every 3 s", kill_each_worker, takes=(30, 70)),
        Drill("D3", "no workers at all", no_workers, takes=(30, 115)),
        Drill("D4", "broker killed without persistence", broker_outages, takes=(25, 160)),
        Drill("D5", "FLUSHALL six times under load", flushes, takes=(20, 80)),
        Drill("D6", "broker out of memory", full_broker, takes=(25, 65)),
        Drill("D7", "broker frozen", frozen_broker, takes=(20, 45)),
        Drill("D8", "kill -9 of the API between commit and answer", kill_the_api, takes=(25, 75)),
        Drill(
            "D9", "kill -9 at each place of the delivery", die_everywhere, {"WORKER_CONCURRENCY": "1"}, takes=(60, 120)
        ),
        Drill("D10", "kill -9 of the relay, then three of them", kill_the_relay, takes=(40, 100)),
        Drill("D11", "SIGTERM to each part of a fleet in turn", rolling_restarts, fleet=True, takes=(30, 130)),
        Drill("D12", "a receiver is down", receiver_down, takes=(50, 90)),
        Drill("D13", "429 with Retry-After, 410, 404", refusals, FEW_RETRIES, takes=(30, 55)),
        Drill("D14", "receivers that never answer", silence, FEW_RETRIES, takes=(40, 60)),
        Drill("D15", "mail: 451, 421, 550, hung up after DATA", moody_mail, mail=MOODS, takes=(20, 40)),
        Drill("D16", "messages that are no tasks, on four lanes", poison, takes=(25, 60)),
        Drill("D17", "the disk is full, then read-only", full_disk, ground=Disk, takes=(35, 50)),
        Drill(
            "D17-postgresql", "PostgreSQL crashes, then takes no writing", lost_postgres, ground=Cluster, takes=(35, 60)
        ),
        Drill("D18", "the clock jumps an hour back, then forward", moved_clock, ground=Clock, takes=(60, 80)),
        Drill("D19", "a storm of progress, and a few errors", storm, STORM, takes=(20, 90)),
        Drill("D20", "a long time, with faults at random", soak, takes=(40, 40), by_minutes=True),
        Drill(
            "upgrade",
            "an older version (--from), replaced part by part: workers, relay, API",
            partial(upgrade, ("outbound", "local", "urgent", "relay", "api")),
            upgrades=True,
            takes=(40, 75),
        ),
        Drill(
            "upgrade-api",
            "the same, beginning with the API",
            partial(upgrade, ("api", "relay", "urgent", "local", "outbound")),
            upgrades=True,
            takes=(40, 75),
        ),
        Drill(
            "stop",
            "SIGTERM in the middle, and a new start",
            stop_and_start,
            mail={"content": [{"delay": 0.5}]},
            takes=(30, 30),
        ),
        Drill(
            "unfused",
            "D5 with every step through the broker",
            flushes,
            {"FUSE_STEPS": "false"},
            shrink=0.2,
            takes=(20, 35),
        ),
    )
}
