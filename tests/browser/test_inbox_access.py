"""<im2-inbox> for people who use keys, hear it, choose their own colours, or want nothing to move."""

import pytest
from playwright.sync_api import expect

from tests.browser.inbox import Inbox
from tests.unit.test_rendering_catalogues import LANGUAGES

# Whose edges are not all inside of the panel, as far as that does not scroll.
STICKING_OUT = """panel => {
  const { left, right } = panel.getBoundingClientRect();
  const sticksOut = (one) => one.getBoundingClientRect().left < left || one.getBoundingClientRect().right > right;
  return [...panel.querySelectorAll('button:not([hidden])')].filter(sticksOut).map((one) => one.textContent);
}"""


@pytest.fixture
def page(page_for, user):
    """The page that a bell can be put into."""
    return page_for(user, "/ui/demo")


@pytest.fixture
def bell(product, page, people, user):
    """A bell in it, for a user with three notifications."""
    for number in (1, 2, 3):
        data = {"job_id": f"j-{number}", "error": f"disk {number} is full"}
        product.ended(product.submit("job.failed", data, user))
    page.locator("#token").fill(people.token(user))
    page.keyboard.press("Enter")
    inbox = Inbox(page)
    inbox.until_unread(3)
    return inbox


def title(inbox, number):
    return inbox.host.locator("[part=title]", has_text=f"disk {number} is full")


def test_arrows_lead_from_item_to_item_and_stay_in_their_column(bell):
    keys = bell.page.keyboard
    bell.host.locator("[part=bell]").press("Enter")
    keys.press("ArrowDown")
    expect(title(bell, 3)).to_be_focused()
    for key, number in (("ArrowDown", 2), ("ArrowDown", 1), ("ArrowDown", 1), ("Home", 3), ("End", 1), ("ArrowUp", 2)):
        keys.press(key)
        expect(title(bell, number)).to_be_focused()
    keys.press("Tab")
    keys.press("Tab")
    expect(bell.button("Archive", "disk 2")).to_be_focused()
    keys.press("ArrowUp")
    expect(bell.button("Archive", "disk 3")).to_be_focused()
    keys.press("Enter")
    # It is gone from the list, and the next one is at hand.
    expect(title(bell, 2)).to_be_focused()
    keys.press("Enter")
    bell.until_unread(1)


def test_arrows_are_left_to_the_page_elsewhere(bell):
    bell.host.locator("[part=bell]").press("Enter")
    bell.button("Unread").focus()
    bell.page.keyboard.press("ArrowDown")
    expect(bell.button("Unread")).to_be_focused()


def test_what_is_heard_says_what_is_seen(bell):
    bell.host.locator("[part=bell]").press("Enter")
    expect(bell.host.get_by_role("dialog", name="Notifications")).to_match_aria_snapshot("""
        - dialog "Notifications":
          - paragraph: Notifications
          - button "Mark all as read"
          - button "Close"
          - group "Show":
            - button "All" [pressed]
            - button "Unread"
            - button "Read"
            - button "Archived"
          - list:
            - listitem:
              - text: Failed Unread
              - time
              - button /disk 3 is full/
              - button "Mark as read"
              - button "Archive"
            - listitem
            - listitem
    """)
    described = bell.button("Archive", "disk 3")
    expect(described).to_have_accessible_description("Job failed: disk 3 is full (j-3)")


def test_what_arrives_is_said_once(product, bell, user):
    said = bell.host.get_by_role("status")
    expect(said).to_be_empty()
    product.submit("job.failed", {"job_id": "j-4", "error": "disk 4 is full"}, user)
    expect(said).to_have_text("Job failed: disk 4 is full (j-4)Notifications, 4 unread")


def test_in_colours_of_ones_own_all_can_be_told_apart(bell, axe):
    page = bell.page
    page.emulate_media(forced_colors="active")
    button = bell.host.locator("[part=bell]")
    button.click()
    bell.items.nth(2).wait_for()
    unread, read = bell.items.filter(has_text="disk 3"), bell.items.filter(has_text="disk 1")
    bell.button("Mark as read", "disk 1").click()
    edge = "item => getComputedStyle(item).borderInlineStartWidth"
    assert unread.evaluate(edge) == "4px"
    assert read.evaluate(edge) == "0px"
    outline = "button => getComputedStyle(button).outlineStyle"
    assert [bell.button(name).evaluate(outline) for name in ("All", "Unread")] == ["solid", "none"]
    drawn = "button => [getComputedStyle(button).color, getComputedStyle(button.querySelector('path')).fill]"
    assert len(set(button.evaluate(drawn))) == 1
    axe(page)


@pytest.mark.parametrize(("wish", "name"), [("reduce", "none"), ("no-preference", "open")])
def test_nothing_moves_for_who_does_not_want_it(bell, wish, name):
    bell.page.emulate_media(reduced_motion=wish)
    bell.host.locator("[part=bell]").click()
    panel = bell.host.get_by_role("dialog")
    assert panel.evaluate("panel => getComputedStyle(panel).animationName") == name
    still = "root => [...root.querySelectorAll('*')].every(one => getComputedStyle(one).transitionDuration === '0s')"
    assert bell.host.locator(".root").evaluate(still)


def test_on_a_small_screen_all_of_it_is_in_view_in_every_language(bell):
    bell.page.set_viewport_size({"width": 320, "height": 640})
    for language in [name.replace("_", "-") for name in LANGUAGES]:
        bell.host.evaluate("(inbox, language) => { inbox.lang = language; }", language)
        bell.host.locator(f"[lang={language}] [part=bell]").click()
        bell.items.nth(2).wait_for()
        panel = bell.host.get_by_role("dialog")
        assert panel.evaluate(STICKING_OUT) == [], language
        expect(bell.host.locator("[part=close]")).to_be_in_viewport(ratio=1)
        assert panel.evaluate("panel => panel.scrollWidth - panel.clientWidth") == 0, language
