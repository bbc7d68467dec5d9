"""Words of the operators' own, written at their desk: checked, looked at, saved, compared, taken up again, removed."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.integration.product import Product

DESK = "/ui/ops"
PLACE = "job.failed/email/de"
HERE = f"{DESK}#template/{PLACE.replace('/', '%2F')}"
BROKEN = "{{ data.job_id }}\n{{ data.error"


@pytest.fixture
def template(product: Product) -> Iterator[Product]:
    """The product, whose place has nothing of its own before and after the test."""
    yield product
    product.call("DELETE", f"/templates/{PLACE}")


def save(product: Product, subject: str) -> int:
    saved = product.call("PUT", f"/templates/{PLACE}", json={"subject.txt": subject})
    return int(saved.json()["version"])


def subject_of(product: Product) -> dict[str, Any]:
    return dict(product.get(f"/templates/{PLACE}")["pieces"]["subject.txt"])


def tick(page: Any) -> Any:
    """Tick the title, and give the field of its source."""
    page.get_by_label("Customise subject.txt").check()
    return page.get_by_role("textbox", name="subject.txt")


def test_a_place_is_chosen_worded_looked_at_and_saved(page_for, template):
    page = page_for(None, f"{DESK}#templates")
    page.locator("#place-type").select_option("job.failed")
    page.locator("#place-channel").select_option("email")
    page.locator("#place-locale").select_option("de")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Template", exact=True)).to_be_focused()
    source = page.get_by_role("textbox", name="subject.txt")
    expect(source).not_to_be_editable()
    tick(page).fill("{{ data.job_id }} ging schief")
    page.get_by_role("button", name="Check and preview").click()
    expect(page.get_by_role("region", name="Preview").locator(".subject")).to_contain_text("ging schief")
    assert subject_of(template)["origin"] == "built-in"
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It takes effect within two seconds.")).to_be_visible()
    assert subject_of(template) == {"source": "{{ data.job_id }} ging schief", "origin": "database"}
    expect(page.get_by_label("Customise subject.txt")).to_be_checked()
    page.go_back()
    expect(page.get_by_role("link", name=PLACE)).to_be_visible()


def test_a_fault_is_told_at_its_piece_and_its_line_is_chosen(page_for, template, faults):
    faults.forgive("422")
    page = page_for(None, HERE)
    source = tick(page)
    for button in ("Check and preview", "Save"):
        source.fill(BROKEN)
        page.get_by_role("button", name=button).click()
        expect(source).to_be_focused()
        assert source.get_attribute("aria-invalid") == "true"
        expect(page.locator("#piece-subject-txt-fault")).to_contain_text("line 2")
        chosen = source.evaluate("field => field.value.slice(field.selectionStart, field.selectionEnd)")
        assert chosen == BROKEN.splitlines()[1]
    page.get_by_label("Customise subject.txt").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").filter(has_text="Tick at least one part.")).to_be_visible()
    assert subject_of(template)["origin"] == "built-in"


def test_versions_are_compared_taken_up_again_and_removed(page_for, template):
    first, second = save(template, "zuerst"), save(template, "dann")
    page = page_for(None, HERE)
    page.get_by_role("button", name=f"What changed: version {second}").click()
    expect(page.locator(".difference del")).to_have_text("-zuerst")
    expect(page.locator(".difference ins")).to_have_text("+dann")
    page.get_by_role("button", name=f"Restore: version {first}", exact=True).click()
    expect(page.get_by_role("row").filter(has_text=f"Version {first} restored").first).to_be_visible()
    assert subject_of(template)["source"] == "zuerst"
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Removed. The previous wording applies again.")).to_be_visible()
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)
    assert subject_of(template)["origin"] == "built-in"


def test_who_is_slower_keeps_what_they_wrote(page_for, template, faults):
    faults.forgive("412")
    save(template, "vorher")
    page = page_for(None, HERE)
    source = page.get_by_role("textbox", name="subject.txt")
    source.fill("meins")
    save(template, "von jemand anderem")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").filter(has_text="Someone else changed this template")).to_be_visible()
    expect(source).to_have_value("meins")
    assert subject_of(template)["source"] == "von jemand anderem"
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It takes effect within two seconds.")).to_be_visible()
    assert subject_of(template)["source"] == "meins"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_nothing_serious_is_wrong_with_it_and_it_fits(page_for, template, axe, language):
    save(template, "x" * 180)
    save(template, "y" * 180)
    page = page_for(None, HERE.replace("#", f"?lang={language}#"), width=320)
    page.locator('[data-slot="versions"] button').first.click()
    expect(page.locator(".difference").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        axe(page)
