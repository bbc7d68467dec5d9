"""D12 to D15: receivers that are down, refuse, fall silent, or are a mail server of moods."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from sqlalchemy import select

from app.domain.notifications import CONTACT_DISABLED
from app.store.tables import attempts
from tests.drills.facts import Row
from tests.drills.rig import QUICK, Script
from tests.drills.stage import Stage, percentile
from tests.fakes.ledger import Entry

HOOK = ("webhook",)
MAIL = ("email",)
FEW_RETRIES: Mapping[str, str] = {"WEBHOOK_MAX_RETRIES": "2"}
MOODS: Script = {
    "rcpt u-0@example.com": [{"text": "451 4.7.1 greylisted, come again", "times": 2}, {}],
    "rcpt u-1@example.com": [{"text": "421 4.3.2 going down", "times": 2}, {}],
    "rcpt u-2@example.com": [{"text": "550 5.1.1 nobody here by that name"}],
    "content u-3@example.com": [{"act": "drop", "times": 2}, {}],
}
"""Greylisting, an end in the middle of the session, an address that nobody has, and an end after the mail was taken."""
_MOST_JITTER = 0.25
_SLACK_SECONDS = 2.0
_REST_SECONDS = 5.0
_UNDER_WAY_SECONDS = 0.5
_TIMES_NORMAL, _MORE_SECONDS = 1.5, 1.0


def receiver_down(stage: Stage) -> None:
    """D12: the receiver of all webhooks is down for ten minutes (sixty times faster), then well again."""
    lone = [f"lone-{number}" for number in range(4)]
    for number, user in enumerate(lone):
        stage.rig.add_user(user, host=f"127.0.1.{number + 1}")
    sick = {f"/hook/{user}": [{"status": 503, "times": 3}, {"status": 200}] for user in lone}
    span, count = stage.seconds(10, least=8), stage.count(1500, least=180)
    stage.load.submit(count // 3, span)
    before = set(stage.load.accepted)
    stage.rig.script({**sick, "*": [{"status": 503}]})
    loading = stage.load.begin(count // 3, span)
    for user in lone:
        stage.load.submit(1, channels=HOOK, users=[user])
    stage.sleep(span, "the receiver is down")
    stage.until_accepted(loading)
    during = set(stage.load.accepted) - before
    stage.rig.script({})
    stage.fault_over()
    stage.load.submit(count // 3, span)
    # What is held by the open breaker waits for the next probe.
    stage.until_quiet(120)
    rows = stage.facts().rows
    normal, broken = (percentile(_latencies(rows, events)) for events in (before, during))
    stage.notes.append(f"other channels: p95 {normal:.2f} s before, {broken:.2f} s while webhooks failed")
    limit = max(_TIMES_NORMAL * normal, normal + _MORE_SECONDS)
    stage.expect(not stage.timed or broken <= limit, f"other channels: p95 {broken:.2f} s, {normal:.2f} s before")
    _retries_by_plan(stage, {row.id for row in rows if row.user_id in lone})


def _latencies(rows: Iterable[Row], events: set[str]) -> list[float]:
    others = [row for row in rows if row.event_id in events and row.channel != "webhook" and row.status == "delivered"]
    return [(row.updated_at - row.created_at).total_seconds() for row in others]


def _retries_by_plan(stage: Stage, alone: set[str]) -> None:
    """No retry comes before its time; those whose receiver is theirs alone do not come late either."""
    first, most = float(QUICK["RETRY_DELAY_SECONDS"]), float(QUICK["RETRY_BACKOFF_MAX_SECONDS"])
    tries: defaultdict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    with stage.rig.database.read() as conn:
        columns = (attempts.c.notification_id, attempts.c.started_at, attempts.c.ended_at, attempts.c.outcome)
        for id_, *times in conn.execute(select(*columns).order_by(attempts.c.number)):
            tries[id_].append(tuple(times))
    early, late, gaps = 0, 0, 0
    for id_, made in tries.items():
        for number, (one, next_one) in enumerate(pairwise(made)):
            wait = min(first * 2**number, most)
            gap = (next_one[0] - one[1]).total_seconds()
            gaps += 1
            early += gap < wait
            late += id_ in alone and gap > wait * (1 + _MOST_JITTER) + _SLACK_SECONDS
    stage.notes.append(f"{gaps} retries, {early} before their time; {late} of those with a receiver of their own late")
    stage.expect(gaps > len(alone), "next to nothing was retried, so this run showed nothing")
    stage.expect(not early, f"{early} retries came before their time")
    stage.expect(not stage.timed or not late, f"{late} retries came late")


def refusals(stage: Stage) -> None:
    """D13: one receiver asks for a rest of five seconds, one is gone for good (410), one knows no such path (404)."""
    stage.ends |= {("failed", "rejected"), ("failed", "attempts_exhausted"), ("suppressed", "no_contact")}
    stage.notices.add(CONTACT_DISABLED)
    for number, user in enumerate(("busy", "gone", "lost")):
        stage.rig.add_user(user, host=f"127.0.1.{number + 1}")
    rest = {"status": 429, "headers": {"Retry-After": f"{_REST_SECONDS:g}"}, "times": 1}
    fine = {"status": 200}
    stage.rig.script(
        {
            "/hook/busy": [rest, {**fine, "times": 3}, rest, fine],
            "/hook/gone": [{"status": 410}],
            "/hook/lost": [{"status": 404}],
        }
    )
    span = stage.seconds(30, least=12)
    loads = [
        stage.load.begin(stage.count(100, least=20), span, HOOK, ["busy"]),
        stage.load.begin(stage.count(100, least=20), span, HOOK, ["gone"]),
        stage.load.begin(stage.count(100, least=20), span / 3, HOOK, ["lost"]),
    ]
    for loading in loads:
        stage.until_accepted(loading)
    stage.fault_over()
    stage.until_quiet(120)
    rows = stage.facts().rows
    by_user = {user: [row for row in rows if row.user_id == user] for user in ("busy", "gone", "lost")}
    calls = {user: [e for e in stage.rig.ledger() if e.get("path") == f"/hook/{user}"] for user in by_user}
    stage.notes += [f"{user}: {len(calls[user])} calls, {_ends(by_user[user])}" for user in by_user]
    rests = [entry["t"] for entry in calls["busy"] if entry["status"] == 429]
    early = [e for e in calls["busy"] for at in rests if _UNDER_WAY_SECONDS < e["t"] - at < _REST_SECONDS]
    stage.expect(len(rests) == 2, f"a rest was asked for {len(rests)} times, so this run showed little")
    stage.expect(not early, f"{len(early)} calls came while the receiver had asked for a rest")
    told = [row for row in by_user["gone"] if row.type == CONTACT_DISABLED]
    contact = stage.rig.call("GET", "/preferences/gone").json()["contacts"]["webhook"]
    stage.expect("disabled" in contact, f"the hook that is gone is not disabled: {sorted(contact)}")
    stage.expect(len(told) == 1, f"its owner was told {len(told)} times")
    stage.expect(len(calls["gone"]) < len(by_user["gone"]) - 1, "what is gone was called for each notification")
    tried = {row.attempts for row in by_user["lost"] if row.status == "failed"}
    stage.expect(tried == {1 + int(FEW_RETRIES["WEBHOOK_MAX_RETRIES"])}, f"404 was tried {sorted(tried)} times")


def silence(stage: Stage) -> None:
    """D14: receivers take what they are sent and do not answer: some at first, some ever."""
    stage.ends.add(("failed", "attempts_exhausted"))
    late, mute = ([f"{name}-{number}" for number in range(6)] for name in ("late", "mute"))
    # Each with a receiver of its own: five failures in a row there would open its breaker.
    for number, user in enumerate((*late, *mute)):
        stage.rig.add_user(user, host=f"127.0.1.{number + 1}")
    never = {"act": "silence"}
    stage.rig.script(
        {f"/hook/{user}": [{**never, "times": 2}, {"status": 200}] for user in late}
        | {f"/hook/{user}": [never] for user in mute}
    )
    loading = stage.load.begin(stage.count(200, least=60), stage.seconds(20, least=6), HOOK, late)
    for user in mute:
        stage.load.submit(1, channels=HOOK, users=[user])
    stage.until_accepted(loading)
    stage.fault_over()
    stage.until_quiet(120)
    rows = {row.id: row for row in stage.facts().rows}
    seen: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in stage.rig.ledger():
        seen[entry["key"]].append(entry)
    unanswered = [rows[key] for key, entries in seen.items() if any(e["act"] == "silence" for e in entries)]
    stage.notes.append(f"{len(unanswered)} met silence: {_ends(unanswered)}")
    stage.expect(len(unanswered) >= len(late) + len(mute), f"only {len(unanswered)} met silence")
    stage.expect(all(row.possible_duplicate for row in unanswered), "one that met silence is no possible duplicate")
    most = 1 + int(FEW_RETRIES["WEBHOOK_MAX_RETRIES"])
    stage.expect(all(len(seen[row.id]) <= row.attempts <= most for row in unanswered), f"more than {most} attempts")
    changed = [key for key, entries in seen.items() if len({entry["body_sha256"] for entry in entries}) > 1]
    stage.expect(not changed, f"{len(changed)} repeats differ from what was sent first")
    for row in rows.values():
        if row.user_id in mute:
            stage.expect(row.outcomes == ("unknown",) * most, f"{row.id} met silence alone, and says {row.outcomes}")


def moody_mail(stage: Stage) -> None:
    """D15: the mail server greylists, ends sessions, knows no such address, and hangs up after it took a mail."""
    stage.ends |= {("failed", "bad_address"), ("suppressed", "no_contact")}
    stage.notices.add(CONTACT_DISABLED)
    loading = stage.load.begin(stage.count(400, least=80), stage.seconds(20, least=6), MAIL)
    stage.until_accepted(loading)
    stage.fault_over()
    stage.until_quiet(120)
    rows = [row for row in stage.facts().rows if row.channel == "email"]
    ids: defaultdict[str, set[str]] = defaultdict(set)
    times: Counter[str] = Counter()
    for entry in stage.rig.ledger():
        ids[entry["key"]].add(entry["message_id"])
        times[entry["key"]] += 1
    by_user = {user: [row for row in rows if row.user_id == user] for user in ("u-0", "u-1", "u-2", "u-3")}
    moods = {"u-0": "451", "u-1": "421", "u-2": "550", "u-3": "hung up"}
    stage.notes += [f"{moods[user]}: {_ends(by_user[user])}" for user in by_user]
    twice = [key for key, count in times.items() if count > 1]
    stage.notes.append(f"{len(twice)} mails came twice, each with its own Message-ID")
    stage.expect(all(len(names) == 1 for names in ids.values()), "a repeat had another Message-ID")
    stage.expect(bool(twice), "nothing was sent again after a hang-up, so this run showed little")
    for user in ("u-0", "u-1"):
        retried = sum(row.attempts > 1 and row.status == "delivered" for row in by_user[user])
        stage.expect(retried > 0, f"nothing was delivered later after {moods[user]}")
    refused = [row for row in by_user["u-2"] if row.status == "failed"]
    stage.expect(bool(refused) and {row.attempts for row in refused} == {1}, "550 was not refused at the first attempt")
    told = [row for row in stage.facts().rows if row.user_id == "u-2" and row.type == CONTACT_DISABLED]
    stage.expect(len(told) == 1, f"the owner of the address was told {len(told)} times")


def _ends(rows: Sequence[Row]) -> str:
    ends = Counter(f"{row.status} {row.reason or ''}".strip() for row in rows)
    return ", ".join(f"{count} {end}" for end, count in sorted(ends.items())) or "nothing"
