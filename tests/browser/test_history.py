"""The history: it says what became of everything, and why, to whoever reads it and however they do."""

import json
import uuid

import pytest
from playwright.sync_api import expect

from tests.browser import sample
from tests.browser.sample import HOSTILE
from tests.integration.product import Product, eventually

ROWS = "#list a"
LONG = 50


@pytest.fixture(scope="module")
def reader(product: Product) -> str:
    """Somebody with one of each kind in their history."""
    name = f"u-{uuid.uuid4().hex[:12]}"
    sample.fill(product, name)
    return name


def shown(page) -> None:
    page.wait_for_selector("#list[aria-busy=false]")


def opened(page, *words: str):
    """The dialog with the one notification whose row has all these words."""
    row = page.locator(ROWS)
    for word in words:
        row = row.filter(has_text=word)
    row.first.click()
    page.wait_for_selector("#details .way li")
    return page.locator("#details")


SENTENCES = {
    ("j-muted", "E-mail"): "Not sent: this subject is muted in the preferences.",
    ("j-2041", "E-mail"): "Not sent: turned off in the preferences.",
    ("j-7", "E-mail", "Not sent"): "Not sent: the same message was sent shortly before.",
    ("j-12", "E-mail", "In a digest"): "Added to a digest.",
    ("storage", "Webhook"): "Attempt 1 failed; another one will follow.",
    ("j-3", "Inbox"): "Held until its scheduled time.",
}
"""What is said of the notification whose row has all these words."""


def test_it_explains(page_for, reader):
    page = page_for(reader, "/ui/history")
    unsaid = {}
    for words, sentence in SENTENCES.items():
        if sentence not in (said := opened(page, *words).inner_text()):
            unsaid[sentence] = said
        page.keyboard.press("Escape")
        page.wait_for_selector("#details:not([open])", state="attached")
    assert unsaid == {}


def test_what_failed_shows_every_attempt(page_for, reader):
    dialog = opened(page_for(reader, "/ui/history"), "storage", "Webhook")
    rows = dialog.locator("tbody tr")
    assert [row.locator("td").nth(2).inner_text() for row in rows.all()] == ["Unsuccessful", "Unsuccessful"]
    assert "Failed after 2 attempts." in dialog.inner_text()


def test_what_went_into_a_digest_leads_to_it_and_back(page_for, reader):
    page = page_for(reader, "/ui/history")
    dialog = opened(page, "j-12", "E-mail", "In a digest")
    first = page.url
    dialog.get_by_role("link", name="This digest").click()
    page.get_by_role("heading", name="2 notifications").wait_for()
    page.go_back()
    page.wait_for_url(first)
    page.get_by_text("Added to a digest.").wait_for()


def test_a_digest_leads_to_what_it_carries(page_for, reader):
    page = page_for(reader, "/ui/history")
    dialog = opened(page, "j-12", "E-mail", "In a digest")
    dialog.get_by_role("link", name="This digest").click()
    members = dialog.locator(".members li")
    expect(members).to_have_count(2)
    members.filter(has_text="j-11").get_by_role("link").click()
    expect(dialog.locator("dl > div", has_text="Subject")).to_contain_text("j-11")
    expect(dialog.get_by_role("link", name="This digest")).to_be_visible()
    expect(dialog.locator(".members")).to_be_hidden()
    page.go_back()
    expect(members).to_have_count(2)


def test_the_desk_shows_what_a_digest_carries(page_for, product, reader):
    (digest,) = product.get("/notifications", user_id=reader, type="digest", channel="email")["items"]
    page = page_for(None, f"/ui/ops#notification/{digest['id']}")
    members = page.get_by_role("region", name="What it carries").get_by_role("row")
    expect(members).to_have_count(3)
    members.filter(has_text="j-12").get_by_role("link").first.click()
    expect(page.locator(".facts")).to_contain_text(digest["id"])


def test_a_repeat_is_counted_at_the_first(page_for, reader):
    dialog = opened(page_for(reader, "/ui/history"), "j-7", "E-mail", "Delivered")
    assert dialog.locator("dl > div", has_text="Repeats").locator("dd").inner_text() == "1"


def test_whatever_is_in_it_stays_text(page_for, reader):
    page = page_for(reader, "/ui/history")
    dialog = opened(page, "<img", "Inbox")
    assert "<img src=x onerror=alert(1)>" in dialog.locator("h2").inner_text()
    assert page.locator("#list img, #details img").count() == 0
    dialog.get_by_role("link", name="<img").click()
    shown(page)
    assert page.locator("#subject_key").input_value() == HOSTILE
    assert page.locator(ROWS).count() == 2


def test_the_address_names_the_notification(page_for, reader, product):
    one = product.history(reader, channel="webhook")[0]
    page = page_for(reader, f"/ui/history#{one['id']}")
    page.wait_for_selector("#details .way li")
    page.keyboard.press("Escape")
    page.wait_for_selector("#details:not([open])", state="attached")
    assert "#" not in page.url


def test_anothers_notification_is_not_there(page_for, user, reader, product, faults):
    faults.forgive("404")
    page = page_for(user, f"/ui/history#{product.history(reader)[0]['id']}")
    page.get_by_text("This notification doesn't exist here.").wait_for()


def test_a_link_in_a_mail_shows_what_it_is_about(page_for, reader):
    page = page_for(reader, "/ui/history?subject_key=j-7")
    shown(page)
    assert page.locator(ROWS).count() == 4
    assert page.locator("#subject_key").input_value() == "j-7"


def test_filters_are_in_the_address_and_come_back(page_for, reader):
    page = page_for(reader, "/ui/history")
    shown(page)
    everything = page.locator(ROWS).count()
    page.get_by_label("Outcome").select_option(label="Failed")
    page.wait_for_url("**/ui/history?status=failed")
    page.locator(ROWS).nth(1).wait_for(state="detached")
    shown(page)
    assert page.locator(ROWS).count() == 1
    page.go_back()
    page.locator(ROWS).nth(everything - 1).wait_for()
    page.get_by_label("To date").fill("2020-01-01")
    page.get_by_text("Nothing matches these filters.").wait_for()
    page.get_by_role("button", name="Clear").click()
    page.locator(ROWS).nth(everything - 1).wait_for()


def test_older_ones_follow_at_the_end(page_for, product, user):
    for number in range(LONG + 5):
        product.submit("job.failed", {"job_id": f"j-{number}", "error": "e"}, user, channels=["inapp"])
    page = page_for(user, "/ui/history")
    shown(page)
    assert page.locator(ROWS).count() == LONG
    page.get_by_role("button", name="Show older").click()
    page.locator(ROWS).nth(LONG + 4).wait_for()
    assert page.evaluate("document.activeElement.getAttribute('href')") == page.locator(ROWS).nth(LONG).get_attribute(
        "href"
    )
    assert page.get_by_role("button", name="Show older").is_hidden()


@pytest.mark.parametrize(("name", "first"), [("CSV", "id,event_id,type"), ("JSON Lines", '{"id"')])
def test_all_that_match_can_be_saved(page_for, reader, name, first):
    page = page_for(reader, "/ui/history?status=failed")
    shown(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name=name).click()
    text = saved.value.path().read_text("utf-8")
    assert text.startswith(first)
    assert text.count("quota.exceeded") == 1
    if name != "CSV":
        assert json.loads(text)["status"] == "failed"


REASONS = [
    ("Completed jobs", "Slack", ["This is not sent.", "There is no usable address for this channel"]),
    ("Job progress", "E-mail", ["This is not sent.", "This is the default"]),
    ("Completed jobs", "E-mail", ["This is not sent.", "This was chosen in the preferences."]),
    (
        "Exceeded quotas",
        "Inbox",
        ["This is sent immediately.", "This can't be changed.", "no such event was reported"],
    ),
    ("Failed jobs", "E-mail", ["This is sent immediately.", "these muted subjects: j-muted"]),
]


def test_it_says_why_there_may_be_nothing(page_for, reader):
    page = page_for(reader, "/ui/history")
    for type_, channel, sentences in REASONS:
        page.locator("#missing-type").select_option(label=type_)
        page.locator("#missing-channel").select_option(label=channel)
        page.get_by_role("button", name="Check").click()
        # The last one is said of no other, so that this is no earlier answer.
        for sentence in reversed(sentences):
            expect(page.locator("#answer")).to_contain_text(sentence)


def test_who_got_nothing_is_told_so(page_for, user):
    page = page_for(user, "/ui/history")
    page.get_by_text("Nothing has been sent or held yet.").wait_for()


def test_when_the_service_is_away_it_says_so_and_tries_again(page_for, reader, faults):
    faults.forgive("ERR_FAILED")
    page = page_for(reader, "/ui/history")
    shown(page)
    page.route("**/history/**", lambda route: route.abort())
    page.get_by_label("Where").first.select_option(label="Webhook")
    page.get_by_text("Can't reach the service right now.").wait_for()
    page.unroute("**/history/**")
    page.get_by_role("button", name="Try again").click()
    page.locator(ROWS).first.wait_for()


def test_it_is_read_by_keyboard_alone(page_for, reader):
    page = page_for(reader, "/ui/history?status=failed")
    shown(page)
    link = page.locator(ROWS).first
    for _ in range(40):
        page.keyboard.press("Tab")
        if link.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#details .way li")
    eventually(lambda: page.evaluate("document.activeElement.id") == "details-title")
    page.keyboard.press("Escape")
    page.wait_for_selector("#details:not([open])", state="attached")
    assert link.evaluate("one => one === document.activeElement")


@pytest.mark.parametrize(
    ("path", "scheme"), [("/ui/history", "dark"), ("/ui/history?lang=ar", "light"), ("/ui/history?lang=ja", "dark")]
)
def test_everybody_can_use_it(page_for, reader, axe, path, scheme):
    page = page_for(reader, path, scheme=scheme, width=320)
    shown(page)
    axe(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.locator(ROWS).first.click()
    page.wait_for_selector("#details .way li")
    axe(page, within="#details")
    assert (wide, page.evaluate("document.documentElement.scrollWidth")) == (320, 320)


@pytest.mark.parametrize(("locale", "direction", "title"), [("ar", "rtl", "فشلت"), ("ja", "ltr", "ジョブ")])
def test_it_speaks_the_readers_language(page_for, product, user, locale, direction, title):
    product.set_user(user, locale=locale)
    data = {"job_id": "j-7", "error": "out of memory"}
    product.ended(product.submit("job.failed", data, user, channels=["inapp"]))
    page = page_for(user, "/ui/history?subject_key=j-7")
    shown(page)
    assert page.locator("html").get_attribute("dir") == direction
    assert page.locator("html").get_attribute("lang") == locale
    assert title in page.locator(ROWS).first.inner_text()
