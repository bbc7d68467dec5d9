"""The main job, retries, sameness and limits once more, with every step of a chain going through the broker.

The other tests of this folder run in each place with steps that are run back to back.
"""

import time
from contextlib import ExitStack
from datetime import datetime
from itertools import pairwise

import pytest
from standardwebhooks import Webhook

from tests.fakes.at_once import at_once
from tests.fakes.mailbox import Mailbox
from tests.fakes.receiver import Answer
from tests.integration import servers
from tests.integration.event_stream import EventStream
from tests.integration.product import Product, eventually
from tests.integration.story import DOORS, USERS, Story, events, expected, subject_of
from tests.integration.words import plain, words

# Not on RabbitMQ, which has one set of lanes for all: a drill runs such a fleet there.
PLACES = (("sqlite", "embedded"), ("postgresql", "redis"))
LIMIT = 2
WINDOW_SECONDS = 3.0


class Place:
    """A product somewhere, and what was told there."""

    def __init__(self, product: Product, story: Story) -> None:
        self.product, self.story = product, story


@pytest.fixture(scope="module")
def plain_mailbox():
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="module", params=PLACES, ids=", ".join)
def place(request, tmp_path_factory, plain_mailbox, receiver):
    with ExitStack() as stack:
        settings = stack.enter_context(servers.place(*request.param, redis_number=10))
        product = Product(
            tmp_path_factory.mktemp("place"),
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(plain_mailbox.port),
            SMTP_USE_TLS="false",
            SMTP_FROM="IM2 <im2@sender.example>",
            RETRY_DELAY_SECONDS="0.3",
            MAX_RETRIES="3",
            RATE_LIMIT_PER_USER="0",
            RATE_LIMIT_PER_USER_SLACK=str(LIMIT),
            RATE_LIMIT_WINDOW_MINUTES=str(WINDOW_SECONDS / 60),
            RELAY_TICK_SECONDS="1",
            FUSE_STEPS="false",
            **settings,
        )
        stack.enter_context(product)
        plain_mailbox.ledger.clear()
        receiver.ledger.clear()
        story = Story(product, plain_mailbox, receiver, prefix=f"p{PLACES.index(request.param)}-")
        for door in DOORS:
            story.tell(door)
        story.delivered(DOORS)
        yield Place(product, story)


def test_everybody_is_told_in_their_own_words(place):
    story = place.story
    for user in USERS:
        assert len(story.mails(user)) == 5 * len(DOORS)
        posts = story.posts(user)
        assert len(posts) == 7 * len(DOORS)
        verifier = Webhook(story.secrets[user.name])
        for post in posts:
            document = verifier.verify(post["body"], post["headers"])
            door = document["data"]["subject_key"].rpartition("-")[2]
            wanted = words(document["type"], user.locale, door, user.when)
            assert (plain(document["data"]["title"]), plain(document["data"]["text"])) == (wanted.subject, wanted.short)
            assert document["data"]["subject_key"] == subject_of(events(door)[document["type"]])
        assert len(place.product.get(f"/inbox/{story.id_of(user)}", limit=200)["items"]) == 7 * len(DOORS)


def test_the_accounts_agree(place):
    metrics = place.product.metrics()
    everything = len(list(expected(DOORS)))
    assert metrics.sum("notifications_accepted_total") >= everything
    assert metrics.sum("notifications_total", status="delivered") >= everything
    assert metrics.sum("notifications_unaccounted") == 0
    assert place.product.get("/health")["status"] == "ok"


def test_a_failing_receiver_is_asked_three_times(place, receiver):
    path = f"/retry-{place.story.prefix}"
    receiver.script(path, Answer(503, times=2), Answer(200))
    place.product.set_user("retried", contacts={"webhook": {"url": receiver.url(path)}})
    event_id = place.product.submit("job.failed", {"job_id": "r", "error": "e"}, "retried", channels=["webhook"])
    place.product.ended(event_id)
    attempts = place.product.notification(event_id, "webhook")["attempts"]
    assert [one["http_status"] for one in attempts] == [503, 503, 200]
    for (before, after), wait in zip(pairwise(attempts), (0.3, 0.6), strict=True):
        waited = datetime.fromisoformat(after["started_at"]) - datetime.fromisoformat(before["ended_at"])
        assert wait <= waited.total_seconds() <= wait * 1.25 + 2


def test_one_key_is_one_event_and_one_content_one_message(place):
    product = place.product
    event = {"type": "job.completed", "data": {"job_id": "same"}, "recipients": ["same"]}
    key = product.admin_key
    answers = at_once(
        20, lambda _: product.call("POST", "/events", json=event, headers={"Idempotency-Key": "k"}, token=key)
    )
    assert [answer.status_code for answer in answers] == [202] * 20
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 19
    product.ended(answers[0].json()["id"])
    again = product.submit("job.completed", {"job_id": "same"}, "same")
    assert product.ended(again)["counts"] == {"suppressed": 1}
    assert product.notification(again, "inapp")["reason"] == "duplicate"
    assert product.notification(answers[0].json()["id"], "inapp")["duplicates"] == 1


def test_an_inbox_is_live(place):
    product = place.product
    with EventStream(f"{product.url}/inbox/live/stream", token=product.admin_key) as page:
        eventually(lambda: page.unread == 0)
        event_id = product.submit("job.completed", {"job_id": "live"}, "live", channels=["inapp"])
        page.item(event_id=event_id, read=False)
        product.call("POST", "/inbox/live/read-all")
        page.item(event_id=event_id, read=True)
        eventually(lambda: page.unread == 0)
        assert [int(event.id) for event in page.events] == [0, 1, 1, 2, 2]


def test_what_is_too_much_waits_for_its_window(place, receiver):
    path = f"/much-{place.story.prefix}"
    product = place.product
    product.set_user("much", contacts={"slack": {"url": receiver.url(path)}})
    began = time.time()
    ids = [
        product.submit("job.completed", {"job_id": f"much-{number}"}, "much", channels=["slack"]) for number in range(3)
    ]
    eventually(lambda: [product.event(one)["counts"] for one in ids], lambda counts: {"held": 1} in counts)
    for one in ids:
        product.ended(one, 20)
    posts = [post for post in receiver.ledger.entries() if post["path"] == path]
    assert len(posts) == 3
    assert max(post["t"] for post in posts) - began >= WINDOW_SECONDS


def test_a_stop_is_clean(place):
    """Comes last: the product is down after it."""
    assert place.product.stop() == 0
