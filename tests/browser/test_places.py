"""What a reader does in a day, on the servers that a fleet shares: a missing one is said, and fails in CI."""

import pytest
from playwright.sync_api import expect

from tests.browser.day import live
from tests.integration.product import Product
from tests.integration.servers import place

PLACES = (("postgresql", "rabbitmq"),)
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
    history = live(product, people, user, "en", lambda path: page_for(user, path))
    rows = history.locator("#list a")
    expect(rows.first).to_contain_text("Not sent: turned off in the preferences.")
    expect(rows.last).to_contain_text("Delivered")
