"""D17 to D19: the disk, the database, the clock and the crowd."""

import time
from collections import Counter

from app.domain.notifications import OPEN
from tests.drills.facts import Row
from tests.drills.grounds import Clock, Cluster, Disk
from tests.drills.stage import USERS, Stage, percentile

_AWAY_SECONDS = 5.0
_HOUR = 3600
_SOON_SECONDS = 5.0
_UNAVAILABLE = 503


def full_disk(stage: Stage) -> None:
    """D17: the disk is full under load, then free again; later the product is started on one that is read-only."""
    disk = stage.ground
    assert isinstance(disk, Disk)
    stage.load.submit(stage.count(250, least=60), 3.0)
    loading = stage.load.begin(stage.count(250, least=60), 3.0)
    stage.sleep(1.0, "before the disk is full")
    refused_from = time.monotonic()
    disk.fill()
    stage.sleep(stage.seconds(20, least=8), "the disk is full")
    refused = Counter(stage.load.refused(refused_from))
    disk.free()
    stage.fault_over()
    stage.until_accepted(loading)
    stage.until_quiet(120)
    stage.notes.append(f"answers while the disk was full: {_told(refused)}")
    stage.expect(set(refused) == {_UNAVAILABLE}, f"the disk was full, and the answers were {_told(refused)}")
    _read_only_start(stage, disk)


def _read_only_start(stage: Stage, disk: Disk) -> None:
    stage.rig.script({"*": [{"delay": 1.0}]})
    stage.load.submit(60)
    stage.expect(stage.rig.stop() == 0, "the product did not stop well")
    # We look into the database too, and nobody may.
    stage.rig.database.close()
    disk.read_only(True)
    try:
        code = stage.rig.start_in_vain()
    finally:
        disk.read_only(False)
    said = stage.rig.last_words()
    stage.notes.append(f"started on a read-only disk it ends with {code}: {said}")
    stage.expect(code == 1, f"on a read-only disk the product ended with {code}, and not with 1")
    stage.expect(said.startswith("DATA_DIR: "), f"on a read-only disk the last words were {said!r}")
    stage.rig.start()
    stage.fault_over()
    stage.until_quiet(60)


def lost_postgres(stage: Stage) -> None:
    """D17 on PostgreSQL: the server is gone for some seconds under load, then a replica that takes no writing."""
    server = stage.ground
    assert isinstance(server, Cluster)
    span, count = stage.seconds(15, least=6), stage.count(250, least=90)
    loading = stage.load.begin(count, span)
    stage.sleep(span / 3, "before PostgreSQL is gone")
    began = time.monotonic()
    server.restart(_AWAY_SECONDS)
    back = time.monotonic()
    stage.until_accepted(loading)
    loading = stage.load.begin(count, span)
    stage.sleep(span / 3, "before PostgreSQL is a replica")
    between = time.monotonic()
    server.demote()
    stage.sleep(_AWAY_SECONDS, "PostgreSQL is a replica")
    server.promote()
    stage.fault_over()
    stage.until_accepted(loading)
    stage.until_quiet(120)
    answers = {
        "gone": Counter(stage.load.refused(began, back)),
        "a replica": Counter(stage.load.refused(between)),
    }
    for what, refused in answers.items():
        stage.notes.append(f"answers while PostgreSQL was {what}: {_told(refused)}")
        stage.expect(set(refused) == {_UNAVAILABLE}, f"PostgreSQL was {what}, and the answers were {_told(refused)}")


def moved_clock(stage: Stage) -> None:
    """D18: the clock jumps an hour back under load, and an hour forward again."""
    clock = stage.ground
    assert isinstance(clock, Clock)
    stage.watch.clock_may_differ_by = _HOUR
    span, count = stage.seconds(10, least=6), stage.count(100, least=60)
    # Slow enough for something to be on its way, and to wait for its turn or a retry, whenever the clock jumps.
    stage.rig.script({"/hook/u-0": [{"status": 503, "times": 3}, {"status": 200}], "*": [{"delay": 1.5}]})
    stage.load.submit(count, span)
    for seconds in (-_HOUR, 0):
        loading = stage.load.begin(count, span)
        stage.sleep(span / 2, "before the clock jumps")
        clock.jump_to(seconds)
        stage.fault_over()
        stage.until_accepted(loading)
        waiting = [row for row in stage.facts().rows if row.status in OPEN]
        stage.notes.append(
            f"{'an hour back' if seconds else 'an hour forward'}: {len(waiting)} open {span / 2:g} s later"
        )
    stage.until_quiet(90)
    rows = stage.facts().rows
    wrong = sum(row.created_at.timestamp() < time.time() - _HOUR / 2 for row in rows)
    stage.notes.append(f"{wrong} of {len(rows)} were accepted in the hour before")
    stage.expect(0 < wrong < len(rows), f"the clock did not jump: {wrong} of {len(rows)} rows are an hour old")
    stage.expect(all(row.status != "expired" for row in rows), "the jump let notifications expire")


def storm(stage: Stage) -> None:
    """D19: ten thousand reports of progress come at once, and among them a few errors that cannot wait."""
    stage.ends |= {("suppressed", "superseded"), ("digested", None)}
    reports, errors = stage.count(10_000, least=600), stage.count(50, least=12)
    for user in USERS[: len(USERS) // 2]:
        wishes = {"events": {"job.progress": {"email": "instant"}}}
        stage.rig.call("PATCH", f"/preferences/{user}", json=wishes).raise_for_status()
    batches, jobs = max(reports // 500, 2), len(USERS) * 4
    for number in range(batches):
        stage.load.batch([_report(stage, number * 500 + at, jobs) for at in range(reports // batches)])
        urgent = range(errors * number // batches, errors * (number + 1) // batches)
        stage.load.batch([_error(stage, at) for at in urgent])
    stage.fault_over()
    stage.until_quiet(300)
    rows = stage.facts().rows
    late = [_took(row) for row in rows if row.type == "system.error" and row.status == "delivered"]
    usual = [_took(row) for row in rows if row.type == "job.progress" and row.status == "delivered"]
    ends = Counter((row.status, row.reason) for row in rows if row.type == "job.progress")
    hits = sum(v for (name, _), v in stage.facts().series.items() if name == "notification_rate_limit_hits_total")
    stage.notes.append(
        f"system.error p95 {percentile(late):.1f} s, job.progress {percentile(usual):.1f} s; {hits:g} met a limit"
    )
    stage.notes.append(
        ", ".join(f"{count} {status} {reason or ''}".strip() for (status, reason), count in ends.items())
    )
    stage.expect(not stage.timed or percentile(late) < _SOON_SECONDS, f"system.error took {percentile(late):.1f} s")
    stage.expect(ends["suppressed", "superseded"] > 0, "no progress was left out for newer progress")
    stage.expect(hits > 0, "nothing met a limit")


def _report(stage: Stage, number: int, jobs: int):
    user = USERS[number % len(USERS)]
    data = {"job_id": f"j-{number % jobs}", "percent": number % 101, "step": number}
    event = {"type": "job.progress", "recipients": [user], "data": data, "sequence": number + 1, "source": "storm"}
    channels = ("inapp", "webhook", *(("email",) if user in USERS[: len(USERS) // 2] else ()))
    return event, frozenset((user, channel) for channel in channels)


def _error(stage: Stage, number: int):
    user = USERS[number % len(USERS)]
    data = {"component": f"c-{number}", "message": "down"}
    event = {"type": "system.error", "recipients": [user], "data": data, "source": "watch"}
    return event, frozenset((user, channel) for channel in ("inapp", "email", "webhook"))


def _took(row: Row) -> float:
    return (row.updated_at - row.created_at).total_seconds()


def _told(answers: Counter[int]) -> str:
    return ", ".join(f"{count} × {status or 'none'}" for status, count in sorted(answers.items())) or "none at all"
