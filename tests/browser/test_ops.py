"""The operators' desk, looked at: numbers that move, and whatever is known about a notification."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.integration.product import TERMINAL, eventually

DESK = "/ui/ops"
WAY = ("Accepted", "Planned", "Text written", "Attempt 1", "Delivery")
CHANNELS = ("Inbox", "E-mail", "Webhook", "Slack", "Discord", "PagerDuty", "Opsgenie")
HOSTILE = "<img src=x onerror=document.title=1><script>document.title=1</script>"


def tile(page: Any, name: str) -> Any:
    return page.locator(f'[data-name="{name}"] [data-slot="value"]')


def told(product: Any, event_id: str) -> list[dict[str, Any]]:
    """What became of an event, once all of it has ended."""
    ended = eventually(
        lambda: product.event(event_id)["notifications"],
        lambda rows: bool(rows) and all(row["status"] in TERMINAL for row in rows),
    )
    return list(ended)


def test_numbers_move_after_an_event_without_a_reload(page_for, product, user):
    page = page_for(None, DESK)
    expect(tile(page, "unaccounted")).to_have_text("0")
    page.evaluate("window.stayed = document.querySelector('[data-name=accepted] [data-slot=value]')")
    before = int(tile(page, "accepted").inner_text().replace(",", ""))
    told(product, product.submit("job.completed", {"job_id": "j-1"}, user))
    expect(tile(page, "accepted")).not_to_have_text(f"{before:,}")
    assert int(tile(page, "accepted").inner_text().replace(",", "")) > before
    # The same element: nothing was drawn anew.
    assert page.evaluate("window.stayed.isConnected")
    expect(page.get_by_role("img", name="Accepted per minute")).to_be_visible()
    expect(page.locator('[data-slot="checks"] li')).to_have_count(5)


def test_what_waits_is_shown_by_lane_and_by_channel(page_for, product, user):
    for priority in ("normal", "critical"):
        waits = {"deliver_at": "2099-01-01T00:00:00Z", "priority": priority, "channels": ["inapp"]}
        product.submit("job.completed", {"job_id": f"j-{priority}"}, user, **waits)
    page = page_for(None, DESK)
    lanes = page.get_by_role("table", name="By lane")
    expect(lanes.locator("tbody th")).to_have_text(["Critical, on all channels", *CHANNELS, "Low, on all channels"])
    urgent = lanes.get_by_role("row", name="Critical, on all channels")
    expect(urgent.locator("td").nth(3)).not_to_have_text("0")
    expect(urgent.locator("td").nth(4)).not_to_have_text("–")
    expect(urgent.get_by_role("img", name="Critical, on all channels, waiting over the last minutes")).to_be_visible()
    inbox = page.get_by_role("table", name="By channel").get_by_role("row", name="Inbox")
    expect(inbox.locator("td").nth(2)).not_to_have_text("0")


def test_what_the_desk_asks_for_is_small(page_for):
    page = page_for(None, f"{DESK}#keys")
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(len(answer.body())) if "/metrics" in answer.url else None)
    with page.expect_response("**/metrics/summary"):
        page.evaluate("() => { location.hash = 'now'; }")
    expect(tile(page, "unaccounted")).to_have_text("0")
    assert 0 < max(sizes) < 20_000


def test_it_rests_while_nobody_looks(page_for):
    page = page_for(None, DESK)
    expect(tile(page, "unaccounted")).to_have_text("0")
    asked: list[str] = []
    page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', {get: () => window.away ?? false, configurable: true});
        window.away = true;
        document.dispatchEvent(new Event('visibilitychange'));
    }""")
    # What was under way when it was hidden may still end; after that it is quiet for longer than it ever waits.
    page.wait_for_load_state("networkidle")
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("new Promise(resolve => setTimeout(resolve, 4000))")
    assert asked == []
    with page.expect_request("**/metrics/summary"):
        page.evaluate("() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')); }")


@pytest.mark.parametrize("around", ["{}", 'level=INFO notification_id="{}" message=delivered'])
def test_a_pasted_id_opens_the_timeline(page_for, product, user, around):
    rows = told(product, product.submit("job.failed", {"job_id": "j-7", "error": "disk full"}, user))
    page = page_for(None, f"{DESK}#find")
    page.get_by_label("An ID, a user or a subject").fill(around.format(rows[0]["id"]))
    page.get_by_role("button", name="Go").press("Enter")
    expect(page.get_by_role("heading", name="Notification", exact=True)).to_be_focused()
    steps = page.locator(".timeline strong")
    expect(steps.first).to_have_text("Accepted")
    said = steps.all_inner_texts()
    assert [said.index(step) for step in WAY] == sorted(said.index(step) for step in WAY)
    page.get_by_role("link", name="evt_").click()
    expect(page.get_by_role("heading", name="Event", exact=True)).to_be_focused()
    expect(page.locator('[data-slot="data"]')).to_contain_text("disk full")
    page.go_back()
    expect(page.locator(".timeline")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Find", exact=True)).to_be_visible()


def test_a_pasted_item_of_an_inbox_opens_the_notification_it_shows(page_for, product, user):
    rows = told(product, product.submit("job.failed", {"job_id": "j-7", "error": "disk full"}, user))
    (item,) = product.get(f"/inbox/{user}")["items"]
    page = page_for(None, f"{DESK}#find")
    field = page.get_by_label("An ID, a user or a subject")
    field.fill("itm_01a20320-a200-7000-9590-97e0d49e7844")
    page.keyboard.press("Enter")
    expect(page.locator('[data-slot="found"]')).to_contain_text("There is no item itm_01a20320")
    field.fill(item["id"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Notification", exact=True)).to_be_focused()
    (shown,) = [row for row in rows if row["channel"] == "inapp"]
    expect(page.locator('[data-slot="facts"]')).to_contain_text(shown["id"])


def test_a_user_is_found_by_the_same_box_and_the_list_is_an_address(page_for, product, user):
    told(product, product.submit("job.completed", {"job_id": "j-8"}, user))
    page = page_for(None, f"{DESK}#find")
    page.get_by_label("An ID, a user or a subject").fill(user)
    page.keyboard.press("Enter")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    page.get_by_label("Status").select_option(label="Failed")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    assert page.url.endswith(f"#find?user_id={user}&status=failed")
    page.go_back()
    expect(rows).to_have_count(1)


def test_what_was_taken_for_a_user_can_be_looked_for_as_a_subject(page_for, product, user):
    subject = f"job {user}"
    told(product, product.submit("job.completed", {"job_id": subject}, user))
    page = page_for(None, f"{DESK}#find")
    page.get_by_label("An ID, a user or a subject").fill(subject)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=f"Search for “{subject}” as a subject instead").click()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_an_id_that_names_nothing_says_what_to_do(page_for, faults):
    faults.forgive("404")
    page = page_for(None, f"{DESK}#notification/ntf_01a20320-a200-7000-9590-97e0d49e7844")
    expect(page.get_by_role("alert")).to_contain_text("the ID may be incomplete")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_what_is_hostile_stays_text_everywhere(page_for, product, user):
    event_id = product.submit("job.failed", {"job_id": HOSTILE, "error": HOSTILE}, user, source=HOSTILE)
    rows = told(product, event_id)
    product.call("POST", "/keys", json={"name": HOSTILE, "scopes": ["events:write"]})
    page = page_for(None, DESK)
    title = "Operations · IM2"
    for place, where in (
        (f"find?user_id={user}", "#part tbody"),
        (f"event/{event_id}", '[data-slot="data"]'),
        (f"notification/{rows[0]['id']}", '[data-slot="facts"]'),
        ("keys", "#part tbody"),
        ("audit", "#part tbody"),
        ("audit?action=key.created", "#part tbody"),
        (f"find?subject_key={HOSTILE}", "#part form"),
    ):
        page.evaluate("place => { location.hash = place; }", place)
        expect(page.locator(where).first).to_be_visible()
        if where != "#part form" and place != "audit":
            expect(page.locator("#part")).to_contain_text(HOSTILE[:20])
        assert page.locator("#part img, #part script").count() == 0
        assert page.title().endswith(title), page.title()
