"""The operators' desk for whoever sees, hears or moves differently, on a small screen and from right to left."""

import pytest
from playwright.sync_api import expect

from tests.integration.product import eventually

DESK = "/ui/ops"
PARTS = ("audit", "channels", "dead", "defaults", "find", "keys", "now", "templates")


@pytest.mark.parametrize("part", PARTS)
def test_nothing_serious_is_wrong_with_a_part(page_for, axe, part):
    page = page_for(None, f"{DESK}#{part}")
    expect(page.locator("#part section h2")).to_be_visible()
    expect(page.locator("#part [aria-busy]")).to_have_count(0)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        axe(page)


@pytest.mark.parametrize("kind", ["event", "notification"])
def test_nothing_serious_is_wrong_with_one_of_them_and_it_fits(page_for, product, user, axe, kind):
    event_id = product.submit("job.failed", {"job_id": "j" * 200, "error": "e" * 400}, user)
    rows = eventually(lambda: product.event(event_id)["notifications"])
    place = {"event": event_id, "notification": rows[0]["id"]}[kind]
    page = page_for(None, f"{DESK}#{kind}/{place}", width=320)
    expect(page.locator("#part .facts").first).to_be_visible()
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("language", ["ar", "en"])
def test_each_part_fits_a_small_screen(page_for, language):
    page = page_for(None, f"{DESK}?lang={language}", width=320)
    assert page.evaluate("document.dir") == {"ar": "rtl", "en": "ltr"}[language]
    widths = {}
    for part in PARTS:
        page.goto(f"{page.url.partition('#')[0]}#{part}")
        expect(page.locator(f'[data-part="{part}"]')).to_have_attribute("aria-current", "page")
        expect(page.locator("#part section h2")).to_be_visible()
        expect(page.locator("#part [aria-busy]")).to_have_count(0)
        widths[part] = page.evaluate("document.documentElement.scrollWidth")
    assert {part: width for part, width in widths.items() if width > 320} == {}
