"""Submitting events over HTTP, asking about them, and taking them back."""

import pytest

from app.store.engine import DatabaseUnavailable
from tests.fakes.product import Product

EVENT = {"type": "job.failed", "recipients": ["u-17", "u-18", "u-17"], "data": {"job_id": "j-9", "error": "disk full"}}


def submit(product: Product, event=None, **headers):
    return product.call("POST", "/events", json=event or EVENT, headers=headers)


def test_an_event_is_accepted_with_an_id_and_a_link(product):
    answer = submit(product)
    assert answer.status_code == 202
    assert answer.content_type == "application/json"
    body = answer.json
    assert body == {
        "id": body["id"],
        "status": "accepted",
        "created_at": "2026-11-22T12:00:00Z",
        "links": {"self": f"/events/{body['id']}"},
    }
    assert body["id"].startswith("evt_")
    assert "Idempotency-Replayed" not in answer.headers


def test_the_answer_comes_after_the_commit_and_the_announcement_after_that(product):
    event = product.call("GET", submit(product).json["links"]["self"]).json
    pending = {one["id"] for one in event["notifications"] if one["status"] == "pending"}
    assert pending
    assert set(product.publisher.ids(len(pending))) == pending


def test_an_event_shows_what_was_submitted_and_what_became_of_it(product):
    event = product.call("GET", submit(product).json["links"]["self"]).json
    assert event["recipients"] == ["u-17", "u-18"]
    assert event["data"] == EVENT["data"]
    assert event["subject_key"] == "j-9"
    assert event["priority"] == "high"
    assert event["expires_at"] == "2026-11-29T12:00:00Z"
    assert event["counts"] == {"pending": 2}
    places = {(one["user_id"], one["channel"]) for one in event["notifications"]}
    assert places == {("u-17", "inapp"), ("u-18", "inapp")}
    assert "owner" not in event


def test_the_same_key_and_body_is_the_same_event(product):
    first, second = (submit(product, **{"Idempotency-Key": "k" * 255}) for _ in range(2))
    assert first.json == second.json
    assert (first.status_code, second.status_code) == (202, 202)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


def test_the_same_key_with_another_body_is_refused(product):
    submit(product, **{"Idempotency-Key": "k"})
    answer = submit(product, {**EVENT, "source": "other"}, **{"Idempotency-Key": "k"})
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json["errors"]["headers"]


def test_idempotency_keys_belong_to_the_service_that_sends_them(product):
    ids = set()
    for _ in range(2):
        key = product.key("events:write")
        ids.add(product.call("POST", "/events", key, json=EVENT, headers={"Idempotency-Key": "k"}).json["id"])
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_an_idempotency_key_has_a_length(product, key):
    answer = submit(product, **{"Idempotency-Key": key})
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json["errors"]["headers"]


def test_an_unknown_type_is_told_which_there_are(product):
    answer = submit(product, {**EVENT, "type": "job.exploded"})
    assert answer.status_code == 422
    assert "quota.approaching" in answer.json["errors"]["json"]["type"][0]


def test_missing_data_is_named_per_field(product):
    answer = submit(product, {**EVENT, "data": {"job_id": "j"}})
    assert answer.json["errors"] == {"json": {"data": {"error": ["Required for job.failed."]}}}


def test_a_batch_keeps_the_places_of_its_entries(product):
    entries = [{**EVENT, "idempotency_key": "a"}, {"type": "nope"}, {**EVENT, "idempotency_key": "a"}, EVENT]
    answer = product.call("POST", "/events/batch", json={"events": entries})
    assert answer.status_code == 202
    accepted = answer.json["accepted"]
    assert [(one["index"], one["replayed"]) for one in accepted] == [(0, False), (2, True), (3, False)]
    assert accepted[0]["id"] == accepted[1]["id"]
    assert [one["index"] for one in answer.json["rejected"]] == [1]


def test_cancelling_ends_what_is_open_and_a_second_time_there_is_nothing_left(product):
    path = submit(product).json["links"]["self"]
    assert product.call("DELETE", path).status_code == 202
    assert product.call("GET", path).json["counts"] == {"cancelled": 2}
    again = product.call("DELETE", path)
    assert (again.status_code, again.content_type) == (409, "application/problem+json")


@pytest.mark.parametrize("event_id", ["x", "evt_", "evt_01a20320-a200-7000-9590-97e0d49e7844", "ntf_" + "0" * 36])
def test_an_unknown_or_malformed_event_is_not_found(product, event_id):
    assert product.call("GET", f"/events/{event_id}").status_code == 404
    assert product.call("DELETE", f"/events/{event_id}").status_code == 404


def test_without_a_database_the_client_is_told_to_come_back(product, monkeypatch):
    def unavailable():
        raise DatabaseUnavailable("disk I/O error")

    monkeypatch.setattr(type(product.services.database), "write", lambda _self: unavailable())
    answer = submit(product)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "disk" not in answer.text
