"""Everybody's preferences over HTTP: listed, written out and taken in."""

import json

import pytest

from tests.fakes.product import Product

HOOK = "https://hooks.slack.com/services/T0/B0/abcdefgh"
MASKED = {"url": {"set": True, "last4": "efgh"}}


def put(product: Product, user: str, document: dict) -> None:
    assert product.call("PUT", f"/preferences/{user}", json=document).status_code == 200


def post(product: Product, *entries: object, **more: object):
    return product.call("POST", "/preferences", json={"preferences": list(entries), **more})


def test_pages_hold_what_was_set_and_no_secrets(product: Product):
    put(product, "u-1", {"locale": "de", "contacts": {"slack": {"url": HOOK}}})
    put(product, "_defaults", {"timezone": "Europe/Berlin"})
    first = product.call("GET", "/preferences?limit=1").json
    assert first["items"] == [{"user_id": "_defaults", "timezone": "Europe/Berlin"}]
    second = product.call("GET", f"/preferences?cursor={first['next_cursor']}").json
    assert second == {
        "items": [{"user_id": "u-1", "locale": "de", "contacts": {"slack": MASKED}}],
        "next_cursor": None,
    }


def test_all_of_them_come_as_a_file(product: Product):
    for number in range(250):
        put(product, f"u-{number:03}", {"locale": "de"})
    answer = product.call("GET", "/preferences", headers={"Accept": "application/x-ndjson"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="preferences.ndjson"'
    assert [json.loads(line)["user_id"] for line in answer.text.splitlines()] == [f"u-{n:03}" for n in range(250)]
    some = product.call("GET", "/preferences?limit=3", headers={"Accept": "application/x-ndjson"})
    assert len(some.text.splitlines()) == 3
    assert product.call("GET", "/preferences", headers={"Accept": "text/csv"}).status_code == 406


def test_what_was_listed_changes_nothing_when_it_is_sent_back(product: Product):
    put(product, "u-1", {"locale": "de", "contacts": {"slack": {"url": HOOK}}})
    put(product, "_defaults", {"timezone": "Europe/Berlin"})
    listed = product.call("GET", "/preferences").json["items"]
    before = product.call("GET", "/preferences/u-1")
    assert {one["outcome"] for one in post(product, *listed).json["accepted"]} == {"unchanged"}
    after = product.call("GET", "/preferences/u-1")
    assert (after.json, after.headers["ETag"]) == (before.json, before.headers["ETag"])


def test_each_entry_is_answered_by_its_place(product: Product):
    put(product, "u-1", {"locale": "en"})
    answer = post(
        product,
        {"user_id": "u-1", "locale": "de"},
        {"user_id": "u-2", "contacts": {"slack": MASKED}, "daily_at": "07:00"},
        {"user_id": "u-1", "locale": "fr"},
        {"user_id": "u-3", "events": {"system.error": {"inapp": "off"}}},
        {"locale": "de"},
        7,
        {"user_id": "u-4", "contacts": {"email": {"address": "new@b.example", "verified": False}}},
    )
    assert answer.status_code == 200
    assert answer.json["accepted"] == [
        {"index": 0, "user_id": "u-1", "outcome": "changed", "left_out": []},
        {"index": 1, "user_id": "u-2", "outcome": "created", "left_out": ["slack"]},
        {"index": 6, "user_id": "u-4", "outcome": "created", "left_out": []},
    ]
    assert {one["index"]: one["errors"] for one in answer.json["rejected"]} == {
        2: {"user_id": ["Is the one of entry 0, too."]},
        3: {"events": {"system.error": {"inapp": ["Locked at instant: the inbox always keeps critical events."]}}},
        4: {"user_id": ["Must be the id of a user, or _defaults."]},
        5: {"_schema": ["Must be an object."]},
    }
    assert product.call("GET", "/preferences/u-1").json["locale"] == "de"
    assert product.call("GET", "/preferences/u-3").headers["ETag"] == '"0"'
    assert product.call("GET", "/preferences/u-4").json["contacts"]["email"]["verified"] is False
    (entry, *_) = product.call("GET", "/audit?action=preferences.import&object=u-1").json["items"]
    assert (entry["actor"], entry["detail"]) == ("key:admin", {"changed": ["locale"]})


def test_a_dry_run_only_tells(product: Product):
    answer = post(product, {"user_id": "u-1", "locale": "de"}, dry_run=True)
    assert answer.json["accepted"] == [{"index": 0, "user_id": "u-1", "outcome": "created", "left_out": []}]
    assert product.call("GET", "/preferences").json["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "preferences"),
        ({"preferences": []}, "preferences"),
        ({"preferences": [{"user_id": "u-1"}] * 501}, "preferences"),
        ({"preferences": [{"user_id": "u-1"}], "dry_run": "yes"}, "dry_run"),
        ({"preferences": [{"user_id": "u-1"}], "colour": 1}, "colour"),
    ],
)
def test_a_body_that_is_wrong_as_a_whole_is_refused_by_field(product: Product, body: dict, field: str):
    answer = product.call("POST", "/preferences", json=body)
    assert (answer.status_code, set(answer.json["errors"]["json"])) == (422, {field})
