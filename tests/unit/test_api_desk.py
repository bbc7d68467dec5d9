"""What operators ask of the service, and what they are told when they ask it wrongly."""

import pytest

from app.domain.events import EVENT_TYPES
from channels.base import Message
from channels.registry import channel_names

EVENT = {"type": "job.failed", "recipients": ["u-1"], "data": {"job_id": "j-9", "error": "disk full"}}


@pytest.fixture
def event_id(product):
    return product.call("POST", "/events", json=EVENT).json["id"]


def only_notification(product, event_id):
    (one,) = product.call("GET", f"/events/{event_id}").json["notifications"]
    return one


def test_every_event_type_is_listed_with_a_schema_its_sample_keeps(product):
    items = product.call("GET", "/event-types", product.token("u-1")).json["items"]
    assert [item["name"] for item in items] == list(EVENT_TYPES)
    for item in items:
        assert set(item["schema"]["required"]) <= set(item["sample"])
        assert set(item["defaults"]) == set(channel_names())
    failed = next(item for item in items if item["name"] == "job.failed")
    assert (failed["severity"], failed["subject_field"], failed["locked"]) == ("high", "job_id", [])
    error = next(item for item in items if item["name"] == "system.error")
    assert (error["recipients_required"], error["locked"]) == (False, ["inapp"])


def test_channels_are_shown_paused_and_resumed(product):
    listed = product.call("GET", "/channels").json["items"]
    assert [channel["name"] for channel in listed] == list(channel_names())
    paused = product.call("POST", "/channels/email/pause").json
    assert (paused["paused"], paused["paused_by"], paused["paused_at"][-1]) == (True, "key:admin", "Z")
    assert product.call("GET", "/channels").json["items"][1] == paused
    assert product.call("POST", "/channels/email/resume").json["paused"] is False
    actions = [entry["action"] for entry in product.call("GET", "/audit?object=email").json["items"]]
    assert actions == ["channel.resume", "channel.pause"]


def test_a_pause_may_say_why_to_other_operators(product):
    why = "The mail relay moves to another host."
    first = product.call("POST", "/channels/email/pause", json={"reason": why}).json
    again = product.call("POST", "/channels/email/pause", json={"reason": "Somebody else's."}).json
    assert first["paused_reason"] == again["paused_reason"] == why
    (entry,) = product.call("GET", "/audit?action=channel.pause").json["items"]
    assert entry["detail"] == {"reason": why}
    assert product.call("POST", "/channels/email/resume").json["paused_reason"] is None
    assert product.call("POST", "/channels/email/pause", json={}).json["paused_reason"] is None


@pytest.mark.parametrize("name", ["pigeon", "EMAIL", "%00"])
def test_a_channel_that_is_none_is_not_found(product, name):
    assert product.call("POST", f"/channels/{name}/pause").status_code == 404


def test_a_notification_is_taken_back_once(product, event_id):
    id_ = only_notification(product, event_id)["id"]
    assert product.call("DELETE", f"/notifications/{id_}").json == {"id": id_, "status": "cancelled"}
    assert product.call("DELETE", f"/notifications/{id_}").status_code == 409
    assert only_notification(product, event_id)["reason"] == "requested"


def test_the_key_that_submitted_may_take_back_and_another_sees_nothing(product):
    mine, other = product.key("events:write"), product.key("events:write")
    event_id = product.call("POST", "/events", mine, json=EVENT).json["id"]
    id_ = only_notification(product, event_id)["id"]
    assert product.call("DELETE", f"/notifications/{id_}", other).status_code == 404
    assert product.call("DELETE", f"/notifications/{id_}", mine).status_code == 202


def test_notifications_are_filtered_and_paged(product, event_id):
    product.clock.advance(seconds=1)
    second = product.call("POST", "/events", json=EVENT | {"recipients": ["u-2"], "subject_key": "other"}).json["id"]

    def events(query):
        return [item["event_id"] for item in product.call("GET", f"/notifications?{query}").json["items"]]

    assert events("") == [second, event_id]
    assert events("user_id=u-1") == events("subject_key=j-9") == events(f"event_id={event_id}") == [event_id]
    assert events("status=failed") == events("channel=webhook") == events("until=2020-01-01T00:00:00Z") == []
    first = product.call("GET", "/notifications?limit=1").json
    assert events(f"limit=1&cursor={first['next_cursor']}") == [event_id]


def test_a_notification_is_found_by_the_item_that_shows_it(product, event_id):
    row = only_notification(product, event_id)
    now = product.clock.now()
    item = Message(row["id"], event_id, "u-1", "job.failed", "high", "j", None, None, "en", "t", "x", None, now, {})
    product.services.inbox.put([item])
    (shown,) = product.call("GET", "/inbox/u-1").json["items"]

    def found(id_):
        return [one["id"] for one in product.call("GET", f"/notifications?item_id={id_}").json["items"]]

    assert found(shown["id"]) == [row["id"]]
    assert found("itm_0194d7a2-3c00-7a1b-9f2e-6d1c0a4b8e57") == found("x") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [("status=lost", "status"), ("channel=pigeon", "channel"), ("limit=201", "limit"), ("since=now", "since")],
)
@pytest.mark.parametrize("path", ["/notifications"])
def test_a_filter_that_is_none_is_named(product, path, query, field):
    answer = product.call("GET", f"{path}?{query}")
    assert (answer.status_code, set(answer.json["errors"]["query"])) == (422, {field})


def test_a_replay_makes_new_notifications_and_a_dry_run_none(product, event_id):
    id_ = only_notification(product, event_id)["id"]
    product.call("DELETE", f"/notifications/{id_}")
    wanted = {"status": "cancelled", "user_id": "u-1"}
    assert product.call("POST", "/notifications/replay", json=wanted | {"dry_run": True}).json == {
        "matched": 1,
        "created": [],
    }
    (created,) = product.call("POST", "/notifications/replay", json=wanted).json["created"]
    assert created["replay_of"] == id_
    again = product.call("GET", f"/notifications/{created['id']}").json
    assert (again["status"], again["replay_of"], again["event_id"]) == ("pending", id_, event_id)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "_schema"),
        ({"dry_run": True}, "_schema"),
        ({"status": "pending"}, "status"),
        ({"user_id": "u-1", "limit": 201}, "limit"),
        ({"user_id": "u-1", "dry_run": "yes"}, "dry_run"),
        ({"user": "u-1"}, "user"),
        ({"since": "yesterday"}, "since"),
    ],
)
def test_a_replay_that_is_not_clear_is_refused(product, body, field):
    answer = product.call("POST", "/notifications/replay", json=body)
    assert (answer.status_code, set(answer.json["errors"]["json"])) == (422, {field})


def test_the_audit_log_is_filtered_and_paged(product, event_id):
    def objects(query):
        return [entry["object"] for entry in product.call("GET", f"/audit?{query}").json["items"]]

    assert objects("action=accept") == [event_id]
    assert objects("actor=nobody") == objects("since=2090-01-01T00:00:00Z") == []
    everything = objects("")
    page = product.call("GET", "/audit?limit=1").json
    assert objects(f"limit=200&cursor={page['next_cursor']}") == everything[1:]
    assert product.call("GET", "/audit?cursor=x").status_code == 422


def test_explain_says_who_gets_what_and_stores_nothing(product):
    decisions = product.call("POST", "/events/explain", json=EVENT).json["decisions"]
    assert [(one["channel"], one["decision"]) for one in decisions] == [
        (name, "send" if name == "inapp" else "suppress") for name in channel_names()
    ]
    assert decisions[0]["preview"]["subject"]
    assert decisions[1] | {"because": ""} == {
        "user_id": "u-1",
        "channel": "email",
        "decision": "suppress",
        "reason": "no_contact",
        "because": "",
        "until": None,
        "preview": None,
    }
    assert product.call("GET", "/notifications").json["items"] == []


def test_explain_refuses_what_would_be_refused(product):
    answer = product.call("POST", "/events/explain", json={"type": "job.failed", "data": {}, "at": "soon"})
    assert answer.status_code == 422
    assert set(answer.json["errors"]["json"]) == {"recipients", "data", "at"}
