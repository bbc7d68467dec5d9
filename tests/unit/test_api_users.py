"""Erasing a person, over HTTP."""

import pytest

from tests.fakes.product import Product

EVENT = {"type": "job.failed", "recipients": ["u-1"], "data": {"job_id": "j-1", "error": "disk full"}}


def test_the_answer_says_how_far_it_came_and_how_to_find_it_in_the_log(product: Product):
    event_id = product.call("POST", "/events", json=EVENT).json["id"]
    product.call("PUT", "/preferences/u-1", json={"locale": "de", "contacts": {"email": "ada@example.com"}})
    answer = product.call("DELETE", "/users/u-1")
    assert (answer.status_code, answer.json["status"]) == (202, "erased")
    pseudonym = answer.json["pseudonym"]
    entries = product.call("GET", f"/audit?object={pseudonym}").json["items"]
    assert [(entry["actor"], entry["action"]) for entry in entries] == [
        ("key:admin", "user.erase"),
        ("key:admin", "preferences"),
    ]
    assert product.call("GET", "/audit?object=u-1").json["items"] == []
    shown = product.call("GET", "/preferences/u-1").json
    assert (shown["locale"], shown["contacts"]) == ("en", {})
    assert product.call("GET", "/history/u-1").json["items"] == []
    event = product.call("GET", f"/events/{event_id}").json
    assert (event["recipients"], event["data"], event["counts"]) == ([], {}, {"cancelled": 1})


def test_what_is_left_can_be_looked_at_by_keys_and_by_nobody_else(product: Product):
    event_id = product.call("POST", "/events", json=EVENT).json["id"]
    (before,) = product.call("GET", f"/events/{event_id}").json["notifications"]
    product.call("DELETE", "/users/u-1")
    path = f"/notifications/{before['id']}"
    found = product.call("GET", path, product.key("users:read")).json
    assert (found["user_id"], found["status"], found["reason"], found["content"]) == (
        "_erased",
        "cancelled",
        "erased",
        None,
    )
    assert found["because"] == "Cancelled: the recipient's data was erased."
    assert product.call("GET", path, product.token("u-1")).status_code == 404
    listed = product.call("GET", f"/notifications?event_id={event_id}").json["items"]
    assert [row["user_id"] for row in listed] == ["_erased"]


@pytest.mark.parametrize("user_id", ["_erased", "_defaults", "a b", "-x", "u" * 129, "ü", "%00"])
def test_what_cannot_be_a_user_is_not_found(product: Product, user_id: str):
    assert product.call("DELETE", f"/users/{user_id}").status_code == 404


def test_asking_again_and_for_nobody_is_no_fault(product: Product):
    for _ in range(2):
        assert product.call("DELETE", "/users/u-nobody").json["status"] == "erased"
