"""An inbox, live, of the running product."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
import requests

from tests.drills.processes import Process
from tests.integration.conftest import OWN, PLACES, on_its_own
from tests.integration.event_stream import EventStream, asked, read_to_the_end
from tests.integration.product import Product, eventually
from tests.integration.victims import api_worker, broker

SOON_SECONDS = 1.0
"""What changes is on every page within that time."""
TRIES = 5
MANY_STREAMS = 120
DEATHS = 3


def stream(product: Product, user: str, **options: str) -> EventStream:
    """An open stream that has heard the count."""
    opened = EventStream(f"{product.url}/inbox/{user}/stream", token=product.admin_key, **options)
    assert opened.status == 200
    eventually(lambda: opened.unread is not None)
    return opened


def submit(product: Product, user: str, job: str) -> str:
    return product.submit("job.completed", {"job_id": job}, user, channels=["inapp"])


def quickest(waits: list[float]) -> float:
    """A busy machine may hold up any single one."""
    return min(waits)


def test_what_is_submitted_is_on_the_page_within_a_second(product: Product):
    with stream(product, "live-1") as page, stream(product, "live-2") as other:
        waits = []
        for number in range(TRIES):
            began = time.monotonic()
            event_id = submit(product, "live-1", f"live-{number}")
            waits.append(page.item(event_id=event_id).at - began)
            eventually(lambda: page.unread == number + 1)  # noqa: B023 - asked before the loop goes on
        assert quickest(waits) < SOON_SECONDS, waits
        assert other.items() == []
        assert page.retry == 5000
        assert page.items()[0] == product.get("/inbox/live-1")["items"][-1]


def test_what_is_read_on_one_page_is_read_on_the_other_within_a_second(product: Product):
    for number in range(TRIES):
        submit(product, "tabs", f"tabs-{number}")
    items = eventually(lambda: product.get("/inbox/tabs")["items"], lambda found: len(found) == TRIES)
    with stream(product, "tabs") as one, stream(product, "tabs") as two:
        assert one.unread == two.unread == TRIES
        waits = []
        for left, item in enumerate(reversed(items[1:]), start=1):
            began = time.monotonic()
            product.call("PATCH", f"/inbox/tabs/{item['id']}", json={"read": True})
            waits += [page.item(id=item["id"], read=True).at - began for page in (one, two)]
            eventually(lambda: one.unread == two.unread == TRIES - left)  # noqa: B023 - the same
        assert quickest(waits) < SOON_SECONDS, waits
        product.call("PATCH", f"/inbox/tabs/{items[0]['id']}", json={"archived": True})
        for page in (one, two):
            page.item(id=items[0]["id"], archived=True)
            eventually(lambda: page.unread == 0)  # noqa: B023 - the same


def test_a_repeat_raises_the_count_on_the_item_that_is_there(product: Product):
    with stream(product, "repeats") as page:
        first = submit(product, "repeats", "same")
        page.item(event_id=first, duplicates=0)
        submit(product, "repeats", "same")
        page.item(event_id=first, duplicates=1)
        assert page.unread == 1


def test_a_ticket_takes_the_place_of_a_header(product: Product):
    ticket = product.call("POST", "/inbox/ticket/ticket").json()["ticket"]
    url = f"{product.url}/inbox/ticket/stream?ticket={ticket}"
    for _ in range(2):
        with EventStream(url) as page:
            eventually(lambda: page.unread == 0)
    assert requests.get(url.replace("/inbox/ticket/", "/inbox/other/"), timeout=10).status_code == 404
    assert requests.get(f"{product.url}/inbox/ticket?ticket={ticket}", timeout=10).status_code == 401
    assert ticket not in product.log()


def test_a_reader_who_comes_back_has_missed_nothing(product: Product):
    with stream(product, "back") as page:
        first = submit(product, "back", "back-1")
        page.item(event_id=first)
        eventually(lambda: page.unread == 1)
        last = page.last_id
    away = [submit(product, "back", f"back-{number}") for number in range(2, 6)]
    eventually(lambda: product.get("/inbox/back")["unread_count"], lambda count: count == 5)
    with stream(product, "back", last_event_id=last) as page:
        assert sorted(item["event_id"] for item in page.items()) == sorted(away)
        assert page.unread == 5


def test_many_open_streams_hold_up_nobody(product: Product):
    with ExitStack() as stack:
        pages = [stack.enter_context(stream(product, f"crowd-{n % 40}")) for n in range(MANY_STREAMS)]
        assert product.metrics().sum("inbox_streams_open") >= MANY_STREAMS
        for path in ("/health", "/health/live", "/metrics"):
            assert product.call("GET", path, token=None).status_code == 200
        everybody = [f"crowd-{n}" for n in range(40)]
        event_id = product.submit("job.completed", {"job_id": "crowd-of-streams"}, *everybody, channels=["inapp"])
        for page in pages:
            page.item(event_id=event_id)
        assert product.call("GET", "/health", token=None).status_code == 200


# Wherever it is, the bell is Redis, and what is told is in the database.
@pytest.mark.parametrize("product", [PLACES[0], OWN], indirect=True, ids=", ".join)
def test_through_deaths_of_the_api_nothing_is_lost_and_nothing_told_twice(product: Product):
    through_deaths(product, "killed-api", api_worker)


# The other places have a broker that is not the product's own to start again.
@on_its_own
def test_through_deaths_of_the_broker_nothing_is_lost_and_nothing_told_twice(product: Product):
    through_deaths(product, "killed-broker", broker)


def through_deaths(product: Product, user: str, victim: Callable[[Product], Process]) -> None:
    """A reader comes back each time with the last id it has seen, while what it hangs on is killed again and again."""
    key, last = product.admin_key, "0"
    accepted: list[str] = []
    seen: list[tuple[int, str]] = []

    def insist(number: int) -> str:
        """Submit it once, however often that takes."""
        name = f"{user}-{number}"
        event = {"type": "job.completed", "recipients": [user], "data": {"job_id": name}}
        while True:
            with suppress(requests.RequestException):
                answer = product.call("POST", "/events", json=event, headers={"Idempotency-Key": name}, token=key)
                if answer.status_code == 202:
                    return str(answer.json()["id"])
            time.sleep(0.1)

    def listen() -> EventStream:
        while True:
            with suppress(OSError):
                page = EventStream(f"{product.url}/inbox/{user}/stream", token=key, last_event_id=last)
                if page.status == 200:
                    return page
            time.sleep(0.1)

    def hang_up(page: EventStream) -> None:
        page.close()
        seen.extend((int(one.id), one.data["event_id"]) for one in page.events if one.name == "notification")

    with ThreadPoolExecutor(1) as pool:
        for death in range(DEATHS):
            page = listen()
            sending = [pool.submit(insist, death * 20 + number) for number in range(20)]
            eventually(page.items)
            victim(product).send(signal.SIGKILL)
            accepted += [one.result(60) for one in sending]
            hang_up(page)
            last = page.last_id
    page = listen()
    missing = {*accepted} - {event for _, event in seen}
    eventually(lambda: missing <= {item["event_id"] for item in page.items()}, seconds=90)
    hang_up(page)
    assert [revision for revision, _ in seen] == sorted({revision for revision, _ in seen})
    assert Counter(event for _, event in seen) == Counter(accepted)


def test_a_stop_ends_streams_in_order_and_at_once(product: Product):
    ready = product.count_said("api", "component_ready")
    open_ones = [asked(f"{product.url}/inbox/u-{number}/stream", product.admin_key) for number in range(20)]
    eventually(lambda: product.metrics().sum("inbox_streams_open"), lambda count: count >= 20)
    product.child("api").send(signal.SIGTERM)
    for raw in open_ones:
        # Whatever is still open when its patience ends, gunicorn breaks off: without the chunk that ends an answer.
        assert read_to_the_end(raw).endswith(b"\r\n0\r\n\r\n")
    eventually(lambda: product.count_said("api", "component_ready") > ready)
