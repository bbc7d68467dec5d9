"""What a reader does in a day, in any language: told, read here and there, chosen otherwise, obeyed, explained."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.inbox import Inbox
from tests.browser.people import People
from tests.integration.product import Product, eventually

CHANNELS = ["inapp", "email"]
Open = Callable[[str], Any]
"""Opens a page of the reader by its path."""


def live(product: Product, people: People, user: str, locale: str, opened: Open) -> Any:
    """Live through it; the page of the history at its end."""
    product.set_user(user, locale=locale, contacts={"email": "ada@example.com"})
    words = product.call("GET", f"/ui/words/inbox/{locale}.json", token=None).json()["words"]
    page = opened("/ui/demo")
    page.locator("#token").fill(people.token(user))
    page.keyboard.press("Enter")
    bell, listed = Inbox(page), Inbox(opened("/ui/inbox"))

    _fail(product, user, "disk full")
    bell.until_unread(1)
    bell.host.locator("[part=bell]").click()
    bell.button(words["mark_read"], "disk full").click()
    expect(listed.button(words["mark_unread"], "disk full")).to_be_visible()
    listed.until_unread(0)

    wishes = opened("/ui/preferences")
    wishes.locator('tr[data-type="job.failed"] td[data-channel="email"] select').select_option("off")
    saved = {"job.failed": {"email": "off"}}
    eventually(lambda: product.get(f"/preferences/{user}")["events"], lambda events: events == saved)
    second = _fail(product, user, "disk broken")
    for inbox in (bell, listed):
        inbox.until_unread(1)

    history = opened("/ui/history?type=job.failed&channel=email")
    rows = history.locator("#list a")
    expect(rows).to_have_count(2)
    because = product.notification(second, "email")["because"]
    expect(rows.first).to_contain_text(because)
    expect(rows.last).to_contain_text("disk full")
    return history


def _fail(product: Product, user: str, error: str) -> str:
    event = product.submit("job.failed", {"job_id": error.replace(" ", "-"), "error": error}, user, channels=CHANNELS)
    return str(event)
