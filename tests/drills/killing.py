"""D1, D2, D3, D8, D10: workers, the API and the relay are killed."""

import signal
import time
from contextlib import ExitStack

from app.runtime.product import WORKER_GROUPS
from tests.drills.stage import Stage

_KILL_SECONDS = 2.0
_WORKER_SECONDS = 3.0
_BACK_SECONDS = 10.0
_STILL_SECONDS = 15.0
_LOOK_SECONDS = 0.1


def kill_workers(stage: Stage) -> None:
    """D1: kill a random worker process every two seconds."""
    stage.trouble()
    span = stage.seconds(60)
    loading = stage.load.begin(stage.count(2000), span)
    end, kills = time.monotonic() + span, 0
    while time.monotonic() < end:
        stage.sleep(_KILL_SECONDS, "killing workers")
        workers = stage.rig.workers()
        if workers:
            stage.random.choice(workers).send(signal.SIGKILL)
            kills += 1
    stage.until_accepted(loading)
    stage.fault_over()
    stage.notes.append(f"{kills} workers killed")
    stage.until_quiet(120)


def no_workers(stage: Stage) -> None:
    """D3: no worker lives longer than a moment; events are accepted all the same."""
    span, count = stage.seconds(60, least=8), stage.count(500, least=200)
    calm = stage.calm(count, span)
    loading = stage.load.begin(count, span)
    while time.monotonic() - calm[1] < span or not loading.done():
        for worker in stage.rig.workers():
            worker.send(signal.SIGKILL)
        stage.sleep(_LOOK_SECONDS, "no workers")
    loading.result()
    stage.fault_over()
    stage.p95_holds(calm, (calm[1], time.monotonic()), "no workers")
    stage.until_quiet(120)


def kill_each_worker(stage: Stage) -> None:
    """D2: every three seconds a whole worker is killed, each in its turn; the supervisor has it back soon."""
    stage.trouble()
    span = stage.seconds(60, least=12)
    loading = stage.load.begin(stage.count(2000, least=200), span)
    end, turn, kills = time.monotonic() + span, 0, 0
    while time.monotonic() < end:
        stage.sleep(_WORKER_SECONDS, "killing whole workers")
        if victim := stage.rig.part(f"worker {WORKER_GROUPS[turn % len(WORKER_GROUPS)]}"):
            victim.send(signal.SIGKILL)
            kills += 1
        turn += 1
    stage.until_accepted(loading)
    stage.fault_over()
    # Before anything else, which may need none of those killed last.
    back = stage.until(lambda: len(stage.rig.absences()) >= kills, _BACK_SECONDS, "waiting for the last one")
    stage.until_quiet(120)
    away = sorted(stage.rig.absences())
    stage.notes.append(f"{kills} workers killed; away for {away[0]:.1f} to {away[-1]:.1f} s" if away else "none killed")
    stage.expect(back and len(away) == kills > 0, f"{kills} workers were killed, and {len(away)} came back")
    stage.expect(not stage.timed or away[-1:] <= [_BACK_SECONDS], f"a worker was away for {away[-1:]} s")


def kill_the_api(stage: Stage) -> None:
    """D8: the API dies between commit and answer, again and again; who sends again with the key gets the same event."""
    kills = 10 if stage.full else 3
    loading = stage.load.begin(stage.count(300), stage.seconds(60, least=12))
    for number in range(kills):
        order = stage.rig.failpoints / f"after_accept.{number}"
        order.touch()
        died = stage.until(
            lambda done=order: not done.exists(), _BACK_SECONDS, f"the API dies, {number + 1} of {kills}"
        )
        stage.expect(died, f"the API died {number} times and not {kills}")
        # Before the next order, which the second request for this event would carry out as well.
        again = stage.until(lambda seen=number: stage.load.replayed > seen, _BACK_SECONDS, "asking again")
        stage.expect(again, "an answer that was lost was not given again")
    stage.until_accepted(loading)
    stage.fault_over()
    stage.until_quiet(60)
    unanswered, events = stage.load.refused().count(0), len(stage.facts().events)
    stage.notes.append(f"{kills} deaths after a commit, {stage.load.replayed} answers replayed, {events} events")
    stage.expect(unanswered >= kills, f"only {unanswered} requests had no answer")
    stage.expect(events == len(stage.load.accepted), f"{events} events for {len(stage.load.accepted)} that were meant")


def kill_the_relay(stage: Stage) -> None:
    """D10: the relay is killed, then there are three; nothing is announced more often than it has to be."""
    span = stage.seconds(60, least=18)
    announced = stage.rig.broker.published()
    loading = stage.load.begin(stage.count(1000, least=200), span)
    for number in range(3):
        stage.sleep(span / 8, f"kill {number + 1} of 3")
        if relay := stage.rig.part("relay"):
            relay.send(signal.SIGKILL)
        stage.rig.broker.flush()
        back = stage.until(lambda: len(stage.rig.absences()) > number, _BACK_SECONDS, "waiting for the relay")  # noqa: B023 - called before the next turn
        stage.expect(back, "the relay did not come back in time")
    with ExitStack() as extra:
        for _ in range(2):
            extra.enter_context(stage.rig.beside("relay"))
        # Nobody answers an announcement meanwhile, so that impatient relays would make them again and again.
        workers = stage.rig.workers()
        for worker in workers:
            worker.send(signal.SIGSTOP)
        for number in range(3):
            stage.sleep(_STILL_SECONDS / 3, f"flush {number + 1} of 3 with three relays")
            stage.rig.broker.flush()
        for worker in workers:
            worker.send(signal.SIGCONT)
        stage.fault_over()
        stage.until_accepted(loading)
        stage.until_quiet(120)
    stage.notes.append(", ".join(stage.rig.deaths()))
    before, announced = announced, stage.rig.broker.published()
    if before is None or announced is None:
        return
    announced -= before
    rows = len(stage.facts().rows)
    stage.notes.append(f"{announced} announcements of {rows} rows")
    stage.expect(0 < announced <= 2 * rows, f"{announced} announcements for {rows} rows")
