"""What a page hangs on dies while it is open: each item is on it once, in order, and it was never loaded again."""

import signal
from datetime import UTC, datetime, timedelta
from operator import itemgetter

import pytest
from playwright.sync_api import expect

from tests.browser.inbox import Inbox
from tests.integration.product import eventually
from tests.integration.victims import broker, relay

BEFORE, DURING, AFTER = range(1, 6), range(6, 11), range(11, 16)
# Keeps the ids of what streams tell, since the page itself does not show them.
LISTENING = """
globalThis.told = [];
globalThis.EventSource = class extends EventSource {
  constructor(url) {
    super(url);
    const keep = ({ lastEventId, data }) => told.push([Number(lastEventId), JSON.parse(data).id]);
    this.addEventListener('notification', keep);
  }
};
"""
VICTIMS = {"broker": broker, "relay": relay}


def failed(product, user, number, **fields):
    """Submit one; accepted it is whatever is down behind the API."""
    return product.submit("job.failed", {"job_id": f"j-{number}", "error": f"fault {number:03}"}, user, **fields)


@pytest.fixture
def page(page_for, user):
    """The user's inbox, in which what the stream tells is kept."""
    page = page_for(user, "/ui/demo")
    page.context.add_init_script(LISTENING)
    page.goto(page.url.replace("/ui/demo", "/ui/inbox"))
    Inbox(page).until_unread(0)
    page.evaluate("globalThis.isTheSame = true")
    return page


@pytest.mark.parametrize("part", VICTIMS)
def test_a_restart_loses_and_doubles_nothing(product, page, user, part):
    inbox = Inbox(page)
    for number in BEFORE:
        failed(product, user, number)
    ready = product.count_said(part, "component_ready")
    VICTIMS[part](product).send(signal.SIGKILL)
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    for number in DURING:
        # What has to wait is for the relay to release, which is another one by then.
        failed(product, user, number, deliver_at=soon if number % 2 else None)
    eventually(lambda: product.count_said(part, "component_ready") > ready)
    for number in AFTER:
        failed(product, user, number)
    everything = AFTER.stop - 1
    expect(inbox.items).to_have_count(everything, timeout=60_000)
    inbox.until_unread(everything)
    titles = inbox.titles()
    assert sorted(title.partition("fault ")[2][:3] for title in titles) == [f"{n:03}" for n in range(1, AFTER.stop)]
    items = product.get(f"/inbox/{user}")["items"]
    assert titles == [item["title"] for item in sorted(items, key=itemgetter("created_at", "id"), reverse=True)]
    revisions, ids = zip(*page.evaluate("told"), strict=True)
    assert list(revisions) == list(range(1, everything + 1))
    assert list(ids) == [item["id"] for item in reversed(items)]
    assert page.evaluate("isTheSame")
