"""What a reader does in a day, on the servers that a fleet shares: a missing one is said, and fails in CI."""

import pytest
from playwright.sync_api import expect

from tests.browser.inbox import Inbox
from tests.integration.product import Product
from tests.integration.servers import place

PLACES = (("postgresql", "redis"), ("postgresql", "rabbitmq"))
REDIS_NUMBER = 12


@pytest.fixture(scope="module", params=PLACES, ids=", ".join)
def product(request, tmp_path_factory):
    """The product in one place after the other."""
    with (
        place(*request.param, redis_number=REDIS_NUMBER) as there,
        Product(tmp_path_factory.mktemp("place"), RELAY_TICK_SECONDS="1", **there) as product,
    ):
        yield product


def test_what_happens_is_seen_read_chosen_and_told(product, page_for, people, user):
    product.set_user(user, contacts={"email": "ada@example.com"})
    page = page_for(user, "/ui/demo")
    page.locator("#token").fill(people.token(user))
    page.keyboard.press("Enter")
    bell, listed = Inbox(page), Inbox(page_for(user, "/ui/inbox"))

    failure = {"job_id": "j-1", "error": "disk full"}
    channels = ["inapp", "email"]
    product.submit("job.failed", failure, user, channels=channels)
    expect(bell.host.locator("[part=bell]")).to_have_accessible_name("Notifications, 1 unread")
    bell.host.locator("[part=bell]").click()
    bell.button("Mark as read", "disk full").click()
    expect(listed.button("Mark as unread", "disk full")).to_be_visible()
    listed.until_unread(0)

    wishes = page_for(user, "/ui/preferences")
    wishes.locator('tr[data-type="job.failed"] td[data-channel="email"] select').select_option("off")
    expect(wishes.locator("#toasts")).to_contain_text("Saved")
    product.submit("job.failed", {**failure, "job_id": "j-2", "error": "disk broken"}, user, channels=channels)
    for inbox in (bell, listed):
        inbox.until_unread(1)

    history = page_for(user, "/ui/history?type=job.failed&channel=email")
    rows = history.locator("#list a")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Not sent: turned off in the preferences.")
    expect(rows.last).to_contain_text("Delivered")
    expect(rows.last).to_contain_text("disk full")
