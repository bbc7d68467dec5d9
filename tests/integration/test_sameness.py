"""The same thing twice: requests with a key, and events with the same content."""

import pytest

from tests.fakes.at_once import at_once
from tests.integration.product import eventually


def failed(user, job="j-1", **fields):
    return {"type": "job.failed", "recipients": [user], "data": {"job_id": job, "error": "disk full"}, **fields}


def post(product, event, key=None, token=""):
    headers = {"Idempotency-Key": key} if key else {}
    return product.call("POST", "/events", json=event, headers=headers, token=token)


def test_the_same_key_twenty_times_at_once_is_one_event(product):
    answers = at_once(20, lambda _: post(product, failed("same-20"), "twenty", product.admin_key))
    assert [answer.status_code for answer in answers] == [202] * 20
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.json()["created_at"] for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    assert (replayed.count("true"), replayed.count(None)) == (19, 1)
    assert product.ended(answers[0].json()["id"])["counts"] == {"delivered": 1}
    assert len(product.history("same-20")) == 1


def test_the_same_key_with_another_body_is_refused(product):
    first = post(product, failed("same-body"), "body")
    for event in (failed("same-body", job="j-2"), failed("same-body", source="other"), failed("somebody-else")):
        answer = post(product, event, "body")
        assert answer.status_code == 422
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "Idempotency-Key" in answer.json()["errors"]["headers"]
    again = post(product, failed("same-body"), "body")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert len(product.history("same-body")) == 1
    assert product.history("somebody-else") == []


def test_a_key_belongs_to_whoever_submits(product):
    keys = [
        product.call("POST", "/keys", json={"name": name, "scopes": ["events:write"]}).json()["key"]
        for name in ("a", "b")
    ]
    answers = [post(product, failed("same-owner"), "mine", token) for token in keys]
    assert len({answer.json()["id"] for answer in answers}) == 2
    assert not any("Idempotency-Replayed" in answer.headers for answer in answers)


def test_the_order_of_names_does_not_make_another_body(product):
    event = failed("same-order")
    first = post(product, event, "order")
    turned = {name: event[name] for name in reversed(event)}
    assert post(product, turned, "order").json()["id"] == first.json()["id"]


@pytest.mark.parametrize(("key", "status"), [("", 422), ("x" * 255, 202), ("x" * 256, 422)])
def test_keys_have_1_to_255_characters(product, key, status):
    answer = product.call("POST", "/events", json=failed("same-long"), headers={"Idempotency-Key": key})
    assert answer.status_code == status
    if status == 422:
        assert "Idempotency-Key" in answer.json()["errors"]["headers"]


def test_entries_of_a_batch_have_keys_of_their_own(product):
    def send(events):
        answer = product.call("POST", "/events/batch", json={"events": events})
        assert answer.status_code == 202
        return answer.json()

    one, two = failed("same-batch", idempotency_key="b-1"), failed("same-batch", job="j-2", idempotency_key="b-2")
    first = send([one, two, one])
    assert [entry["replayed"] for entry in first["accepted"]] == [False, False, True]
    assert first["accepted"][0]["id"] == first["accepted"][2]["id"]
    again = send([two, one | {"source": "other"}])
    assert [(entry["index"], entry["id"], entry["replayed"]) for entry in again["accepted"]] == [
        (0, first["accepted"][1]["id"], True)
    ]
    assert [(entry["index"], list(entry["errors"])) for entry in again["rejected"]] == [(1, ["idempotency_key"])]
    assert len(product.history("same-batch")) == 2


def test_the_same_content_twice_is_one_message(product, mailbox, receiver):
    product.set_user(
        "same-content", contacts={"email": "same@content.example", "webhook": {"url": receiver.url("/same-content")}}
    )
    before = product.settled()
    first = product.submit("job.failed", {"job_id": "j-1", "error": "disk full", "n": 1}, "same-content")
    product.ended(first)
    second = product.submit("job.failed", {"error": "disk full", "n": 1, "job_id": "j-1"}, "same-content")
    assert product.ended(second)["counts"] == {"suppressed": 3}
    for channel in ("inapp", "email", "webhook"):
        one, two = product.notification(first, channel), product.notification(second, channel)
        assert (one["status"], one["duplicates"]) == ("delivered", 1)
        assert (two["status"], two["reason"], two["duplicates"]) == ("suppressed", "duplicate", 0)
        assert two["attempts"] == []
        assert two["because"] == "Not sent: the same message was sent shortly before."
        last = two["trace"][-1]
        assert (last["step"], last["decision"], last["reason"]) == ("dedupe", "suppressed", "duplicate")
    [item] = product.get("/inbox/same-content")["items"]
    assert item["duplicates"] == 1
    assert sum("same@content.example" in mail["to"] for mail in mailbox.ledger.entries()) == 1
    assert sum(entry["path"] == "/same-content" for entry in receiver.ledger.entries()) == 1
    after = product.metrics()
    for channel in ("inapp", "email", "webhook"):
        labels = {"type": "job.failed", "channel": channel}
        for name, more in (
            ("notification_duplicates_total", {}),
            ("notifications_total", {"status": "suppressed", "reason": "duplicate"}),
        ):
            assert after.sum(name, **labels, **more) - before.sum(name, **labels, **more) == 1


def test_many_at_once_are_one_message(product):
    answers = at_once(12, lambda _: post(product, failed("same-burst"), token=product.admin_key))
    ids = [answer.json()["id"] for answer in answers]
    assert len(set(ids)) == 12
    items = eventually(
        lambda: product.history("same-burst"),
        lambda found: all(one["status"] in {"delivered", "suppressed"} for one in found),
    )
    statuses = [one["status"] for one in items]
    assert (statuses.count("delivered"), statuses.count("suppressed")) == (1, 11)
    assert [one["duplicates"] for one in items if one["status"] == "delivered"] == [11]
    [item] = product.get("/inbox/same-burst")["items"]
    assert item["duplicates"] == 11


DIFFERENT = {
    "data": (failed("d"), failed("d", job="j-1") | {"data": {"job_id": "j-1", "error": "other"}}),
    "type": (failed("d"), failed("d") | {"type": "job.completed"}),
    "subject": (failed("d"), failed("d", subject_key="another")),
    "dedupe_key": (failed("d", dedupe_key="one"), failed("d", dedupe_key="two")),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_no_duplicate(product, name):
    user = f"different-{name}"
    for event in DIFFERENT[name]:
        answer = post(product, event | {"recipients": [user]})
        assert product.ended(answer.json()["id"])["counts"] == {"delivered": 1}


def test_a_dedupe_key_makes_different_content_the_same(product):
    first = post(product, failed("same-dedupe", dedupe_key="k")).json()["id"]
    product.ended(first)
    second = post(product, failed("same-dedupe", job="j-2", dedupe_key="k")).json()["id"]
    assert product.ended(second)["counts"] == {"suppressed": 1}


def test_fields_that_only_order_do_not_count(product):
    first = post(product, failed("same-fields", sequence=1, source="a")).json()["id"]
    product.ended(first)
    second = post(product, failed("same-fields", sequence=2, source="b", occurred_at="2026-01-01T00:00:00Z")).json()[
        "id"
    ]
    assert product.ended(second)["counts"] == {"suppressed": 1}


def test_a_recipient_named_twice_is_one_recipient(product):
    event_id = product.submit("job.completed", {"job_id": "j-1"}, "same-name", "same-name")
    event = product.ended(event_id)
    assert event["counts"] == {"delivered": 1}
    assert event["recipients"] == ["same-name"]
