"""The frame of the pages that people sign in to: who sees which, in which language, and under which policy."""

import pytest

from tests.fakes.product import ADMIN_KEY, Product, build_product
from tests.unit.test_sessions import Browser
from tests.unit.test_verify_page import Outline

ME = "u-me"
PAGES = ("history", "inbox", "ops", "preferences")
OF_A_PERSON = ("history", "inbox", "preferences")


def main_of(text: str) -> dict[str, str | None]:
    (main,) = Outline(text).all("main")
    return main


@pytest.mark.parametrize("name", PAGES)
def test_who_is_not_signed_in_is_asked_to_at_the_same_address(product: Product, name: str):
    answer = product.call("GET", f"/ui/{name}", None)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    page = Outline(answer.text)
    assert [form["id"] for form in page.all("form")] == ["sign-in"]
    assert [field["type"] for field in page.all("input")] == ["password"]
    assert page.all("meta")
    assert not [meta for meta in page.all("meta") if meta.get("name") == "csrf-token"]


@pytest.mark.parametrize("name", OF_A_PERSON)
def test_a_person_sees_their_own_page(product: Product, name: str):
    answer = Browser(product, product.token(ME)).call("GET", f"/ui/{name}?user=u-else")
    assert (answer.status_code, main_of(answer.text)["data-user"]) == (200, ME)


def test_a_page_speaks_the_persons_language_and_knows_their_clock(product: Product):
    product.call("PUT", f"/preferences/{ME}", json={"locale": "de-AT", "timezone": "Asia/Tokyo"})
    answer = Browser(product, product.token(ME)).call("GET", "/ui/inbox", headers={"Accept-Language": "fr"})
    (html,) = Outline(answer.text).all("html")
    main = main_of(answer.text)
    assert html == {"lang": "de", "dir": "ltr"}
    assert (main["data-zone"], main["data-locale"]) == ("Asia/Tokyo", "de-AT")


def test_another_language_can_be_asked_for_and_stays(product: Product):
    answer = Browser(product, product.token(ME)).call("GET", "/ui/inbox?lang=ar")
    page = Outline(answer.text)
    assert page.all("html") == [{"lang": "ar", "dir": "rtl"}]
    assert {link["href"] for link in page.all("a")} >= {"../ui/preferences?lang=ar", "../ui/history?lang=ar"}


def test_the_door_speaks_the_browsers_language(product: Product):
    answer = product.call("GET", "/ui/inbox", None, headers={"Accept-Language": "xx, ar;q=0.9, en;q=0.1"})
    assert Outline(answer.text).all("html") == [{"lang": "ar", "dir": "rtl"}]


@pytest.mark.parametrize("name", OF_A_PERSON)
def test_a_key_says_whose_page(product: Product, name: str):
    browser = Browser(product, product.key("users:read"))
    asked = Outline(browser.call("GET", f"/ui/{name}").text)
    assert [field["name"] for field in asked.all("input")] == ["user"]
    answer = browser.call("GET", f"/ui/{name}?user={ME}")
    assert main_of(answer.text)["data-user"] == ME
    assert f"../ui/history?user={ME}" in {link["href"] for link in Outline(answer.text).all("a")}


@pytest.mark.parametrize("user_id", ["_defaults", "a b", "-x", "u" * 129, '"><script>alert(1)</script>'])
def test_what_cannot_be_a_person_is_asked_again(product: Product, user_id: str):
    answer = Browser(product, ADMIN_KEY).call("GET", "/ui/inbox", query_string={"user": user_id})
    page = Outline(answer.text)
    assert [field["value"] for field in page.all("input")] == [user_id]
    assert [script for script in page.all("script") if not str(script.get("src")).startswith("../static/")] == []
    assert {link["href"] for link in page.all("a")} >= {"../ui/ops"}


def test_a_key_that_may_not_read_people_reads_none(product: Product):
    answer = Browser(product, product.key("events:write")).call("GET", f"/ui/inbox?user={ME}")
    assert "users:read" in answer.text
    assert main_of(answer.text).get("data-user") is None


def test_the_desk_is_for_operators(product: Product):
    for token in (product.token(ME), product.key("users:read")):
        answer = Browser(product, token).call("GET", "/ui/ops")
        assert "For operators" in answer.text
        assert "../ui/ops" not in {link["href"] for link in Outline(answer.text).all("a")}
    answer = Browser(product, ADMIN_KEY).call("GET", "/ui/ops")
    assert "For operators" not in answer.text
    assert "../ui/ops" in {link["href"] for link in Outline(answer.text).all("a")}


@pytest.mark.parametrize("name", PAGES)
def test_nothing_runs_but_our_files(product: Product, name: str):
    for call in (product.call, Browser(product, ADMIN_KEY).call, Browser(product, product.token(ME)).call):
        answer = call("GET", f"/ui/{name}", None)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        page = Outline(answer.text)
        assert all(script["src"].startswith("../static/") for script in page.all("script"))
        assert not page.all("style")
        assert not [name for _, found in page.found for name in found if name == "style" or name.startswith("on")]


def test_every_file_that_a_page_names_is_there(product: Product):
    page = Outline(Browser(product, ADMIN_KEY).call("GET", f"/ui/preferences?user={ME}").text)
    files = [part["src"] for part in page.all("script")] + [part["href"] for part in page.all("link")]
    assert len(files) > 2
    for file in files:
        answer = product.call("GET", file.removeprefix(".."), None)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


def test_who_signs_in_elsewhere_is_sent_there_and_comes_back(tmp_path, migrated):
    product = build_product(tmp_path, migrated, {"SIGN_IN_URL": "https://im2.example/enter?app=notifications"})
    page = Outline(product.call("GET", "/ui/history?subject_key=j%201&x=%22", None).text)
    (way,) = [link["href"] for link in page.all("a") if "im2.example" in str(link["href"])]
    expected = "https://im2.example/enter?app=notifications&next=%2Fui%2Fhistory%3Fsubject_key%3Dj%25201%26x%3D%2522"
    assert way == expected
    product.services.close()


def test_home_is_the_inbox(product: Product):
    answer = product.call("GET", "/ui/", None)
    assert (answer.status_code, answer.headers["Location"]) == (302, "inbox")
