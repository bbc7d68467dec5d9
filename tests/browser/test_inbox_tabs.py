"""Several tabs with the same inbox: one stream for all of them, and nothing missed or doubled whatever goes away."""

import itertools
import signal

import pytest
from playwright.sync_api import expect

from tests.browser.inbox import Inbox
from tests.integration.product import eventually

# Counts the streams that a page has open, as the page itself does not tell.
COUNTING = """
globalThis.streams = new Set();
globalThis.EventSource = class extends EventSource {
  constructor(url) { super(url); streams.add(this); }
  close() { super.close(); streams.delete(this); }
};
"""


def failed(product, user, number):
    return product.submit("job.failed", {"job_id": f"j-{number}", "error": f"fault {number:03}"}, user)


@pytest.fixture
def tab(page_for, user):
    """Opens one more tab of the user, in which streams are counted."""
    fresh = itertools.count()

    def opened():
        page = page_for(user, "/ui/demo")
        if next(fresh) == 0:
            page.context.add_init_script(COUNTING)
        page.goto(page.url.replace("/ui/demo", "/ui/inbox"))
        return Inbox(page)

    return opened


def numbers(inbox):
    """The faults that are shown, the newest first."""
    return [int(title.partition("fault ")[2][:3]) for title in inbox.titles()]


def until_shown(inbox, most):
    """Wait until all faults up to a number are there, each of them once."""
    expect(inbox.items).to_have_count(most)
    assert sorted(numbers(inbox)) == list(range(1, most + 1))


def streams(inbox):
    return inbox.page.evaluate("streams.size")


def test_reading_in_one_tab_is_seen_in_the_other(product, tab, user):
    one, two = tab(), tab()
    assert [streams(one), streams(two)] == [1, 0]
    assert two.page.evaluate("document.querySelector('im2-inbox').connection") == "follower"
    failed(product, user, 1)
    for inbox in (one, two):
        inbox.until_unread(1)
    two.button("Mark as read").click()
    one.until_unread(0)
    expect(one.button("Mark as unread")).to_be_visible()
    one.button("Archive").click()
    expect(two.items).to_have_count(0)
    failed(product, user, 2)
    failed(product, user, 3)
    two.until_unread(2)
    one.button("Mark all as read").click()
    two.until_unread(0)
    assert not product.get(f"/inbox/{user}", state="unread")["items"]


def test_when_the_leading_tab_closes_another_goes_on(product, tab, user):
    tabs = [tab() for _ in range(3)]
    for number in range(1, 13):
        failed(product, user, number)
        if number in (4, 8):
            # In the middle of what arrives, and without a word.
            tabs.pop(0).page.close()
    for inbox in tabs:
        inbox.until_unread(12)
        until_shown(inbox, 12)
    assert [streams(inbox) for inbox in tabs] == [1]


def test_a_restart_of_the_api_loses_and_doubles_nothing(product, tab, user, faults):
    faults.forgive("Failed to load resource|ERR_|MIME type")
    one, two = tab(), tab()
    for number in range(1, 4):
        failed(product, user, number)
    one.until_unread(3)
    ready = product.count_said("api", "component_ready")
    product.child("api").send(signal.SIGTERM)
    eventually(lambda: product.count_said("api", "component_ready") > ready)
    for number in range(4, 7):
        failed(product, user, number)
    for inbox in (one, two):
        inbox.until_unread(6)
        until_shown(inbox, 6)


def test_where_there_is_no_stream_it_polls_and_goes_back_to_it(product, tab, user, faults):
    faults.forgive("Failed to load resource|ERR_FAILED")
    inbox = tab()
    context = inbox.page.context
    context.route("**/stream*", lambda route: route.abort())
    inbox.page.reload()
    # Set once it is there, since the page says nothing of it.
    inbox.host.evaluate("inbox => inbox.setAttribute('poll-seconds', '1')")
    inbox.until_connected("polling")
    failed(product, user, 1)
    inbox.until_unread(1)
    context.unroute("**/stream*")
    inbox.until_connected("stream")
    failed(product, user, 2)
    inbox.until_unread(2)
    until_shown(inbox, 2)


def test_two_people_in_one_browser_do_not_hear_each_other(product, people, page_for, user):
    page = page_for(user, "/ui/demo")
    other = f"{user}-2"
    page.evaluate(
        """tokens => tokens.forEach((token, number) => {
            const made = document.createElement('im2-inbox');
            made.id = `inbox-${number}`;
            made.token = async () => token;
            document.getElementById('place').append(made);
        })""",
        [people.token(user), people.token(other)],
    )
    for one in ("inbox-0", "inbox-1"):
        page.wait_for_function("id => document.getElementById(id).connection === 'stream'", arg=one)
    failed(product, other, 1)
    page.wait_for_function("() => document.getElementById('inbox-1').unread === 1")
    assert page.evaluate("document.getElementById('inbox-0').unread") == 0


def test_without_locks_one_of_the_tabs_leads_all_the_same(product, page_for, user):
    first = page_for(user, "/ui/demo")
    first.context.add_init_script(f"Object.defineProperty(navigator, 'locks', {{value: undefined}}); {COUNTING}")
    tabs = []
    for _ in range(2):
        page = page_for(user, "/ui/inbox")
        tabs.append(Inbox(page))
    assert sorted(streams(inbox) for inbox in tabs) == [0, 1]
    leader = next(inbox for inbox in tabs if streams(inbox))
    (other,) = [inbox for inbox in tabs if inbox is not leader]
    leader.page.close()
    failed(product, user, 1)
    other.until_unread(1)
    until_shown(other, 1)


def test_what_is_taken_out_of_the_page_leaves_nothing_open(product, tab, user):
    inbox = tab()
    inbox.host.evaluate("inbox => { globalThis.kept = inbox; inbox.remove(); }")
    inbox.page.wait_for_function("() => streams.size === 0")
    assert inbox.page.evaluate("kept.connection") == "closed"
    inbox.page.evaluate("document.querySelector('main').append(kept)")
    inbox.until_connected("stream")
    assert streams(inbox) == 1
    failed(product, user, 1)
    inbox.until_unread(1)
