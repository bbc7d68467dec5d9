"""The inbox in a page of another origin: it works there where `CORS_ORIGINS` says so, and nothing does elsewhere."""

import pytest
from playwright.sync_api import expect

from tests.browser.inbox import Inbox

REFUSED = "blocked by CORS policy|net::ERR_FAILED"


@pytest.fixture
def site(elsewhere, product, people):
    """The site, which gets its tokens from the product."""
    elsewhere.service, elsewhere.token = product.url, people.token
    return elsewhere


@pytest.fixture
def visitor(page_for, user):
    """A tab of somebody who has a session with the product too."""
    return page_for(user, "/ui/demo")


def test_three_lines_are_enough_under_a_strict_policy(product, site, visitor, user, axe):
    visitor.goto(f"{site.origin}/?user={user}")
    inbox = Inbox(visitor)
    product.submit("job.failed", {"job_id": "j-1", "error": "disk full"}, user)
    bell = inbox.host.locator("[part=bell]")
    expect(bell).to_have_accessible_name("Notifications, 1 unread")
    bell.click()
    inbox.button("Mark as read", "disk full").click()
    inbox.until_unread(0)
    assert product.get(f"/inbox/{user}")["unread_count"] == 0
    axe(visitor)


def test_an_origin_that_is_not_named_gets_nothing(product, site, visitor, people, user, faults):
    faults.forgive(REFUSED)
    visitor.goto(f"{site.alias}/?user={user}")
    visitor.wait_for_load_state("networkidle")
    assert not visitor.evaluate("!!customElements.get('im2-inbox')")
    # Not even to who has a token, and what the browser has a session for.
    asked = """async ([url, token]) => {
        const ways = [{ headers: token && { Authorization: `Bearer ${token}` } }, { credentials: 'include' }];
        const answers = await Promise.allSettled(ways.map((way) => fetch(url, way)));
        return answers.map((answer) => answer.status);
    }"""
    for path in (f"/inbox/{user}", "/ui/session", "/ui/words/inbox/en.json", "/health"):
        answers = visitor.evaluate(asked, [product.url + path, people.token(user)])
        assert answers == ["rejected", "rejected"], path


def test_a_named_origin_does_not_get_in_by_the_session_of_its_visitor(product, site, visitor, user, faults):
    faults.forgive(REFUSED)
    faults.forgive("401")
    visitor.goto(f"{site.origin}/?user={user}")
    Inbox(visitor)
    asked = "url => fetch(url, { credentials: 'include' }).then(() => 'read', () => 'refused')"
    assert visitor.evaluate(asked, f"{product.url}/inbox/{user}") == "refused"
