"""The law of noise, seen from outside: each event is a message of its own, or in one digest, or left out for a reason.

A product of its own is flooded with bursts and repeats for people of all tastes, and loses a worker and the relay
meanwhile; a job that reports a thousand times runs beside it.
"""

import json
import os
import random
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import discord
from tests.fakes.ledger import Entry
from tests.fakes.receiver import Answer, Receiver
from tests.integration.product import Product, eventually

SETTINGS = {
    "RATE_LIMIT_PER_USER": "3",
    "RATE_LIMIT_WINDOW_MINUTES": str(4 / 60),
    "RELAY_TICK_SECONDS": "0.5",
    "RELAY_GRACE_SECONDS": "2",
    "LEASE_SECONDS": "4",
    "WEBHOOK_TIMEOUT_SECONDS": "1.5",
    "RETRY_DELAY_SECONDS": "0.5",
}
USERS = tuple(f"noisy-{number}" for number in range(6))
WATCHER = "watcher-of-one"
CHANNELS = ("inapp", "email", "webhook")
TYPES = ("job.failed", "job.completed", "job.progress", "quota.approaching")
LEFT_OUT = {"duplicate", "opted_out", "muted", "superseded"}
BURSTS, KILL_WORKER_AT, KILL_RELAY_AT = 12, 4, 8
REPORTS = 1_000


@dataclass
class Run:
    """What was submitted, and what was seen of it."""

    seed: int
    accepted: dict[str, set[str]] = field(default_factory=dict)
    """By event, for whom it is."""
    words: dict[str, str] = field(default_factory=dict)
    """By event, all that it says."""
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    hooks: Sequence[Entry] = ()
    mails: dict[str, list[str]] = field(default_factory=dict)
    """The subjects of mails, by the notification."""
    chat: Sequence[Entry] = ()
    inbox: Sequence[Mapping[str, Any]] = ()
    died: set[str] = field(default_factory=set)
    unaccounted: float = -1.0


def wishes(dice: random.Random) -> dict[str, Any]:
    """What somebody may want."""
    document: dict[str, Any] = {}
    if dice.random() < 0.5:
        rhythms = {channel: dice.choice(("instant", "off")) for channel in ("email", "webhook")}
        document["events"] = {dice.choice(TYPES): rhythms}
    if dice.random() < 0.5:
        until = datetime.now(UTC) + timedelta(seconds=dice.uniform(2, 7))
        document["muted_until"] = until.isoformat()
    if dice.random() < 0.5:
        document["muted_subjects"] = ["s-0", "s-1"]
    return document


def event(dice: random.Random, number: int) -> dict[str, Any]:
    """Something new, for some of them."""
    type_, subject = dice.choice(TYPES), f"s-{dice.randrange(12)}"
    data = {
        "job.failed": {"job_id": subject, "error": f"fault {number}"},
        "job.completed": {"job_id": subject, "name": f"run {number}"},
        "job.progress": {"job_id": subject, "percent": number % 100},
        "quota.approaching": {"resource": f"disk {number}", "used": 9, "limit": 10},
    }[type_]
    return {
        "type": type_,
        "data": data,
        "subject_key": subject,
        "sequence": number,
        "recipients": dice.sample(USERS, dice.randint(1, 3)),
    }


def batch(product: Product, events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Submit these at once; their ids."""
    answer = product.call("POST", "/events/batch", json={"events": list(events)})
    assert answer.status_code == 202, answer.text
    assert answer.json()["rejected"] == []
    return [one["id"] for one in sorted(answer.json()["accepted"], key=lambda one: one["index"])]


def one_job(product: Product, rooms: Receiver, dice: random.Random) -> None:
    """A thousand reports in any order, and then the end, for somebody who wants to see them on Discord."""
    contacts = {"discord": {"url": rooms.url(discord.HOOK)}, "email": f"{WATCHER}@noise.example"}
    product.set_user(WATCHER, contacts=contacts, events={"job.progress": {"discord": "instant"}})
    job: dict[str, Any] = {"recipients": [WATCHER], "source": "renderer"}
    reports = [
        {**job, "type": "job.progress", "sequence": number, "data": {"job_id": "long", "percent": number / 10}}
        for number in range(REPORTS)
    ]
    dice.shuffle(reports)
    batch(product, reports[:1])
    eventually(lambda: [entry for entry in rooms.ledger.entries() if entry["channel"] == "discord"])
    for start in range(1, REPORTS, 500):
        batch(product, reports[start : start + 500])
    (end,) = batch(
        product, [{**job, "type": "job.completed", "sequence": REPORTS, "data": {"job_id": "long", "name": "long"}}]
    )
    product.ended(end)


def bursts(product: Product, run: Run, dice: random.Random) -> None:
    """Bursts with repeats; in the middle a worker is killed, and then the relay."""
    number = 0
    for burst in range(BURSTS):
        new = []
        for _ in range(dice.randint(8, 20)):
            number += 1
            new.append(dice.choice(new) if new and dice.random() < 0.25 else event(dice, number))
        for id_, one in zip(batch(product, new), new, strict=True):
            run.accepted[id_] = set(one["recipients"])
            run.words[id_] = json.dumps([one["type"], one["data"]])
        if burst == KILL_WORKER_AT:
            product.child("worker", "outbound").send(signal.SIGKILL)
        if burst == KILL_RELAY_AT:
            product.child("relay").send(signal.SIGKILL)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """All of it, once; NOISE_SEED plays what is random as in an earlier run."""
    run = Run(int(os.environ.get("NOISE_SEED") or random.SystemRandom().randrange(1_000_000)))
    dice = random.Random(run.seed)  # noqa: S311 - to be repeatable, not secret
    with (
        Receiver(dialects=[discord.Discord()]) as receiver,
        Product(tmp_path_factory.mktemp("noise"), **SETTINGS) as product,
    ):
        for user in USERS:
            # Slow enough that a worker that dies has something in hand.
            receiver.script(f"/{user}", Answer(200, delay=0.05))
            contacts = {"webhook": {"url": receiver.url(f"/{user}")}, "email": f"{user}@noise.example"}
            product.set_user(user, contacts=contacts, **wishes(dice))
        one_job(product, receiver, dice)
        bursts(product, run, dice)
        eventually(lambda: product.metrics().sum("notifications_open"), lambda open_: open_ == 0, 60)
        run.history = {user: product.history(user) for user in (*USERS, WATCHER)}
        run.hooks = [entry for entry in receiver.ledger.entries() if entry["channel"] == "webhook"]
        run.chat = [entry for entry in receiver.ledger.entries() if entry["channel"] == "discord"]
        run.mails = mails(product.data_dir / "mail")
        run.inbox = product.get(f"/inbox/{WATCHER}", state="all")["items"]
        run.died = {line["component"] for line in product.lines() if line["message"] == "component_died"}
        run.unaccounted = product.metrics().sum("notifications_unaccounted")
        yield run


def mails(folder: Path) -> dict[str, list[str]]:
    """The subjects of the mails written there, by notification."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in folder.glob("*.eml"):
        mail = message_from_bytes(path.read_bytes(), policy=default)
        found[path.stem.partition("-")[2]].append(str(mail["Subject"]))
    return found


def documents(run: Run, user: str) -> dict[str, dict[str, Any]]:
    """What a user's webhook got, by notification; a repeat is told by its id."""
    return {entry["key"]: json.loads(entry["body"]) for entry in run.hooks if entry["path"] == f"/{user}"}


def faults_of(run: Run, user: str) -> Iterator[str]:
    """Where the law is broken for a user."""
    rows = {row["id"]: row for row in run.history[user]}
    got = documents(run, user)
    carried = Counter(item["notification_id"] for one in got.values() for item in one["data"].get("items") or ())
    members = Counter(row["digest_id"] for row in rows.values() if row["digest_id"])
    told = {"webhook": got, "email": run.mails}
    for id_, row in rows.items():
        seen = id_ in told[row["channel"]] if row["channel"] in told else row["status"] == "delivered"
        is_right = {
            "delivered": seen and carried[id_] == 0 and not row["digest_id"],
            "digested": not seen and (row["channel"] != "webhook" or carried[id_] == 1),
            "suppressed": not seen and carried[id_] == 0 and row["reason"] in LEFT_OUT,
        }
        if not is_right.get(row["status"], False):
            yield f"{user}: {row['channel']} {id_} is {row['status']} ({row['reason']}), seen {seen}"
        if row["digest_id"]:
            digest = rows[row["digest_id"]]
            if (digest["channel"], digest["type"], digest["status"]) != (row["channel"], "digest", "delivered"):
                yield f"{user}: {id_} is in {digest['id']}, which is {digest['status']}"
    for id_, count in members.items():
        if rows[id_]["channel"] == "webhook":
            data = got[id_]["data"]
            items = {item["notification_id"] for item in data["items"]}
            titles = [data["title"]]
            if items != {row["id"] for row in rows.values() if row["digest_id"] == id_}:
                yield f"{user}: {id_} does not carry what it should"
        else:
            titles = run.mails[id_]
        if not all(title.startswith(f"{count} notifications, ") for title in titles):
            yield f"{user}: {id_} carries {count} and says {titles}"
    yield from (f"{user}: {id_} came and is not on record" for id_ in got.keys() - rows.keys())


def swallowed(run: Run, user: str) -> Iterator[str]:
    """Repeats of which the first was not told either."""
    alike: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for row in run.history[user]:
        if row["event_id"]:
            alike[row["channel"], run.words[row["event_id"]]].add(row["reason"] or row["status"])
    yield from (f"{user}: {what}" for what, ends in alike.items() if ends == {"duplicate"})


def test_each_event_is_told_once_or_left_out_for_a_reason(run: Run):
    faults = [fault for user in USERS for fault in (*faults_of(run, user), *swallowed(run, user))]
    assert faults == [], f"NOISE_SEED={run.seed}"
    assert run.unaccounted == 0, f"NOISE_SEED={run.seed}"


def test_no_event_is_missing_and_none_is_from_nowhere(run: Run):
    found: defaultdict[str, set[str]] = defaultdict(set)
    for user in USERS:
        for row in run.history[user]:
            if row["event_id"] and row["channel"] == "inapp":
                found[row["event_id"]].add(user)
    assert dict(found) == run.accepted, f"NOISE_SEED={run.seed}"


def test_the_run_has_seen_something_of_everything(run: Run):
    rows = [row for user in USERS for row in run.history[user]]
    ends = Counter(row["status"] for row in rows)
    assert min(ends["delivered"], ends["digested"], ends["suppressed"]) > 20, f"NOISE_SEED={run.seed}: {ends}"
    assert sum(row["type"] == "digest" for row in rows) > 2
    assert run.died == {"worker-outbound", "relay"}


def test_a_thousand_reports_and_the_end_are_one_item_and_one_message(run: Run):
    (item,) = run.inbox
    assert (item["type"], item["subject_key"]) == ("job.completed", "long")
    methods = [entry["method"] for entry in run.chat]
    assert methods[0] == "POST"
    # Changed every 15 s at most, and once more by the end.
    assert methods[1:] in (["PATCH"], ["PATCH"] * 2)
    assert "Job completed: long" in run.chat[-1]["body"]
    subjects = [run.mails[row["id"]] for row in run.history[WATCHER] if row["id"] in run.mails]
    assert subjects == [["Job completed: long"]]
    ends = Counter((row["channel"], row["status"], row["reason"]) for row in run.history[WATCHER])
    assert sum(ends.values()) == 2 * REPORTS + 3
    assert {status for _, status, _ in ends} == {"delivered", "suppressed"}
    assert {reason for _, status, reason in ends if status == "suppressed"} == {"superseded"}
