"""What happens when a receiver does not take a message: the plan of waits, who is asked again and what is on record."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import pairwise

import pytest

from tests.fakes.mailbox import Mailbox, Say
from tests.fakes.receiver import Answer, Receiver
from tests.integration.product import Product, eventually

DELAY = 0.3
RETRIES = 3
JITTER = 1.25
OVERHEAD = 2.0
"""What may be lost between the end of a wait and the attempt on a machine that does other things as well."""
HOOK_SCENES = {
    "503 twice": (Answer(503, times=2), Answer(200)),
    "503 with Retry-After": (Answer(503, {"Retry-After": "2"}, times=1), Answer(200)),
    "429 with Retry-After": (Answer(429, {"Retry-After": "2"}, times=1), Answer(200)),
    "never": (Answer(500, body="still broken"),),
    "gone": (Answer(410),),
    "404, then found": (Answer(404, times=1), Answer(200)),
    "302, then at home": (Answer(302, {"Location": "/elsewhere"}, times=1), Answer(200)),
    "mute": (Answer(act="silence", times=1), Answer(200)),
    "hangs up": (Answer(act="reset", times=1), Answer(200)),
}
MAIL_SCENES = {
    "451 once": (Say("451 4.7.1 later", times=1), Say()),
    "451 for ever": (Say("451 4.7.1 later"),),
    "550 5.1.1": (Say("550 5.1.1 no such user"),),
    "550 5.7.1": (Say("550 5.7.1 not wanted"),),
}


class Scenes:
    """Every scene with a receiver, a user and an event of its own, all played at the same time."""

    def __init__(self, product: Product, mailbox: Mailbox, stack: ExitStack) -> None:
        self.product, self.mailbox = product, mailbox
        self.before = product.settled()
        self.receivers = {name: stack.enter_context(Receiver()) for name in [*HOOK_SCENES, "away"]}
        self.users = {name: f"scene-{number}" for number, name in enumerate([*self.receivers, *MAIL_SCENES])}
        for name, receiver in self.receivers.items():
            receiver.script("/hook", *HOOK_SCENES.get(name, ()))
            contacts = {"webhook": {"url": receiver.url("/hook")}}
            product.set_user(self.users[name], contacts=contacts)
        for name, answers in MAIL_SCENES.items():
            address = f"{self.users[name]}@scenes.example"
            mailbox.script("rcpt", *answers, recipient=address)
            product.set_user(self.users[name], contacts={"email": address})
        self.receivers["away"].down()
        self.events = {name: self.submit(name) for name in self.users}
        eventually(lambda: self.attempts("away"))
        self.receivers["away"].up()
        for event in self.events.values():
            product.ended(event, 40)

    def submit(self, name: str) -> str:
        """Another event for the scene's user."""
        channel = "webhook" if name in self.receivers else "email"
        return self.product.submit("job.failed", {"job_id": name, "error": "e"}, self.users[name], channels=[channel])

    def notification(self, name: str):
        """The scene's notification."""
        channel = "webhook" if name in self.receivers else "email"
        return self.product.notification(self.events[name], channel)

    def attempts(self, name: str):
        """The attempts of the scene."""
        return self.notification(name)["attempts"]


@pytest.fixture(scope="module")
def scenes(product, mailbox) -> Iterator[Scenes]:
    with ExitStack() as stack:
        yield Scenes(product, mailbox, stack)


def outcomes(found):
    return [(one["outcome"], one["http_status"]) for one in found["attempts"]]


def waits(found):
    """Seconds between the end of each attempt and the start of the next."""
    return [
        (datetime.fromisoformat(after["started_at"]) - datetime.fromisoformat(before["ended_at"])).total_seconds()
        for before, after in pairwise(found["attempts"])
    ]


def follow_the_plan(found):
    planned = [DELAY * 2**number for number in range(len(found["attempts"]) - 1)]
    for number, (wait, plan) in enumerate(zip(waits(found), planned, strict=True)):
        assert plan <= wait <= plan * JITTER + OVERHEAD, f"wait {number + 1} was {wait:.3f} s, planned {plan} s"
    return True


def test_twice_503_then_taken_is_delivered_on_the_third_attempt(scenes):
    found = scenes.notification("503 twice")
    assert (found["status"], found["reason"]) == ("delivered", None)
    assert [one["number"] for one in found["attempts"]] == [1, 2, 3]
    assert outcomes(found) == [("transient", 503), ("transient", 503), ("delivered", 200)]
    assert found["possible_duplicate"] is False
    assert follow_the_plan(found)
    entries = scenes.receivers["503 twice"].ledger.entries()
    assert len(entries) == 3
    assert {entry["key"] for entry in entries} == {found["id"]}
    assert len({entry["body"] for entry in entries}) == 1
    for before, after in pairwise(entries):
        assert after["t"] > before["t"]
    assert [step["decision"] for step in found["trace"] if step["step"] == "deliver"] == [
        "retrying",
        "retrying",
        "delivered",
    ]


@pytest.mark.parametrize("name", ["503 with Retry-After", "429 with Retry-After"])
def test_a_longer_retry_after_wins(scenes, name):
    found = scenes.notification(name)
    assert found["status"] == "delivered"
    assert [one["outcome"] for one in found["attempts"]] == ["transient", "delivered"]
    [wait] = waits(found)
    assert 2.0 <= wait <= 2.0 * JITTER + OVERHEAD


def test_a_plan_that_runs_out_ends_as_attempts_exhausted(scenes):
    found = scenes.notification("never")
    assert (found["status"], found["reason"]) == ("failed", "attempts_exhausted")
    # A 500 leaves it open whether the receiver has the message.
    assert outcomes(found) == [("unknown", 500)] * (RETRIES + 1)
    assert follow_the_plan(found)
    assert found["because"] == "Failed after 4 attempts, one of which may still have arrived."
    assert "still broken" in found["attempts"][0]["detail"]
    assert (found["delivered_at"], found["next_at"]) == (None, None)
    assert len(scenes.receivers["never"].ledger.entries()) == RETRIES + 1


def test_410_ends_it_and_disables_the_contact(scenes):
    found = scenes.notification("gone")
    assert (found["status"], found["reason"]) == ("failed", "rejected")
    assert outcomes(found) == [("permanent", 410)]
    effective = scenes.product.get(f"/preferences/{scenes.users['gone']}")["effective"]
    assert effective["job.failed"]["webhook"]["source"] == "no_contact"
    [row] = scenes.product.ended(scenes.submit("gone"))["notifications"]
    assert (row["status"], row["reason"]) == ("suppressed", "no_contact")
    assert len(scenes.receivers["gone"].ledger.entries()) == 1


@pytest.mark.parametrize(("name", "status"), [("404, then found", 404), ("302, then at home", 302)])
def test_other_refusals_of_a_webhook_are_tried_again(scenes, name, status):
    found = scenes.notification(name)
    assert outcomes(found) == [("transient", status), ("delivered", 200)]
    assert {entry["path"] for entry in scenes.receivers[name].ledger.entries()} == {"/hook"}


@pytest.mark.parametrize("name", ["mute", "hangs up"])
def test_without_an_answer_it_is_tried_again_and_may_be_a_repeat(scenes, name):
    found = scenes.notification(name)
    assert outcomes(found) == [("unknown", None), ("delivered", 200)]
    assert found["possible_duplicate"] is True
    assert len({entry["key"] for entry in scenes.receivers[name].ledger.entries()}) == 1


def test_a_receiver_that_was_away_gets_it_once(scenes):
    found = scenes.notification("away")
    assert found["status"] == "delivered"
    assert {one["outcome"] for one in found["attempts"][:-1]} == {"transient"}
    assert found["possible_duplicate"] is False
    assert len(scenes.receivers["away"].ledger.entries()) == 1


def test_a_mail_that_is_greylisted_is_sent_again(scenes):
    found = scenes.notification("451 once")
    assert [one["outcome"] for one in found["attempts"]] == ["transient", "delivered"]
    assert found["status"] == "delivered"
    assert follow_the_plan(found)


def test_a_mail_that_is_never_taken_is_given_up(scenes):
    found = scenes.notification("451 for ever")
    assert (found["status"], found["reason"]) == ("failed", "attempts_exhausted")
    assert [one["outcome"] for one in found["attempts"]] == ["transient"] * (RETRIES + 1)
    assert follow_the_plan(found)


@pytest.mark.parametrize(
    ("name", "reason", "again"), [("550 5.1.1", "bad_address", "suppressed"), ("550 5.7.1", "rejected", "failed")]
)
def test_a_mail_that_is_refused_is_not_sent_again(scenes, name, reason, again):
    found = scenes.notification(name)
    assert (found["status"], found["reason"]) == ("failed", reason)
    [attempt] = found["attempts"]
    assert attempt["outcome"] == "permanent"
    assert name.removeprefix("550 ") in attempt["detail"]
    # An address that does not exist is not tried again; one that only refused this mail is.
    [row] = scenes.product.ended(scenes.submit(name))["notifications"]
    assert row["status"] == again


def test_metrics_count_every_attempt(scenes):
    after = scenes.product.metrics()
    grown = {
        outcome: after.sum("notification_attempts_total", channel="webhook", outcome=outcome)
        - scenes.before.sum("notification_attempts_total", channel="webhook", outcome=outcome)
        for outcome in ("delivered", "permanent", "unknown")
    }
    all_of = [one for name in scenes.receivers for one in scenes.attempts(name)]
    assert grown == {name: sum(one["outcome"] == name for one in all_of) for name in grown}
    assert after.sum("notifications_unaccounted") == 0
