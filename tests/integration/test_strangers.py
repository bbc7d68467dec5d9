"""Whoever may write to the broker can put anything on a lane: no worker stops, starts again or loops over it."""

from contextlib import ExitStack

import pytest

from tests.integration.product import Product, eventually
from tests.integration.servers import rabbitmq_url, redis_url
from tests.integration.story import broker_url
from tests.integration.strangers import Door, Note, bad_events, call, envelope, event, odd_blobs, odd_notes

WORKERS = ("urgent", "local", "outbound")


class Place:
    """A product, its broker as a stranger sees it, and the workers it had in the beginning."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.door = Door(broker_url(product))
        self.workers = self.pids()
        self.on_rabbitmq = "CELERY_BROKER_URL" in product.settings

    def pids(self) -> list[int]:
        return [self.product.child("worker", group).pid for group in WORKERS]

    def still_works(self, user: str) -> None:
        """A good event that comes now is accepted and delivered, by the workers of the beginning."""
        self.door.put(Note(call(**event(user, data={"job_id": user}))))
        eventually(lambda: [one["status"] for one in self.product.history(user)], lambda found: found == ["delivered"])
        assert self.pids() == self.workers

    def refused(self) -> float:
        return self.product.metrics().sum("notification_messages_refused_total")

    def rejected(self) -> int:
        return len(self.product.get("/audit", action="reject", limit=200)["items"])


@pytest.fixture(scope="module", params=["embedded", "rabbitmq"])
def place(request, tmp_path_factory):
    settings = {"RELAY_TICK_SECONDS": "0.3"}
    if request.param == "rabbitmq":
        settings |= {"REDIS_URL": redis_url(), "CELERY_BROKER_URL": rabbitmq_url()}
    with ExitStack() as stack:
        yield Place(stack.enter_context(Product(tmp_path_factory.mktemp(request.param), **settings)))


@pytest.mark.parametrize("name", odd_notes())
def test_what_is_no_task_of_ours_is_dropped_and_counted(place, name):
    before, rejected = place.refused(), place.rejected()
    place.door.put(odd_notes()[name])
    place.still_works(f"odd-{list(odd_notes()).index(name)}")
    eventually(place.refused, lambda count: count == before + 1)
    assert place.rejected() == rejected


@pytest.mark.parametrize("name", bad_events())
def test_a_bad_event_is_on_record_with_its_fault(place, name):
    before, refused = place.rejected(), place.refused()
    note, field = bad_events()[name]
    place.door.put(note)
    place.still_works(f"bad-{list(bad_events()).index(name)}")
    eventually(place.rejected, lambda count: count == before + 1)
    newest = place.product.call("GET", "/audit", params={"action": "reject", "limit": 1})
    assert len(newest.content) < 4096
    (entry,) = newest.json()["items"]
    assert entry["actor"] == "system:submit"
    assert entry["object"].startswith(f"task:{note.id[:1]}")
    assert field in entry["detail"]["errors"]["json"]
    assert place.refused() == refused


@pytest.mark.parametrize("place", ["embedded"], indirect=True)
@pytest.mark.parametrize("name", odd_blobs())
def test_what_is_no_message_is_dropped_and_counted(place, name):
    """On RabbitMQ everything is one."""
    before = place.refused()
    place.door.push(odd_blobs()[name])
    place.still_works(f"blob-{list(odd_blobs()).index(name)}")
    eventually(place.refused, lambda count: count == before + 1)


@pytest.mark.parametrize("lane", ["critical", "bulk", "inapp", "email", "webhook"])
def test_no_lane_is_spoiled(place, lane):
    before = place.refused()
    notes = [
        *odd_notes().values(),
        Note(call(**event("wrong-lane"))),
        Note(call(["ntf_1"], ["ntf_2"]), task="notifications.render"),
        Note(call([{"id": 1}]), task="notifications.render"),
        Note(call(["\x00"]), task="notifications.render"),
        Note(call("ntf_1"), task="notifications.deliver.email"),
        Note(call(["ntf_1"]), task="notifications.deliver.email", headers={"eta": "9999-12-31T23:59:59Z"}),
        Note(call(["ntf_1"]), task="notifications.deliver.email", headers={"expires": "tomorrow"}),
        Note(call(["ntf_1"], embed={"chain": [{"task": "celery.map"}]}), task="notifications.render"),
        Note(call(["ntf_1"], embed={"chain": 5}), task="notifications.render"),
        Note(call(["ntf_1"], embed={"callbacks": [{"task": "notifications.submit"}]}), task="notifications.render"),
    ]
    for note in notes:
        place.door.put(note, lane)
    # Their form is right, and so they pass; nothing has these names.
    place.door.put(Note(call(["ntf_made-up"]), task="notifications.render"), lane)
    place.door.put(Note(call(["ntf_made-up"]), task="notifications.deliver.email"), lane)
    # A step of the chain is refused on the ingest lane only.
    steps = sum(str(note.task).startswith("notifications.deliver") for note in odd_notes().values())
    eventually(place.refused, lambda count: count == before + len(notes) - steps)
    assert place.product.history("wrong-lane") == []
    place.still_works(f"after-{lane}")


def test_what_a_stranger_wants_to_have_run_afterwards_is_not_run(place):
    linked = {
        "task": "notifications.submit",
        "args": [],
        "kwargs": event("linked"),
        "options": {"queue": "ingest"},
        "subtask_type": None,
        "immutable": True,
    }
    ways = (
        {"chain": [linked]},
        {"callbacks": [linked]},
        {"errbacks": [linked]},
        {"callbacks": [linked], "errbacks": [linked], "chain": [linked], "chord": {"task": "x"}},
    )
    for number, embed in enumerate(ways):
        reply = {"reply_to": "email", "correlation_id": "c"}
        place.door.put(Note(call(embed=embed, **event("linking", data={"job_id": f"j-{number}"})), properties=reply))
        place.door.put(Note(call(embed=embed, type="job.nonsense")))
        place.door.put(Note(call(embed=embed, **event("x")), headers={"expires": "tomorrow"}))
        place.door.put(Note(call(embed=embed, **event("x")), headers={"expires": "2001-01-01T00:00:00Z"}))
    eventually(lambda: len(place.product.history("linking")), lambda count: count == len(ways))
    place.still_works("after-links")
    assert place.product.history("linked") == []


def test_arguments_are_not_shown_to_whoever_watches(place):
    """What a client of Celery tells about its arguments would be the event's data, in Flower."""
    note = Note(
        call(**event("watched")),
        headers={"argsrepr": "canary-args", "kwargsrepr": "canary-kwargs", "shadow": "canary-name", "timelimit": "x"},
    )
    place.door.put(note)
    eventually(lambda: place.product.history("watched"))
    assert "canary" not in place.product.log()


@pytest.mark.parametrize("place", ["embedded"], indirect=True)
def test_the_route_and_the_tag_of_a_message_on_redis_are_not_the_senders(place):
    """Two with one tag are two all the same, and none of them ends on another lane. RabbitMQ sees to it itself."""
    elsewhere = {"exchange": "celery.pidbox", "routing_key": "email"}
    for number, tag in enumerate(("the-same", "the-same", None, {"a": 1}, 5)):
        note = Note(call(**event("tagged", data={"job_id": f"j-{number}"})))
        properties = {"delivery_tag": tag, "delivery_info": elsewhere, "body_encoding": "base64"}
        place.door.push(envelope(note, properties=properties))
    eventually(lambda: len(place.product.history("tagged")), lambda count: count == 5)


def test_nothing_is_left_behind_in_the_end(place):
    """Comes last: the product is down after it, and what was not acknowledged would be back on its lane."""
    assert place.pids() == place.workers
    assert [line["message"] for line in place.product.lines() if line["message"] == "component_died"] == []
    eventually(place.door.left, lambda left: left == {})
    log = place.product.log()
    assert "canary" not in log
    assert "x" * 1000 not in log
    if place.on_rabbitmq:
        place.product.stop()
        assert place.door.left() == {}
