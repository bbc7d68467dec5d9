"""How people get in and out, and the pages that links in mails open."""

import pytest
from playwright.sync_api import expect

from tests.browser import letters
from tests.browser.inbox import Inbox
from tests.integration.product import Product

DONE = {"unsubscribe": "These e-mails are turned off", "verify": "Address confirmed"}


@pytest.fixture
def stranger(page_for, user):
    """A tab in a browser that nobody has signed in with."""
    page = page_for(user, "/ui/history")
    page.context.clear_cookies()
    return page


def links(product: Product, user: str) -> dict[str, str]:
    """The pages that a reader's mails lead to."""
    address = f"{user}@example.com"
    product.set_user(user, contacts={"email": address})
    product.submit("job.failed", {"job_id": "j-1", "error": "disk full"}, user)
    unsubscribe = letters.link(product, address, "/unsubscribe/")
    token = product.call("POST", f"/users/{user}/token").json()["token"]
    product.call("PATCH", f"/preferences/{user}", token=token, json={"contacts": {"email": f"new-{address}"}})
    return {"unsubscribe": unsubscribe, "verify": letters.link(product, f"new-{address}", "/ui/verify/")}


def test_a_token_in_the_address_opens_the_page_and_is_gone_from_it(stranger, people, user, product):
    token = people.token(user)
    stranger.goto("about:blank")
    stranger.goto(f"{product.url}/ui/history?subject_key=j-1#token={token}")
    stranger.locator("#filters").wait_for()
    assert stranger.url == f"{product.url}/ui/history?subject_key=j-1"
    stranger.goto("about:blank")
    stranger.go_back()
    assert token not in stranger.url


def test_a_token_that_does_not_work_says_so_and_is_gone_too(stranger, product, faults):
    faults.forgive("401")
    stranger.goto("about:blank")
    stranger.goto(f"{product.url}/ui/history#token=garbled")
    stranger.get_by_role("alert").wait_for()
    assert stranger.url == f"{product.url}/ui/history"
    assert stranger.evaluate("document.activeElement.id") == "token"


def test_the_form_takes_a_token_too(stranger, people, user):
    stranger.reload()
    stranger.get_by_role("button", name="Sign in").click()
    assert "Enter a key" in stranger.get_by_role("alert").inner_text()
    stranger.get_by_label("Key or token").fill(people.token(user))
    stranger.keyboard.press("Enter")
    stranger.locator("#filters").wait_for()


def test_who_signs_out_is_out(page_for, user, product):
    page = page_for(user, "/ui/history")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Key or token").wait_for()
    assert page.context.request.get(f"{product.url}/history/{user}").status == 401


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("kind", sorted(DONE))
def test_links_in_mails_work_by_keyboard_and_everybody_can_read_them(stranger, product, user, axe, kind, scheme):
    stranger.emulate_media(color_scheme=scheme)
    stranger.set_viewport_size({"width": 320, "height": 700})
    stranger.goto(product.url + links(product, user)[kind])
    axe(stranger)
    assert stranger.evaluate("document.documentElement.scrollWidth") == 320
    stranger.keyboard.press("Tab")
    stranger.keyboard.press("Enter")
    stranger.get_by_role("heading", name=DONE[kind]).wait_for()
    axe(stranger)


@pytest.mark.parametrize("kind", sorted(DONE))
def test_links_in_mails_work_without_scripts(browser, product, user, kind):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(product.url + links(product, user)[kind])
    page.get_by_role("button").click()
    assert page.get_by_role("heading").inner_text() == DONE[kind]
    context.close()


def test_the_door_can_be_used_by_everybody(stranger, axe):
    stranger.set_viewport_size({"width": 320, "height": 700})
    stranger.reload()
    axe(stranger)
    assert stranger.evaluate("document.documentElement.scrollWidth") == 320


def test_who_is_erased_is_out_while_a_page_is_open(product, page_for, user, faults):
    faults.forgive("Failed to load resource|ERR_|MIME type")
    page = page_for(user, "/ui/inbox")
    Inbox(page)
    assert product.call("DELETE", f"/users/{user}").status_code == 202
    # The stream ends, nothing opens another one, and the page says how to get in.
    expect(page.get_by_label("Key or token")).to_be_visible()
    assert page.context.request.get(f"{product.url}/ui/session").status == 401
