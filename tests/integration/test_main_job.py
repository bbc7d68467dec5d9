"""The main job, from outside: events in through every door, notifications out, and every account of it agrees."""

import json
import re
from collections import Counter

import pytest
from standardwebhooks import Webhook

from tests.integration.story import DOORS, OCCURRED_AT, USERS, Story, expected, parsed, subject_of
from tests.integration.story import events as told
from tests.integration.words import plain, words

NOTIFICATION = {
    "id", "event_id", "type", "user_id", "channel", "status", "reason", "because", "subject_key", "content", "trace",
    "duplicates", "digest_id", "replay_of", "next_at", "created_at", "updated_at", "delivered_at", "possible_duplicate",
}  # fmt: skip
ITEM = {
    "id", "notification_id", "event_id", "type", "priority", "subject_key", "sequence", "title", "text", "data",
    "duplicates", "read", "archived", "created_at", "updated_at",
}  # fmt: skip
EVENT = {
    "id", "type", "recipients", "data", "source", "subject_key", "sequence", "dedupe_key", "channels", "priority",
    "resolved", "occurred_at", "deliver_at", "expires_at", "created_at", "counts", "notifications",
}  # fmt: skip
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(scope="module")
def story(product, mailbox, receiver):
    """Told through all doors, and delivered."""
    story = Story(product, mailbox, receiver)
    for door in DOORS:
        story.tell(door)
    story.delivered(DOORS)
    return story


@pytest.fixture(scope="module")
def history(story):
    return {user.name: story.product.history(user.name) for user in USERS}


def door_of(subject: str) -> str:
    return subject.rpartition("-")[2]


def test_everybody_has_exactly_what_they_were_to_have(story, history):
    found = [
        (name, one["type"], one["channel"], one["subject_key"]) for name, items in history.items() for one in items
    ]
    assert Counter(found) == Counter(expected(DOORS))


def test_mails_say_it_in_the_readers_language_and_zone(story):
    for user in USERS:
        mails = story.mails(user)
        assert len(mails) == 5 * len(DOORS)
        assert all(mail["secured"] for mail in mails)
        by_subject = {(mail["subject"], plain(_text(mail))): mail for mail in mails}
        for door in DOORS:
            for type_ in set(told(door)) - {"job.progress", "system.warning"}:
                wanted = words(type_, user.locale, door, user.when)
                found = [
                    mail
                    for (subject, text), mail in by_subject.items()
                    if plain(subject) == wanted.subject and subject_of(told(door)[type_]) in text
                ]
                assert len(found) == 1, (user.name, wanted.subject, [mail["subject"] for mail in mails])
                for part in wanted.mail:
                    assert part in plain(_text(found[0]))


def test_mails_are_well_formed(story):
    mails = [mail for user in USERS for mail in story.mails(user)]
    ids = [mail["message_id"] for mail in mails]
    assert len(set(ids)) == len(ids)
    for mail in mails:
        read = parsed(mail["content"])
        assert read["From"] == "IM2 <im2@sender.example>"
        assert read["Date"]
        assert read["Auto-Submitted"] == "auto-generated"
        html = read.get_body(("html",)).get_content()
        assert "<b>on</b>" not in html
        if "broken-" in mail["content"]:
            assert "disk full &lt;b&gt;on&lt;/b&gt; node-7 &amp; more" in html


def test_webhooks_are_signed_and_say_what_the_contract_says(story):
    for user in USERS:
        posts = story.posts(user)
        assert len(posts) == 7 * len(DOORS)
        verifier = Webhook(story.secrets[user.name])
        for post in posts:
            document = verifier.verify(post["body"], post["headers"])
            assert set(document) == {"type", "timestamp", "data"}
            assert document["timestamp"] == OCCURRED_AT
            data = document["data"]
            door = door_of(data["subject_key"])
            event = told(door)[document["type"]]
            wanted = words(document["type"], user.locale, door, user.when)
            assert data == {
                "notification_id": post["headers"]["webhook-id"],
                "event_id": data["event_id"],
                "user_id": user.name,
                "subject_key": subject_of(event),
                "sequence": list(told(door)).index(document["type"]),
                "source": f"tests-{door}",
                "priority": data["priority"],
                "locale": user.locale,
                "title": data["title"],
                "text": data["text"],
                "event": event,
                "items": None,
            }
            assert (plain(data["title"]), plain(data["text"])) == (wanted.subject, wanted.short)


def test_the_inbox_says_the_same(story):
    for user in USERS:
        page = story.product.get(f"/inbox/{user.name}", limit=200)
        assert set(page) == {"items", "unread_count", "next_cursor"}
        assert page["unread_count"] == len(page["items"]) == 7 * len(DOORS)
        for item in page["items"]:
            assert set(item) == ITEM
            door = door_of(item["subject_key"])
            wanted = words(item["type"], user.locale, door, user.when)
            assert (plain(item["title"]), plain(item["text"])) == (wanted.subject, wanted.short)
            assert item["data"] == told(door)[item["type"]]
            assert (item["read"], item["archived"], item["duplicates"]) == (False, False, 0)
            assert UTC_TIME.fullmatch(item["created_at"])


def test_history_and_receivers_agree(story, history):
    for user in USERS:
        items = history[user.name]
        assert [one["id"] for one in items] == sorted((one["id"] for one in items), reverse=True)
        by_channel = {
            channel: {one["id"] for one in items if one["channel"] == channel}
            for channel in ("email", "webhook", "inapp")
        }
        assert {mail["key"] for mail in story.mails(user)} == by_channel["email"]
        assert {post["key"] for post in story.posts(user)} == by_channel["webhook"]
        inbox = story.product.get(f"/inbox/{user.name}", limit=200)["items"]
        assert {item["notification_id"] for item in inbox} == by_channel["inapp"]
        for one in items:
            assert set(one) == NOTIFICATION
            assert (one["status"], one["reason"], one["next_at"]) == ("delivered", None, None)
            assert one["because"] == ("Zugestellt." if user.locale == "de" else "Delivered.")
            assert one["content"]["locale"] == user.locale


def test_a_notification_tells_its_attempts_and_its_way(story, history):
    for one in [history["grete"][0], history["ada"][-1], history["noah"][7]]:
        found = story.product.get(f"/notifications/{one['id']}")
        assert set(found) == NOTIFICATION | {"attempts"}
        assert {name: found[name] for name in one if name != "content"} == {
            name: one[name] for name in one if name != "content"
        }
        assert found["trace"][0]["step"] == "plan"
        assert found["trace"][-1]["step"] == "deliver"
        assert all(set(step) == {"at", "step", "decision", "reason", "because"} for step in found["trace"])
        [attempt] = found["attempts"]
        assert set(attempt) == {"number", "started_at", "ended_at", "outcome", "http_status", "detail"}
        assert (attempt["number"], attempt["outcome"]) == (1, "delivered")
        assert found["created_at"] <= attempt["started_at"] <= attempt["ended_at"] <= found["delivered_at"]


def test_an_event_tells_what_was_submitted_and_what_became_of_it(story, history):
    for items in history.values():
        event_id = items[0]["event_id"]
        event = story.product.event(event_id)
        assert set(event) == EVENT
        door = door_of(event["subject_key"])
        assert event["data"] == told(door)[event["type"]]
        assert event["recipients"] == [user.name for user in USERS]
        assert event["occurred_at"] == OCCURRED_AT
        assert event["counts"] == {"delivered": len(event["notifications"])}
        known = {one["id"] for items in history.values() for one in items if one["event_id"] == event_id}
        assert {one["id"] for one in event["notifications"]} == known
        assert all(set(one) == {"id", "user_id", "channel", "status", "reason"} for one in event["notifications"])


def test_the_answers_to_submissions_are_those_of_the_contract(story):
    for subject, answer in story.accepted.items():
        if door_of(subject) == "http":
            assert set(answer) == {"id", "status", "created_at", "links"}
            assert answer["status"] == "accepted"
            assert answer["links"] == {"self": f"/events/{answer['id']}"}
            assert UTC_TIME.fullmatch(answer["created_at"])
        else:
            assert set(answer) == {"index", "id", "replayed"}
            assert answer["replayed"] is False
        assert re.fullmatch(r"evt_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", answer["id"])


def test_metrics_agree_with_what_the_receivers_got(story):
    after, before = story.product.metrics(), story.before

    def grown(name, **labels):
        return after.sum(name, **labels) - before.sum(name, **labels)

    per_type = Counter((type_, channel) for _, type_, channel, _ in expected(DOORS))
    for (type_, channel), count in per_type.items():
        labels = {"type": type_, "channel": channel}
        assert grown("notifications_total", status="delivered", **labels) == count
        assert grown("notification_delivery_seconds_count", **labels) == count
        assert grown("notification_delivery_seconds_sum", **labels) > 0
    for type_ in told("http"):
        accepted = sum(count for (of, _), count in per_type.items() if of == type_)
        assert grown("notifications_accepted_total", type=type_) == accepted
    received = {
        "email": sum(len(story.mails(user)) for user in USERS),
        "webhook": sum(len(story.posts(user)) for user in USERS),
    }
    for channel, count in received.items():
        assert grown("notification_attempts_total", channel=channel, outcome="delivered") == count
        assert grown("notification_attempts_total", channel=channel) == count
    assert after.sum("notifications_unaccounted") == 0
    assert after.sum("notifications_open") == 0
    assert after.sum("notifications_oldest_open_seconds") == 0


def test_health_is_well(story):
    health = story.product.get("/health")
    assert set(health) == {"status", "checks", "channels"}
    assert health["status"] == "ok"
    assert set(health["checks"]) == {"database", "broker", "relay", "workers", "canary"}
    assert {
        name: health["checks"][name]["status"] for name in ("database", "broker", "relay", "workers")
    } == dict.fromkeys(("database", "broker", "relay", "workers"), "ok")
    assert all(set(check) == {"status", "detail"} for check in health["checks"].values())
    assert health["channels"]["email"] == "configured"


def test_plurals_are_those_of_the_language(story):
    product = story.product
    waits = {1: ("1 second", "1 Sekunde"), 2: ("2 seconds", "2 Sekunden"), 60: ("1 minute", "1 Minute")}
    events = {
        seconds: product.submit(
            "job.completed",
            {"job_id": f"plural-{seconds}", "duration_seconds": seconds},
            "ada",
            "grete",
            channels=["inapp"],
        )
        for seconds in waits
    }
    for seconds, (english, german) in waits.items():
        product.ended(events[seconds])
        for user, wanted in (("ada", f"Duration: {english}"), ("grete", f"Dauer: {german}")):
            text = product.notification(events[seconds], "inapp", user)["content"]["text"]
            assert plain(text).endswith(wanted)


@pytest.mark.parametrize("type_", ["system.error", "system.warning"])
def test_system_events_without_recipients_go_to_the_operators(product, type_):
    event_id = product.submit(type_, {"component": "relay", "message": f"for operators {type_}"})
    event = product.ended(event_id)
    assert [(one["user_id"], one["channel"]) for one in event["notifications"]] == [("operators", "inapp")]


def _text(mail):
    return parsed(mail["content"]).get_body(("plain",)).get_content()


def test_json_of_answers_is_json(story):
    answer = story.product.call("GET", "/history/grete")
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.text)["items"]
