"""After an erasure nothing of the person is found: not in any table, nor in the files, nor beside them.

Everything planted has the same word in it, so that a search for that word finds whatever was forgotten.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import select, text

from app.domain.notifications import OPEN
from app.store import audit
from app.store.engine import Database
from app.store.tables import metadata, notifications
from tests.fakes.gate_server import GateServer
from tests.fakes.product import ADMIN_KEY, Product, build_product
from tests.fakes.receiver import Answer, Receiver
from tests.unit import test_api_access
from tests.unit.test_api_access import EVENT, ROWS, path_of

WORD = "canary"
USER = f"{WORD}.person@home.example"
BOB = "u-bob"
ITSELF = "DELETE /users/<user_id>"
CHANGES = [route for route in ROWS if route.split()[0] != "GET" and route != ITSELF]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def product(database: Database, gate_server: GateServer, tmp_path: Path) -> Iterator[Product]:
    url = database.engine.url.render_as_string(hide_password=False)
    environ = {"DATABASE_URL": url, "REDIS_URL": gate_server.url, "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
    (tmp_path / "data").mkdir()
    product = build_product(tmp_path / "data", None, environ | {"WEBHOOK_MAX_RETRIES": "1"})
    yield product
    product.services.close()


def work(product: Product) -> None:
    """Do what the workers would, with all that is due."""
    services = product.services
    statement = select(notifications.c.id, notifications.c.channel).where(notifications.c.status.in_(OPEN))
    with services.database.read() as conn:
        rows = conn.execute(statement).all()
    for channel in services.channels:
        ids = [row.id for row in rows if row.channel == channel]
        for step in (services.pipeline.render, services.pipeline.dedupe, services.pipeline.rate_limit):
            ids = step(ids) if ids else []
        services.delivery.deliver(channel, ids)


def settle(product: Product) -> None:
    """Let the relay come to the end of it, and seal the log."""
    product.clock.advance(seconds=31)
    while product.services.erasures.carry_on(10.0):
        pass
    product.services.relay.sweep()
    product.services.erasures.carry_on(10.0)


def traces(product: Product, database: Database, folder: Path, gates: str, word: str = WORD) -> list[str]:
    """Where the word is found."""
    found: list[str] = []
    with database.read() as conn:
        for table in metadata.tables.values():
            found += [f"{table.name}: {row}" for row in conn.execute(select(table)) if word in str(row).lower()]
    for path in folder.rglob("*"):
        if path.is_file() and (word.encode() in path.read_bytes().lower() or word in path.name.lower()):
            found.append(path.name)
    with Redis.from_url(gates, decode_responses=True) as client:
        found += [key for key in client.scan_iter() if word in key.lower()]
    return found


def meet(product: Product, receiver: Receiver) -> None:
    contacts = {
        "email": f"{WORD}-mail@home.example",
        "webhook": {"url": receiver.url(f"/{WORD}-path"), "headers": {"X-Token": f"{WORD}-token-0123456789"}},
        "opsgenie": {"api_key": f"{WORD}-key-0123456789", "url": receiver.url(f"/{WORD}-alerts")},
    }
    document = {"contacts": contacts, "muted_subjects": [f"{WORD}-subject"], "locale": "de"}
    document["events"] = {"job.failed": {"opsgenie": True}}
    assert product.call("PUT", f"/preferences/{USER}", product.token(USER), json=document).status_code == 200
    product.call("PUT", f"/preferences/{BOB}", json={"contacts": {"email": "bob@home.example"}})


def alert_keys(database: Database) -> set[str]:
    """The names of all alerts; from each it can be found out whom it is about, given a guess."""
    with database.read() as conn:
        return set(conn.execute(select(notifications.c.alert_key)).scalars()) - {None}


def submit(product: Product, number: int, *recipients: str, word: str = WORD, **fields: object) -> str:
    data = {"job_id": f"{word}-job-{number}", "error": f"{word} words", "name": f"{word.title()} Namesdottir"}
    event = {"type": "job.failed", "recipients": list(recipients), "data": data, **fields}
    answer = product.call("POST", "/events", json=event, headers={"Idempotency-Key": f"{word}-{number}"})
    assert answer.status_code == 202, answer.json
    return str(answer.json["id"])


def test_nothing_is_left_of_whatever_was_done_for_them_or_by_them(
    product: Product,
    database: Database,
    gate_server: GateServer,
    receiver: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    meet(product, receiver)
    receiver.script(f"/{WORD}-path", Answer(404, body=f"no {WORD} here", times=2), Answer(200, body=WORD))
    # Every route that changes something, for this user and as this user.
    monkeypatch.setattr(test_api_access, "ME", USER)
    monkeypatch.setitem(EVENT, "recipients", [USER])
    monkeypatch.setitem(EVENT, "data", {"job_id": f"{WORD}-9", "error": WORD})
    for route in CHANGES:
        method, rule = route.split()
        body = {**(ROWS[route].body or {}), **({"user_id": USER} if rule.endswith("/replay") else {})}
        for by_admin in (True, False) if ROWS[route].users else (True,):
            # Past what there may be of verification mails and tests in an hour.
            product.clock.advance(seconds=3700)
            token = ADMIN_KEY if by_admin else product.token(USER)
            path = path_of(rule, product, ADMIN_KEY)
            answer = product.call(method, path, token, **({"json": body} if body else {}))
            assert answer.status_code < 300, (route, answer.json)
    meet(product, receiver)
    for number in range(12):
        submit(product, number, USER, subject_key=f"{WORD}-subject" if number % 2 else None)
    submit(product, 90, USER, deliver_at="2026-12-01T00:00:00Z", dedupe_key=f"{WORD}-dedupe")
    submit(product, 91, BOB, USER, word="shared")
    # Off by default, so that no notification leads from the user to this event.
    progress = {"job_id": f"{WORD}-job", "percent": 1}
    submit(product, 92, USER, channels=["email"], type="job.progress", data=progress)
    work(product)
    product.clock.advance(seconds=700)
    work(product)
    product.services.relay.sweep()
    assert len(traces(product, database, tmp_path, gate_server.url)) > 40, "there was something to erase"
    keys = alert_keys(database)
    assert len(keys) > 6

    erased = product.call("DELETE", f"/users/{USER}").json
    settle(product)

    assert erased["status"] == "erased"
    assert traces(product, database, tmp_path, gate_server.url) == []
    assert alert_keys(database) == set()
    assert [key for key in keys if traces(product, database, tmp_path, gate_server.url, key)] == []
    assert len(traces(product, database, tmp_path, gate_server.url, "shared")) > 2, "Bob keeps his"
    assert product.call("GET", f"/history/{USER}").json["items"] == []
    assert product.call("GET", f"/inbox/{USER}").json["items"] == []
    assert product.call("GET", f"/preferences/{USER}").json["contacts"] == {}
    assert "notifications_unaccounted 0.0" in product.call("GET", "/metrics").text
    with database.read() as conn:
        verdict = audit.verify(conn)
    assert (verdict.first_bad, verdict.unsealed) == (None, 0)


def test_a_long_history_leaves_nothing_in_the_files_either(
    product: Product, database: Database, gate_server: GateServer, receiver: Receiver, tmp_path: Path
):
    meet(product, receiver)
    for batch in range(6):
        events = [
            {
                "type": "job.completed",
                "recipients": [USER] if number % 3 else [USER, BOB],
                "channels": ["inapp"],
                "data": {"job_id": f"j-{batch}-{number}"}
                | ({"note": WORD * (1 + number * 7 % 900)} if number % 3 else {}),
            }
            for number in range(100)
        ]
        assert product.call("POST", "/events/batch", json={"events": events}).status_code == 202
        work(product)
    product.services.relay.sweep()
    assert len(traces(product, database, tmp_path, gate_server.url)) > 600
    answer = product.call("DELETE", f"/users/{USER}")
    assert answer.status_code == 202
    settle(product)
    assert traces(product, database, tmp_path, gate_server.url) == []
    with database.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM notifications WHERE user_id = 'u-bob'")).scalar() == 204
