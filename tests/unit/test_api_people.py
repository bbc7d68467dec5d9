import pytest

from app.domain.ids import new_id
from channels.base import Message
from tests.fakes.product import Product
from tests.fakes.rows import insert_notification
from tests.fakes.samples import message

HOOK = {"url": "https://hooks.example/in"}


def item(product: Product, user: str = "u-1") -> Message:
    product.clock.advance(seconds=1)
    sent = message(notification_id=new_id("ntf", product.clock.now()), user_id=user)
    product.services.inbox.put([sent])
    return sent


def test_preferences_go_in_and_come_out(product: Product):
    put = product.call("PUT", "/preferences/u-1", json={"locale": "pt_BR", "contacts": {"webhook": HOOK}})
    assert put.status_code == 200
    assert put.json["contacts"]["webhook"]["secret"].startswith("whsec_")
    got = product.call("GET", "/preferences/u-1")
    assert got.json["locale"] == "pt-BR"
    assert got.json["contacts"]["webhook"]["secret"]["set"] is True
    assert got.headers["ETag"] == put.headers["ETag"] == '"1"'
    again = product.call("PUT", "/preferences/u-1", json=got.json)
    assert again.status_code == 200
    assert again.json == got.json


def test_if_match_is_honoured_and_not_demanded(product: Product):
    first = product.call("GET", "/preferences/u-1").headers["ETag"]
    document = {"locale": "de"}
    assert product.call("PUT", "/preferences/u-1", json=document, headers={"If-Match": first}).status_code == 200
    conflict = product.call("PUT", "/preferences/u-1", json={"locale": "fr"}, headers={"If-Match": first})
    assert conflict.status_code == 412
    assert conflict.mimetype == "application/problem+json"
    patch = product.call("PATCH", "/preferences/u-1", json={"locale": "fr"}, headers={"If-Match": first})
    assert patch.status_code == 412
    assert product.call("GET", "/preferences/u-1").json["locale"] == "de"
    for tag in ("*", '"7", "1"', 'W/"1"'):
        given = {"If-Match": tag}
        assert product.call("PUT", "/preferences/u-1", json=document, headers=given).status_code == 200
    for tag in ('"x"', '"99999999999999999999"', "nonsense", '"-1"', '""', 'W/""', '"1', ","):
        given = {"If-Match": tag}
        assert product.call("PUT", "/preferences/u-1", json=document, headers=given).status_code == 412
    assert product.call("PUT", "/preferences/u-1", json={"locale": "it"}).status_code == 200


def test_a_patch_may_say_what_it_is(product: Product):
    product.call("PUT", "/preferences/u-1", json={"locale": "de", "daily_at": "09:00"})
    answer = product.call(
        "PATCH", "/preferences/u-1", data=b'{"locale": null}', content_type="application/merge-patch+json"
    )
    assert (answer.status_code, answer.json["locale"], answer.json["daily_at"]) == (200, "en", "09:00")


def test_faults_are_a_422_that_names_the_field(product: Product):
    answer = product.call("PUT", "/preferences/u-1", json={"locale": "english", "contacts": {"email": "x"}, "a": 1})
    assert answer.status_code == 422
    assert set(answer.json["errors"]["json"]) == {"locale", "a"}
    answer = product.call(
        "PUT", "/preferences/u-1", json={"contacts": {"email": "x", "webhook": {"url": "gopher://x"}}}
    )
    assert set(answer.json["errors"]["json"]["contacts"]) == {"email", "webhook"}


@pytest.mark.parametrize("user", ["_defaultz", "-x", "a b", "u" * 129, "ü"])
@pytest.mark.parametrize("path", ["/preferences/{}", "/history/{}", "/inbox/{}"])
def test_what_cannot_be_a_user_is_not_there(product: Product, path: str, user: str):
    assert product.call("GET", path.format(user)).status_code == 404


def test_the_defaults_apply_to_everybody(product: Product):
    answer = product.call("PUT", "/preferences/_defaults", json={"locale": "de"})
    assert (answer.status_code, answer.json["locale"]) == (200, "de")
    assert product.call("GET", "/preferences/u-1").json["locale"] == "de"
    refused = product.call("PUT", "/preferences/_defaults", json={"contacts": {"email": "a@b.example"}})
    assert set(refused.json["errors"]["json"]) == {"contacts"}


def test_a_user_reads_and_writes_their_own(product: Product):
    token = product.token("u-1")
    assert product.call("PUT", "/preferences/u-1", token, json={"locale": "de"}).status_code == 200
    assert product.call("GET", "/history/u-1", token).status_code == 200
    assert product.call("GET", "/inbox/u-1", token).status_code == 200
    for path in ("/preferences/u-2", "/history/u-2", "/inbox/u-2"):
        assert product.call("GET", path, token).status_code == 404


def test_the_inbox_counts_what_is_unread_in_every_answer(product: Product):
    for _ in range(3):
        item(product)
    listed = product.call("GET", "/inbox/u-1?state=unread&limit=2").json
    assert (len(listed["items"]), listed["unread_count"]) == (2, 3)
    rest = product.call("GET", f"/inbox/u-1?state=unread&limit=2&cursor={listed['next_cursor']}").json
    assert (len(rest["items"]), rest["next_cursor"]) == (1, None)
    first, second = listed["items"]
    changed = product.call("PATCH", f"/inbox/u-1/{first['id']}", json={"read": True}).json
    assert (changed["unread_count"], changed["item"]["read"]) == (2, True)
    changed = product.call("PATCH", f"/inbox/u-1/{second['id']}", json={"archived": True, "read": False}).json
    assert changed["unread_count"] == 1
    assert product.call("POST", "/inbox/u-1/read-all").json == {"unread_count": 0}
    assert listed["items"][0]["created_at"].endswith("Z")


def test_an_item_is_its_users_alone(product: Product):
    item(product)
    (own,) = product.call("GET", "/inbox/u-1").json["items"]
    for path in (f"/inbox/u-2/{own['id']}", "/inbox/u-1/itm_1", f"/inbox/u-1/{new_id('itm', product.clock.now())}"):
        assert product.call("PATCH", path, json={"read": True}).status_code == 404


@pytest.mark.parametrize("body", [{}, {"read": "yes"}, {"read": 1}, {"read": None}, {"seen": True}])
def test_a_change_that_says_nothing_clear_is_refused(product: Product, body: dict):
    item(product)
    (own,) = product.call("GET", "/inbox/u-1").json["items"]
    assert product.call("PATCH", f"/inbox/u-1/{own['id']}", json=body).status_code == 422


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=%00", "cursor=%ed%a0%80", "cursor="],
)
@pytest.mark.parametrize("path", ["/history/u-1", "/inbox/u-1"])
def test_a_malformed_query_is_refused(product: Product, path: str, query: str):
    answer = product.call("GET", f"{path}?{query}")
    assert answer.status_code == 422
    assert set(answer.json["errors"]["query"]) == {query.split("=", maxsplit=1)[0]}


@pytest.mark.parametrize(
    "query", ["type=job.gone", "channel=fax", "status=gone", "since=yesterday", "until=2026-11-22", "type=%00"]
)
def test_a_filter_that_names_nothing_is_refused(product: Product, query: str):
    answer = product.call("GET", f"/history/u-1?{query}")
    assert answer.status_code == 422
    assert set(answer.json["errors"]["query"]) == {query.split("=", maxsplit=1)[0]}


def test_the_history_filters_and_pages(product: Product):
    for status in ("delivered", "failed", "failed"):
        insert_notification(product.services.database, product.clock.advance(seconds=1), status=status)
    page = product.call("GET", "/history/u-1?status=failed&limit=1&since=2026-01-01T00:00:00Z&type=job.failed").json
    assert [entry["status"] for entry in page["items"]] == ["failed"]
    rest = product.call("GET", f"/history/u-1?status=failed&limit=1&cursor={page['next_cursor']}").json
    assert rest["next_cursor"] is None
    assert rest["items"][0]["id"] != page["items"][0]["id"]
    assert "attempts" not in page["items"][0]


def test_the_history_of_one_subject_is_that_of_one_user(product: Product):
    for user_id, subject in (("u-1", "j/1 ä"), ("u-1", "j-2"), ("u-2", "j/1 ä")):
        now = product.clock.advance(seconds=1)
        insert_notification(product.services.database, now, user_id=user_id, subject_key=subject)
    (found,) = product.call("GET", "/history/u-1?subject_key=j%2F1%20%C3%A4", product.token("u-1")).json["items"]
    assert (found["user_id"], found["subject_key"]) == ("u-1", "j/1 ä")
    assert product.call("GET", "/history/u-1?subject_key=j").json["items"] == []


def test_a_notification_is_for_its_user_and_for_keys_that_read(product: Product):
    row = insert_notification(product.services.database, product.clock.now())
    path = f"/notifications/{row.id}"
    assert product.call("GET", path).json["content"]["html"] == "<p>disk full</p>"
    assert product.call("GET", path, product.token("u-1")).json["attempts"] == []
    strange = product.call("GET", path, product.token("u-2"))
    missing = product.call("GET", f"/notifications/{new_id('ntf', product.clock.now())}", product.token("u-2"))
    malformed = product.call("GET", "/notifications/1", product.token("u-2"))
    assert strange.status_code == missing.status_code == malformed.status_code == 404
    assert strange.data == missing.data == malformed.data
    blind = product.key("events:write")
    assert product.call("GET", path, blind).status_code == 403
    assert product.call("GET", f"/notifications/{new_id('ntf', product.clock.now())}", blind).status_code == 403
    assert product.call("GET", path, product.key("users:read")).status_code == 200
