"""The page behind the link in a verification mail."""

import re
from html.parser import HTMLParser

import pytest

from app.domain.ids import new_id
from tests.fakes.product import Product

USER = "u-1"
PREFERENCES = f"/preferences/{USER}"


class Outline(HTMLParser):
    """The elements of a page, each with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def email(product: Product) -> object:
    return product.call("GET", PREFERENCES).json["contacts"]["email"]


def test_looking_changes_nothing(product: Product):
    link = product.asked(USER)
    before = product.call("GET", PREFERENCES)
    audited = product.call("GET", "/audit").json
    for method in ("GET", "HEAD", "GET", "OPTIONS"):
        assert product.call(method, link, None).status_code == 200
    after = product.call("GET", PREFERENCES)
    assert (after.json, after.headers["ETag"]) == (before.json, before.headers["ETag"])
    assert after.json["contacts"]["email"] == {"address": "ana@b.example", "verified": False}
    assert product.call("GET", "/audit").json == audited


def test_the_button_confirms_the_address(product: Product):
    link = product.asked(USER)
    before = product.call("GET", PREFERENCES).headers["ETag"]
    (form,) = Outline(product.call("GET", link, None).get_data(as_text=True)).all("form")
    # Without an action it goes where the page came from.
    assert form == {"method": "post"}
    answer = product.call("POST", link, None)
    assert (answer.status_code, "Address confirmed" in answer.text) == (200, True)
    after = product.call("GET", PREFERENCES)
    assert after.json["contacts"]["email"] == "ana@b.example"
    assert after.json["effective"]["job.failed"]["email"]["source"] == "default"
    assert after.headers["ETag"] != before
    (entry,) = product.call("GET", "/audit?action=contact.verify").json["items"]
    assert (entry["actor"][:9], entry["object"]) == ("link:ntf_", f"user:{USER}")


def test_a_confirmed_address_stays_confirmed_whoever_opens_the_link_again(product: Product):
    link = product.asked(USER)
    product.call("POST", link, None)
    etag = product.call("GET", PREFERENCES).headers["ETag"]
    for method in ("GET", "POST"):
        answer = product.call(method, link, None)
        assert (answer.status_code, "Address confirmed" in answer.text) == (200, True)
    assert product.call("GET", PREFERENCES).headers["ETag"] == etag


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_was_tampered_with_opens_nothing(product: Product, method: str):
    link = product.asked(USER)
    other = product.asked("u-2", "eve@b.example")
    mail, signature = link.rsplit(".", 1)
    tampered = [
        link[:-1],
        f"{link}x",
        f"{mail}.",
        mail,
        f"{mail}.{signature[::-1]}",
        f"{mail}.{other.rsplit('.', 1)[1]}",
        f"/ui/verify/{new_id('ntf', product.clock.now())}.{signature}",
    ]
    for path in tampered:
        assert product.call(method, path, None).status_code == 404
    assert email(product) == {"address": "ana@b.example", "verified": False}


@pytest.mark.parametrize("token", ["x", "…", "%00", "%ff.%ff", "ntf_1.x", "..", "a%2Fb", "ntf_" + "0" * 5_000])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_is_none_is_a_page_that_says_what_to_do(product: Product, method: str, token: str):
    answer = product.call(method, f"/ui/verify/{token}", None)
    assert answer.status_code == 404
    if "%2F" not in token:
        assert answer.mimetype == "text/html"
        assert "request a new one in your preferences" in answer.text


def test_a_link_names_a_verification_and_no_other_notification(product: Product):
    link = product.asked(USER)
    product.call("POST", link, None)
    test = product.call("POST", f"{PREFERENCES}/test/email").json["id"]
    mail = link.rpartition("/")[2].partition(".")[0]
    assert product.call("GET", link.replace(mail, test), None).status_code == 404


def test_a_link_works_for_a_day(product: Product):
    link = product.asked(USER)
    product.clock.advance(hours=24, seconds=-1)
    assert product.call("GET", link, None).status_code == 200
    product.clock.advance(seconds=1)
    for method in ("GET", "POST"):
        assert product.call(method, link, None).status_code == 404
    assert email(product) == {"address": "ana@b.example", "verified": False}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_is_for_the_address_it_was_sent_to(product: Product, method: str):
    old = product.asked(USER)
    new = product.asked(USER, "ana@c.example")
    assert product.call(method, old, None).status_code == 404
    assert email(product) == {"address": "ana@c.example", "verified": False}
    assert product.call(method, new, None).status_code == 200
    product.call("PATCH", PREFERENCES, json={"contacts": {"email": None}})
    assert product.call(method, new, None).status_code == 404


def test_the_page_speaks_the_readers_language_and_tells_the_readers_time(product: Product):
    product.call("PUT", PREFERENCES, json={"locale": "de-AT", "timezone": "Europe/Vienna"})
    link = product.asked(USER)
    until = product.services.verification.question(link.rpartition("/")[2]).until
    page = product.call("GET", link, None, headers={"Accept-Language": "en"})
    assert '<html lang="de" dir="ltr">' in page.text
    assert "Adresse bestätigen" in page.text
    assert f"bis zum {until.day}. November 2026" in page.text
    assert "Adresse bestätigt" in product.call("POST", link, None).text


@pytest.mark.parametrize(
    ("accepted", "words"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "Dieser Link funktioniert nicht"),
        ("en", "This link doesn't work"),
        ("sw", "This link doesn't work"),
        ("*", "This link doesn't work"),
        (";;q=x", "This link doesn't work"),
    ],
)
def test_where_no_reader_is_known_the_page_speaks_the_browsers_language(product: Product, accepted: str, words: str):
    assert words in product.call("GET", "/ui/verify/x", None, headers={"Accept-Language": accepted}).text


def pages(product: Product) -> list[str]:
    link = product.asked(USER)
    answers = [product.call(*call, None) for call in (("GET", link), ("POST", link), ("GET", "/ui/verify/x"))]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    return [answer.get_data(as_text=True) for answer in answers]


def test_pages_hold_no_script_and_no_style_and_ask_nobody_else(product: Product):
    for page in pages(product):
        assert not re.search(r"<script|<style|\bstyle=|\bon\w+=|https?://", page)
        assert [link["href"] for link in Outline(page).all("link")] == [
            f"../../static/ui/{name}" for name in ("bell.svg", "ui.css")
        ]
        assert not {"img", "a", "iframe", "base"} & {tag for tag, _ in Outline(page).found}
    sheet = product.call("GET", "/static/ui/ui.css", None)
    assert (sheet.status_code, sheet.mimetype) == (200, "text/css")
    assert not re.search(r"url\(|@import", sheet.text)


def test_pages_can_be_used_without_seeing_them(product: Product):
    outlines = [Outline(page) for page in pages(product)]
    for outline in outlines:
        assert outline.all("html") == [{"lang": "en", "dir": "ltr"}]
        assert len(outline.all("main")) == len(outline.all("h1")) == len(outline.all("title")) == 1
        assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in outline.all("meta")
    assert [outline.all("button") for outline in outlines] == [[{"type": "submit", "class": "main"}], [], []]


@pytest.mark.parametrize("name", ["nothing.css", "../verify_page.py", "..%2Fverify_page.py", "%00", ""])
def test_nothing_else_is_static(product: Product, name: str):
    assert product.call("GET", f"/static/{name}", None).status_code == 404
