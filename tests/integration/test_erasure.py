"""A person is erased while events for them keep coming; then nothing of them is left anywhere."""

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import quote

import pytest
from redis import Redis

from tests.fakes.receiver import Answer, Receiver
from tests.integration.product import Product, eventually, run
from tests.integration.story import broker_url

WORD = "quokka"
ADA, BOB = f"{WORD}.ada@home.example", "bob"
AT = f"/users/{quote(ADA)}"


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    with Product(
        tmp_path,
        RATE_LIMIT_PER_USER="100000",
        DEDUPE_WINDOW_SECONDS="0",
        RETRY_DELAY_SECONDS="0.2",
        MAX_RETRIES="2",
        RELAY_TICK_SECONDS="0.5",
        RELAY_GRACE_SECONDS="2",
        LEASE_SECONDS="15",
    ) as product:
        yield product


class Flow:
    """Somebody who submits events, one after the other, until it is enough."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.accepted: list[tuple[str, datetime]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._enough.is_set():
            number += 1
            key, data = f"{WORD}-{number}", {"job_id": f"{WORD}-{number}", "error": f"{WORD} {number}"}
            event = {"type": "job.failed", "recipients": [ADA], "data": data}
            if number % 5 == 0:
                key, data = f"both-{number}", {"job_id": f"j-{number}", "error": "for both"}
                event |= {"recipients": [BOB, ADA], "data": data}
            if number % 7 == 0:
                event["deliver_at"] = "2999-01-01T00:00:00Z"
            answer = self._product.call("POST", "/events", json=event, headers={"Idempotency-Key": key})
            assert answer.status_code == 202, answer.text
            self.accepted.append((answer.json()["id"], datetime.fromisoformat(answer.json()["created_at"])))


def meet(product: Product, receiver: Receiver) -> None:
    hook = {"url": receiver.url(f"/{WORD}"), "headers": {"X-Token": f"{WORD}-0123456789"}}
    product.set_user(ADA, contacts={"email": f"{WORD}@home.example", "webhook": hook})
    product.set_user(BOB, contacts={"email": "bob@home.example"})


def left(product: Product) -> list[str]:
    """The files that have the word in them or in their name, and the keys of the broker."""
    found = []
    for path in product.data_dir.rglob("*"):
        try:
            if path.is_file() and (WORD.encode() in path.read_bytes() or WORD in path.name):
                found.append(path.name)
        except FileNotFoundError:
            continue
    with Redis.from_url(broker_url(product), decode_responses=True) as client:
        return found + [key for key in client.scan_iter() if WORD in key]


def counts(product: Product, event_id: str) -> dict[tuple[str, str | None], int]:
    rows = product.event(event_id)["notifications"]
    found = [(row["status"], row["reason"]) for row in rows if row["user_id"] == "_erased"]
    return {state: found.count(state) for state in found}


def test_who_is_erased_under_load_is_gone(product: Product, receiver: Receiver):
    meet(product, receiver)
    receiver.script(f"/{WORD}", Answer(503, body=WORD, delay=0.1, times=3), Answer(200, body=WORD, delay=0.3))
    token = product.call("POST", f"{AT}/token").json()["token"]
    product.call("PATCH", f"/preferences/{quote(ADA)}", token=token, json={"locale": "de"})
    with Flow(product) as flow:
        eventually(lambda: len(flow.accepted) >= 60)
        eventually(lambda: product.history(ADA, channel="webhook", status="delivered"))
        answer = product.call("DELETE", AT)
        assert (answer.status_code, answer.json()["status"] in {"erased", "erasing"}) == (202, True)
        (entry,) = product.get("/audit", object=answer.json()["pseudonym"], action="user.erase")["items"]
        erased_at = datetime.fromisoformat(entry["at"])
        assert product.get(f"/preferences/{quote(ADA)}")["contacts"] == {}
        seen = len(flow.accepted)
        eventually(lambda: len(flow.accepted) > seen + 20)

    # What came after is like anybody's, and what came before is nobody's.
    before = [id_ for id_, at in flow.accepted if at <= erased_at]
    later = [id_ for id_, at in flow.accepted if at > erased_at]
    assert len(before) >= 60
    assert len(later) > 10
    eventually(lambda: all(ADA not in product.event(id_)["recipients"] for id_ in before), seconds=60)
    for number, id_ in enumerate(before, 1):
        event = eventually(lambda id_=id_: product.event(id_), lambda event: ADA not in str(event), 30)
        assert event["data"] == ({"job_id": f"j-{number}", "error": "for both"} if number % 5 == 0 else {})
        assert event["recipients"] == ([BOB] if number % 5 == 0 else [])
    scheduled = [id_ for number, id_ in enumerate(before, 1) if number % 7 == 0]
    assert counts(product, scheduled[0]) == {("cancelled", "erased"): 3}
    assert ADA in product.event(later[-1])["recipients"]
    assert {row["event_id"] for row in product.history(ADA)} >= set(later[-10:])
    assert product.metrics().sum("notifications_unaccounted") == 0

    answer = product.call("DELETE", AT)
    assert answer.status_code == 202
    assert eventually(lambda: left(product), lambda found: not found, 90) == []
    assert product.history(ADA) == []
    assert product.get(f"/inbox/{quote(ADA)}") == {"items": [], "unread_count": 0, "next_cursor": None}
    both = [id_ for number, (id_, _) in enumerate(flow.accepted, 1) if number % 5 == 0]
    assert {row["event_id"] for row in product.history(BOB)} == set(both)
    erased = eventually(lambda: product.get("/audit", object=answer.json()["pseudonym"], action="user.erased")["items"])
    assert erased[0]["actor"] == "system:erasure"
    assert product.metrics().sum("notifications_unaccounted") == 0
    checked = run("audit", "verify", **product.settings)
    assert checked.returncode == 0, checked.stderr
