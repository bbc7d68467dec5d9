"""The same day in a language from right to left, and in one without spaces."""

import pytest

from tests.browser.day import live


@pytest.mark.parametrize(
    ("locale", "direction", "because"),
    [("ar", "rtl", "لم يُرسَل"), ("ja", "ltr", "送信")],
)
def test_a_day_in_the_readers_language(product, people, page_for, user, axe, locale, direction, because):
    history = live(product, people, user, locale, lambda path: page_for(user, path, locale=locale))
    assert history.evaluate("getComputedStyle(document.body).direction") == direction
    assert because in history.locator("#list a").first.inner_text()
    axe(history)
