"""The rig itself: a page opens in a browser, and what is wrong with one is found."""

import pytest


def test_a_page_opens_for_a_user_and_nothing_is_wrong_with_it(page_for, user, axe):
    page = page_for(user, "/ui/history")
    assert page.locator("h1").inner_text() == "History"
    axe(page)


def test_the_operator_has_a_page_too(page_for):
    assert page_for(None, "/ui/ops").locator("h1").count() == 1


def test_the_same_person_has_tabs_of_one_browser(page_for, user):
    one, two = page_for(user, "/ui/history"), page_for(user, "/ui/history")
    assert one.context is two.context
    assert page_for(user, "/ui/history", locale="de").context is not one.context


def test_what_the_policy_forbids_is_noticed(page_for, user, faults):
    page = page_for(user, "/ui/history")
    page.evaluate("document.body.append(Object.assign(document.createElement('style'), {textContent: 'p {}'}))")
    page.evaluate("new Promise(resolve => setTimeout(resolve))")
    assert any("policy: style-src-elem forbade inline" in fault for fault in faults.unforgiven), faults.unforgiven
    faults.forgive("style-src|inline style")


def test_an_error_nobody_caught_is_noticed(page_for, user, faults):
    page = page_for(user, "/ui/history")
    page.evaluate("setTimeout(() => { throw new Error('planted') })")
    page.evaluate("new Promise(resolve => setTimeout(resolve, 10))")
    assert any("planted" in fault for fault in faults.unforgiven), faults.unforgiven
    faults.forgive("planted")


def test_a_picture_without_words_is_a_fault(page_for, user, axe):
    page = page_for(user, "/ui/history")
    page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    with pytest.raises(AssertionError, match="image-alt"):
        axe(page)
