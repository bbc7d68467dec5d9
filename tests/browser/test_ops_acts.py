"""The operators' desk, used: what is asked first, what it does, and what it says then."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.fakes.receiver import Answer, Receiver
from tests.integration.product import eventually

DESK = "/ui/ops"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def failed(product: Any, user: str, receiver: Receiver, count: int) -> None:
    """So many notifications to the user that a receiver refused for good, which then takes everything again."""
    for number in range(count):
        path = f"/{user}/{number}"
        receiver.script(path, Answer(410, times=1), Answer(204))
        product.set_user(user, contacts={"webhook": {"url": receiver.url(path)}})
        product.submit("job.completed", {"job_id": f"j-{number}"}, user, channels=["webhook"])
        eventually(lambda expected=number + 1: len(letters(product, user)) == expected)
    product.set_user(user, contacts={"webhook": {"url": receiver.url(f"/{user}/well")}})


def letters(product: Any, user: str, **wanted: str) -> list[dict[str, Any]]:
    """What there is for the user on the channel that failed, the newest first; what has failed unless said."""
    query = wanted or {"status": "failed"}
    return list(product.get("/notifications", user_id=user, channel="webhook", **query)["items"])


def test_dead_letters_are_counted_then_sent_again_and_followed(page_for, product, user, receiver):
    failed(product, user, receiver, 2)
    page = page_for(None, f"{DESK}#dead?user_id={user}")
    expect(page.locator('[data-slot="list"] tbody tr')).to_have_count(2)
    send = page.get_by_role("button", name="Send again")
    expect(send).to_be_disabled()
    page.get_by_role("button", name="Count first").click()
    expect(page.locator('[data-slot="said"]')).to_have_text("Would be sent again: 2.")
    assert len(letters(product, user, type="job.completed")) == 2
    send.click()
    # Leaving the question sends nothing.
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(send).to_be_focused()
    send.click()
    page.get_by_role("dialog").get_by_role("button", name="Send again").click()
    expect(page.locator('[data-slot="said"]')).to_contain_text("Sent again: 2.")
    results = page.locator('[data-slot="results"] tbody tr')
    expect(results.locator(".badge", has_text="Delivered")).to_have_count(2)
    page.get_by_role("button", name="Count first").click()
    expect(page.locator('[data-slot="said"]')).to_contain_text("Nothing would be sent again.")


def test_one_is_sent_again_from_its_own_page(page_for, product, user, receiver):
    failed(product, user, receiver, 1)
    (letter,) = letters(product, user)
    page = page_for(None, f"{DESK}#notification/{letter['id']}")
    page.get_by_role("button", name="Send again").click()
    page.get_by_role("dialog").get_by_role("button", name="Send again").click()
    expect(page.get_by_role("link", name=letter["id"])).to_be_visible()
    assert [row["replay_of"] for row in letters(product, user, type="job.completed")] == [letter["id"], None]


def test_a_channel_is_paused_and_resumed_by_keyboard_alone(page_for, product):
    page = page_for(None, f"{DESK}#channels")
    page.get_by_role("button", name="Pause Discord").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Pause Discord?")
    # What comes first does nothing.
    expect(dialog.get_by_role("button", name="Go back")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Resume Discord")).to_be_focused()
    expect(page.locator('[data-name="discord"] .badge')).to_have_text("Paused")
    paused = {channel["name"]: channel["paused"] for channel in product.get("/channels")["items"]}
    assert [name for name, is_paused in paused.items() if is_paused] == ["discord"]
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause Discord")).to_be_focused()
    assert not any(channel["paused"] for channel in product.get("/channels")["items"])


def test_a_pause_may_say_why_and_shows_it(page_for, product):
    why = "<b>The gateway</b> moves"
    page = page_for(None, f"{DESK}#channels")
    page.get_by_role("button", name="Pause Slack").click()
    dialog = page.get_by_role("dialog", name="Pause Slack?")
    dialog.get_by_label("Why, for other operators").fill(why)
    dialog.get_by_role("button", name="Pause").click()
    expect(page.locator('[data-name="slack"] .facts')).to_contain_text(why)
    assert {one["name"]: one["paused_reason"] for one in product.get("/channels")["items"]}["slack"] == why
    page.get_by_role("button", name="Resume Slack").click()
    dialog = page.get_by_role("dialog", name="Resume Slack?")
    expect(dialog.locator("textarea")).to_have_count(0)
    dialog.get_by_role("button", name="Resume").click()
    expect(page.locator('[data-name="slack"] .facts')).not_to_contain_text(why)


def test_what_waits_can_be_cancelled(page_for, product, user):
    event_id = product.submit("job.completed", {"job_id": "j-1"}, user, deliver_at="2099-01-01T00:00:00Z")
    page = page_for(None, f"{DESK}#event/{event_id}")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel event").click()
    expect(page.get_by_text("Cancelled: 1")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    assert product.event(event_id)["counts"] == {"cancelled": 1}


def test_a_key_is_made_shown_once_and_revoked(page_for, product, user):
    page = page_for(None, f"{DESK}#keys")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("alert")).to_have_text("Give the key a name.")
    name = page.get_by_label("Service name")
    expect(name).to_be_focused()
    name.fill(user)
    page.get_by_label("users:read").check()
    page.get_by_role("button", name="Create key").click()
    dialog = page.get_by_role("dialog", name="Your new key")
    text = dialog.get_by_label("Key", exact=True).input_value()
    assert product.call("GET", f"/history/{user}", token=text).status_code == 200
    dialog.get_by_role("button", name="I've saved it").click()
    assert text not in page.content()
    page.get_by_role("button", name=f"Revoke {user}").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    row = page.locator("tbody tr", has_text=user)
    expect(row.locator(".badge")).to_contain_text("Revoked")
    # Other processes may take it for two seconds more.
    eventually(lambda: product.call("GET", f"/history/{user}", token=text).status_code == 401)


def test_a_preview_is_text_and_source_and_says_what_is_wrong_with_the_data(page_for):
    page = page_for(None, f"{DESK}#templates")
    data = page.get_by_label("Data of the event, as JSON")
    page.locator("#preview-type").select_option("job.failed")
    expect(data).to_have_value(re.compile("error"))
    page.locator("#preview-locale").select_option("de")
    page.get_by_role("button", name="Preview").click()
    made = page.get_by_role("region", name="Preview")
    expect(made).to_contain_text("<!doctype html", ignore_case=True)
    assert made.locator("iframe").count() == 0
    data.fill("{")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not JSON")
    expect(data).to_be_focused()


def test_a_default_is_changed_and_a_conflict_is_told(page_for, product, faults):
    faults.forgive("412")
    page = page_for(None, f"{DESK}#defaults")
    cell = page.get_by_label("System warnings, E-mail")
    expect(cell).to_have_value("off")
    cell.select_option(label="Daily")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. This applies from now on.")).to_be_visible()
    assert product.get("/preferences/_defaults")["effective"]["system.warning"]["email"]["rhythm"] == "daily"
    product.call("PATCH", "/preferences/_defaults", json={"events": {"system.warning": {"email": "hourly"}}})
    cell.select_option(label="Off")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Someone else changed the defaults in the meantime.")).to_be_visible()
    expect(cell).to_have_value("hourly")
    product.call("PUT", "/preferences/_defaults", json={})
