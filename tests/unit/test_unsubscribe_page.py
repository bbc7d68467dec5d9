"""The page behind the link at the end of a mail, and the one click of mail programs."""

import pytest

from app.domain.events import EVENT_TYPES
from app.rendering.event_names import EVENT_NAMES
from tests.fakes.product import Product
from tests.unit.test_verify_page import Outline

USER = "u-1"
PREFERENCES = f"/preferences/{USER}"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def reader(product: Product) -> str:
    """The path of the link in a mail about a failed job, to somebody who reads English."""
    document = {"locale": "en", "contacts": {"email": "ana@b.example"}, "events": {"job.completed": {"email": "daily"}}}
    assert product.call("PUT", PREFERENCES, json=document).status_code == 200
    return product.unsubscribing(USER)


def cell(product: Product, type_: str = "job.failed") -> dict[str, object]:
    return product.call("GET", PREFERENCES).json["effective"][type_]["email"]


def test_every_type_has_a_name_that_people_read():
    assert set(EVENT_NAMES) == set(EVENT_TYPES)
    assert len(set(EVENT_NAMES.values())) == len(EVENT_NAMES)


def test_looking_changes_nothing(product: Product, reader: str):
    before, audited = product.call("GET", PREFERENCES), product.call("GET", "/audit").json
    for method in ("GET", "HEAD", "GET", "OPTIONS"):
        assert product.call(method, reader, None).status_code == 200
    after = product.call("GET", PREFERENCES)
    assert (after.json, after.headers["ETag"]) == (before.json, before.headers["ETag"])
    assert product.call("GET", "/audit").json == audited


def test_the_page_says_what_it_is_about_and_has_one_button(product: Product, reader: str):
    answer = product.call("GET", reader, None)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "Failed jobs" in answer.text
    page = Outline(answer.text)
    # Without an action it goes where the page came from.
    assert page.all("form") == [{"method": "post"}]
    assert page.all("input") == [{"type": "hidden", "name": "List-Unsubscribe", "value": "One-Click"}]
    assert [link["href"] for link in page.all("a")] == ["../ui/preferences"]
    assert [link["href"] for link in page.all("link")] == [f"../static/ui/{name}" for name in ("bell.svg", "ui.css")]
    assert not page.all("script") + page.all("style")


def test_the_page_is_guarded_like_the_others(product: Product, reader: str):
    for method, path, status in (("GET", reader, 200), ("POST", reader, 200), ("GET", "/unsubscribe/x", 404)):
        answer = product.call(method, path, None)
        assert answer.status_code == status
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "request_", [{"data": ONE_CLICK}, {"data": ONE_CLICK, "content_type": "multipart/form-data"}, {}]
)
def test_one_click_turns_off_that_type_on_e_mail_and_nothing_else(product: Product, reader: str, request_):
    before = product.call("GET", PREFERENCES)
    answer = product.call("POST", reader, None, **request_)
    assert (answer.status_code, "These e-mails are turned off" in answer.text) == (200, True)
    assert "../ui/preferences" in answer.text
    after = product.call("GET", PREFERENCES)
    assert cell(product) == {"rhythm": "off", "source": "user", "locked": False}
    assert after.json["events"] == {"job.completed": {"email": "daily"}, "job.failed": {"email": "off"}}
    changed = {name for name in after.json if after.json[name] != before.json[name]}
    assert changed == {"events", "effective"}
    assert after.headers["ETag"] != before.headers["ETag"]


def test_what_was_read_before_the_click_cannot_be_put_back_unseen(product: Product, reader: str):
    before = product.call("GET", PREFERENCES)
    product.call("POST", reader, None, data=ONE_CLICK)
    again = product.call("PUT", PREFERENCES, json=before.json, headers={"If-Match": before.headers["ETag"]})
    assert again.status_code == 412


def test_a_second_click_is_answered_alike_and_changes_nothing(product: Product, reader: str):
    first = product.call("POST", reader, None, data=ONE_CLICK)
    etag = product.call("GET", PREFERENCES).headers["ETag"]
    for method in ("POST", "GET"):
        again = product.call(method, reader, None)
        assert (again.status_code, again.text) == (200, first.text)
    assert product.call("GET", PREFERENCES).headers["ETag"] == etag
    assert len(product.call("GET", "/audit?action=preferences.unsubscribe").json["items"]) == 1


def test_it_is_on_record_without_the_link(product: Product, reader: str):
    product.call("POST", reader, None, data=ONE_CLICK)
    (entry,) = product.call("GET", "/audit?action=preferences.unsubscribe").json["items"]
    assert (entry["actor"], entry["object"]) == ("link:unsubscribe", f"user:{USER}")
    assert entry["detail"] == {"changed": ["events"]}


def test_it_is_undone_in_the_preferences_and_the_link_goes_on_working(product: Product, reader: str):
    product.call("POST", reader, None, data=ONE_CLICK)
    product.call("PATCH", PREFERENCES, product.token(USER), json={"events": {"job.failed": {"email": "instant"}}})
    assert cell(product)["rhythm"] == "instant"
    product.clock.advance(hours=24 * 1000)
    assert "Turn off these e-mails?" in product.call("GET", reader, None).text
    product.call("POST", reader, None, data=ONE_CLICK)
    assert cell(product)["rhythm"] == "off"


def test_a_document_that_would_not_be_accepted_today_is_no_hindrance(product: Product, reader: str):
    product.call("PATCH", PREFERENCES, json={"contacts": {"webhook": {"url": "https://example.com/x"}}})
    with product.services.database.write() as conn:
        conn.exec_driver_sql(
            "UPDATE contacts SET public = json_set(public, '$.url', 'ftp://x') WHERE channel = 'webhook'"
        )
    assert product.call("PATCH", PREFERENCES, json={"daily_at": "07:00"}).status_code == 422
    assert product.call("POST", reader, None, data=ONE_CLICK).status_code == 200
    assert cell(product)["rhythm"] == "off"


@pytest.mark.parametrize("type_", ["test", "digest"])
def test_the_link_of_a_mail_without_an_event_turns_off_the_channel(product: Product, reader: str, type_: str):
    link = product.unsubscribing(USER, type_)
    assert "All e-mail notifications" in product.call("GET", link, None).text
    assert product.call("POST", link, None, data=ONE_CLICK).status_code == 200
    after = product.call("GET", PREFERENCES).json
    assert after["channels"] == {"email": False}
    assert {row["email"]["rhythm"] for row in after["effective"].values()} == {"off"}
    assert "These e-mails are turned off" in product.call("GET", reader, None).text


def test_what_cannot_be_turned_off_says_so(product: Product, reader: str):
    # No e-mail is so today; the inbox keeps what is critical.
    link = product.unsubscribing(USER, "system.error", "inapp")
    before = product.call("GET", PREFERENCES).headers["ETag"]
    for method, status in (("GET", 200), ("POST", 409)):
        answer = product.call(method, link, None)
        assert (answer.status_code, "These e-mails can't be turned off" in answer.text) == (status, True)
        assert Outline(answer.text).all("form") == []
    assert product.call("GET", PREFERENCES).headers["ETag"] == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_was_tampered_with_opens_nothing(product: Product, reader: str, method: str):
    other = product.unsubscribing("u-2")
    names, _ = reader.rsplit(".", 1)
    for path in (reader[:-1], f"{reader}x", names, f"{names}.", f"{names}.{other.rsplit('.', 1)[1]}", "/unsubscribe/…"):
        answer = product.call(method, path, None, headers={"Accept-Language": "de"})
        assert (answer.status_code, answer.mimetype) == (404, "text/html")
        assert "Dieser Link funktioniert nicht" in answer.text
    assert cell(product)["rhythm"] == "instant"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_for_a_channel_that_is_not_there_any_more_opens_nothing(product: Product, method: str):
    assert product.call(method, product.unsubscribing(USER, channel="fax"), None).status_code == 404


def test_the_page_speaks_its_readers_language(product: Product, reader: str):
    product.call("PATCH", PREFERENCES, json={"locale": "de"})
    asked = product.call("GET", reader, None, headers={"Accept-Language": "en"}).text
    assert '<html lang="de" dir="ltr">' in asked
    assert "Fehlgeschlagene Jobs" in asked
    assert "Diese E-Mails sind abbestellt" in product.call("POST", reader, None, data=ONE_CLICK).text


def test_of_somebody_who_was_erased_nothing_is_stored(product: Product, reader: str):
    assert product.call("DELETE", f"/users/{USER}").status_code in (200, 202, 204)
    assert product.call("POST", reader, None, data=ONE_CLICK).status_code == 200
    assert product.call("GET", PREFERENCES).json["events"] == {}
    assert product.call("GET", "/audit?action=preferences.unsubscribe").json["items"] == []
