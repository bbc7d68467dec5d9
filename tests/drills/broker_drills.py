"""D4 to D7 and D16: what becomes of the broker, and what is put on its lanes."""

import time
from collections import Counter

from app.store.counters import REFUSED
from tests.drills.stage import Stage
from tests.integration.strangers import Door, Note, call, odd_blobs, odd_notes

_SILENT_SECONDS = 45.0
_COUNTED_SECONDS = 15.0
_LATEST_SECONDS = 35.0 + 5.0
"""By the defaults of RELAY_GRACE_SECONDS and RELAY_TICK_SECONDS, and what a retry or two may add."""


def broker_outages(stage: Stage) -> None:
    """D4: the broker is killed and comes back empty, after outages of several lengths."""
    count, rate = stage.count(1000, least=100), 60
    began = time.monotonic()
    stage.load.submit(count, count / rate)
    broken = time.monotonic()
    for outage in (0.5, 1.0, 2.0, 5.0, 30.0) if stage.full else (0.5, 2.0):
        span = max(count / rate, outage + 2)
        loading = stage.load.begin(count, span)
        stage.sleep(1.0, "before the outage")
        away = stage.rig.broker.hold_down(outage)
        stage.fault_over()
        stage.until_accepted(loading)
        if not stage.until_quiet(60 + count / 20):
            break
        silent = time.time() - stage.fault_over_at
        stage.notes.append(f"away for {away:.1f} s: all ended {silent:.1f} s after it was back")
        stage.expect(silent <= span + _SILENT_SECONDS, f"workers were silent for {silent:.1f} s after an outage")
    stage.p95_holds((began, broken), (broken, time.monotonic()), "broker outages")


def flushes(stage: Stage) -> None:
    """D5: the broker is emptied six times under load."""
    stage.trouble()
    span = stage.seconds(60, least=12)
    loading = stage.load.begin(stage.count(2000, least=200), span)
    for number in range(6):
        stage.sleep(span / 7, f"flush {number + 1} of 6")
        stage.rig.broker.flush()
    stage.fault_over()
    stage.until_accepted(loading)
    stage.until_quiet(120)
    took = max((row.updated_at - row.created_at).total_seconds() for row in stage.facts().rows)
    stage.notes.append(f"the slowest took {took:.1f} s from accepted to ended")
    stage.expect(not stage.timed or took <= _LATEST_SECONDS, f"a notification took {took:.1f} s after a flush")


def frozen_broker(stage: Stage) -> None:
    """D7: the broker hangs, so that connections to it neither fail nor work."""
    span, count = stage.seconds(20, least=8), stage.count(500, least=200)
    calm = stage.calm(count, span)
    stage.rig.broker.freeze()
    loading = stage.load.begin(count, span)
    stage.sleep(span, "the broker hangs")
    stage.until_accepted(loading)
    thawed = time.monotonic()
    stage.rig.broker.thaw()
    stage.fault_over()
    stage.p95_holds(calm, (calm[1], thawed), "a frozen broker")
    stage.until_quiet(120)


def full_broker(stage: Stage) -> None:
    """D6: the broker has no memory left, and refuses every message."""
    span, count = stage.seconds(30, least=8), stage.count(500, least=200)
    calm = stage.calm(count, span)
    stage.rig.broker.limit("1kb")
    loading = stage.load.begin(count, span)
    stage.sleep(span, "the broker is full")
    stage.until_accepted(loading)
    relieved = time.monotonic()
    stage.rig.broker.limit("0")
    stage.fault_over()
    stage.p95_holds(calm, (calm[1], relieved), "a full broker")
    stage.until_quiet(120)
    refused = stage.rig.said("announce_failed")
    stage.notes.append(f"{len(refused)} announcements were refused, and said so")
    stage.expect(bool(refused), "no announcement was refused, so this run showed nothing")
    stage.expect(not stage.rig.deaths(), f"parts died: {', '.join(stage.rig.deaths())}")


def poison(stage: Stage) -> None:
    """D16: what is no task of ours lies on the lanes, among all the others; it is counted, and nobody dies of it."""
    span = stage.seconds(40, least=10)
    loading = stage.load.begin(stage.count(1000, least=200), span)
    door, lanes = Door(stage.rig.broker_url()), ("ingest", "inapp", "critical", "webhook")
    on_redis = stage.rig.broker_url().startswith("redis")
    notes = {name: note for name, note in odd_notes().items() if on_redis or name != "no headers"}
    # A step is refused on the ingest lane alone; on the others its ids are looked for, and there are none.
    steps = Note(call(["ntf_nobody-has-it"]), task="notifications.deliver.webhook")
    stranger = Note(call(["ntf_nobody-has-it"]), task="notifications.render")
    pushed = 0
    for lane in lanes:
        for name, note in notes.items():
            if lane == "ingest" or name != "a step of the chain":
                door.put(note, lane)
                pushed += 1
        for blob in odd_blobs().values() if on_redis else ():
            door.push(blob, lane)
            pushed += 1
        if lane != "ingest":
            door.put(stranger if lane == "inapp" else steps, lane)
        stage.sleep(span / (len(lanes) + 1), f"poison on {lane}")
    stage.until_accepted(loading)
    stage.fault_over()
    stage.until_quiet(60)
    reasons: Counter[str] = Counter()

    def counted() -> bool:
        reasons.clear()
        for (name, labels), value in stage.facts().series.items():
            if name == REFUSED:
                reasons[dict(labels)["reason"]] += round(value)
        return reasons.total() >= pushed

    stage.until(counted, _COUNTED_SECONDS, "counting what was refused")
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    stage.notes.append(f"{pushed} pushed; refused: {told}")
    stage.expect(reasons.total() == pushed, f"{pushed} messages were no tasks, and {reasons.total()} were refused")
    stage.expect(not stage.rig.deaths(), f"parts died: {', '.join(stage.rig.deaths())}")
    stage.expect(not door.left(), f"left on the lanes: {door.left()}")
