"""Contacts in the preference centre: set up, tried out, refused, taken up again, and removed."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_preferences import HOSTILE, PATH, saved, shown
from tests.fakes.receiver import Answer, Receiver
from tests.integration.product import eventually


@pytest.fixture
def opened(page_for, user):
    """The page of somebody nobody has heard of yet."""
    return shown(page_for(user, PATH))


@pytest.fixture
def receiver():
    """Where webhooks go."""
    with Receiver() as receiver:
        yield receiver


def card(page, channel):
    return page.locator(f"#contact-{channel}")


def begin(page, channel):
    card(page, channel).get_by_role("button", name="Set up").click()


def save(page, channel):
    card(page, channel).get_by_role("button", name="Save").click()


def contacts(product, user):
    return product.get(f"/preferences/{user}")["contacts"]


def hook(page, url):
    begin(page, "webhook")
    page.locator("#contact-webhook-url").fill(url)
    save(page, "webhook")
    page.get_by_role("dialog", name="Signing secret").wait_for()
    secret = page.locator("#secret-value").input_value()
    page.get_by_role("button", name="Close").click()
    return secret


def test_an_address_is_confirmed_before_it_is_used(opened, product, user):
    begin(opened, "email")
    opened.keyboard.type("ada@example.com")
    opened.keyboard.press("Enter")
    saved(opened)
    email = card(opened, "email")
    email.get_by_text("Not confirmed yet").wait_for()
    assert contacts(product, user)["email"] == {"address": "ada@example.com", "verified": False}
    assert email.get_by_role("button", name="Send me a test").is_hidden()
    email.get_by_role("button", name="Send link again").click()
    saved(opened, "Link sent.")


def test_a_contact_is_replaced_only_after_a_question(opened, product, user):
    begin(opened, "email")
    opened.keyboard.type("ada@example.com")
    opened.keyboard.press("Enter")
    email = card(opened, "email")
    email.get_by_text("Not confirmed yet").wait_for()
    dialog = opened.get_by_role("dialog", name="Replace this contact?")
    email.get_by_role("button", name="Change").click()
    opened.locator("#contact-email-address").fill("eve@example.com")
    save(opened, "email")
    dialog.get_by_text("A link will be sent to the new address").wait_for()
    opened.keyboard.press("Escape")
    assert contacts(product, user)["email"]["address"] == "ada@example.com"
    expect(email.get_by_role("button", name="Save")).to_be_focused()
    save(opened, "email")
    dialog.get_by_role("button", name="Replace", exact=True).click()
    expect(email.locator(".is")).to_have_text("eve@example.com")
    assert contacts(product, user)["email"] == {"address": "eve@example.com", "verified": False}
    # What is the same replaces nothing.
    email.get_by_role("button", name="Change").click()
    save(opened, "email")
    expect(opened.locator("#contact-email-form")).to_be_hidden()


def test_what_is_no_address_is_said_next_to_it(opened, product, user, faults):
    faults.forgive("422")
    begin(opened, "email")
    opened.keyboard.type(HOSTILE)
    opened.keyboard.press("Enter")
    card(opened, "email").get_by_role("alert").get_by_text("Must be an e-mail address").wait_for()
    field = opened.locator("#contact-email-address")
    assert field.get_attribute("aria-invalid") == "true"
    assert field.evaluate("element => element === document.activeElement")
    assert contacts(product, user) == {}
    assert opened.locator("main img").count() == 0


def test_a_secret_is_shown_once_and_another_one_made(opened, product, user, receiver):
    secret = hook(opened, receiver.url("/hook"))
    assert secret.startswith("whsec_")
    assert contacts(product, user)["webhook"]["secret"] == {"set": True, "last4": secret[-4:]}
    assert secret not in opened.content()
    card(opened, "webhook").get_by_role("button", name="New secret").click()
    opened.get_by_text("keeps working for 24 hours").wait_for()
    assert opened.locator("#secret-value").input_value() not in {"", secret}
    opened.keyboard.press("Escape")
    # What is changed afterwards is no conflict with oneself.
    opened.get_by_role("switch", name="Inbox").uncheck()
    saved(opened)


def test_headers_and_types_of_a_webhook(opened, product, user, receiver, faults):
    faults.forgive("422")
    begin(opened, "webhook")
    opened.locator("#contact-webhook-url").fill(receiver.url("/hook"))
    webhook = card(opened, "webhook")
    webhook.get_by_label("Failed jobs").check()
    webhook.get_by_role("button", name="Add").click()
    opened.keyboard.type(HOSTILE)
    webhook.get_by_label("Value").fill("abcdefghijklmnop")
    save(opened, "webhook")
    webhook.get_by_role("alert").get_by_text("Only Authorization").wait_for()
    assert opened.locator("main img").count() == 0
    webhook.get_by_label("Name").fill("Authorization")
    save(opened, "webhook")
    opened.get_by_role("button", name="Close").click()
    found = contacts(product, user)["webhook"]
    assert (found["types"], found["headers"]) == (["job.failed"], {"Authorization": {"set": True, "last4": "mnop"}})
    left_out = opened.locator('tr[data-type="job.completed"] td[data-channel="webhook"]')
    assert "Left out for this contact" in left_out.inner_text()
    # What is left empty stays what it is.
    webhook.get_by_role("button", name="Change").click()
    assert webhook.get_by_label("Value").get_attribute("placeholder") == "····mnop"
    webhook.get_by_label("Failed jobs").uncheck()
    save(opened, "webhook")
    saved(opened)
    found = contacts(product, user)["webhook"]
    assert (found["types"], found["headers"]) == (None, {"Authorization": {"set": True, "last4": "mnop"}})


def test_a_test_tells_what_became_of_it(opened, receiver):
    hook(opened, receiver.url("/hook"))
    card(opened, "webhook").get_by_role("button", name="Send me a test").click()
    card(opened, "webhook").locator(".tried").get_by_text("Delivered.").wait_for()


def test_a_refusal_is_told_with_its_reason_and_the_contact_taken_up_again(opened, product, user, receiver):
    receiver.script("/hook", Answer(410, body=HOSTILE))
    hook(opened, receiver.url("/hook"))
    webhook = card(opened, "webhook")
    webhook.get_by_role("button", name="Send me a test").click()
    webhook.locator(".tried.bad").wait_for()
    webhook.get_by_text("Not used since").wait_for()
    assert "410" in webhook.locator(".notice").first.inner_text()
    assert opened.locator("main img").count() == 0
    webhook.get_by_role("button", name="Use again").click()
    saved(opened)
    assert "disabled" not in contacts(product, user)["webhook"]
    webhook.get_by_text("Ready").wait_for()


@pytest.mark.parametrize(
    ("channel", "field", "value"),
    [
        ("discord", "url", "https://discord.com/api/webhooks/1/abcdefgh"),
        ("opsgenie", "api_key", "01234567-89ab-cdef"),
        ("pagerduty", "routing_key", "0123456789abcdef0123456789abcdef"),
        ("slack", "url", "https://hooks.slack.com/services/T0/B0/abcdefgh"),
    ],
)
def test_keys_are_written_and_never_read(opened, product, user, channel, field, value):
    begin(opened, channel)
    opened.keyboard.type(value)
    save(opened, channel)
    saved(opened)
    assert contacts(product, user)[channel][field] == {"set": True, "last4": value[-4:]}
    assert f"····{value[-4:]}" in card(opened, channel).inner_text()
    assert opened.locator(f'th[data-channel="{channel}"]').get_by_role("switch").is_checked()


def test_who_thinks_better_of_it_keeps_the_contact(page_for, user, product):
    product.set_user(user, contacts={"email": "ada@example.com"})
    page = shown(page_for(user, PATH))
    page.clock.install()
    card(page, "email").get_by_role("button", name="Remove").click()
    card(page, "email").get_by_role("button", name="Undo").press("Enter")
    page.clock.run_for(20_000)
    assert contacts(product, user) == {"email": "ada@example.com"}
    card(page, "email").get_by_role("button", name="Remove").click()
    page.clock.run_for(20_000)
    eventually(lambda: contacts(product, user), lambda found: found == {})


def test_who_leaves_has_made_up_their_mind(page_for, user, product):
    product.set_user(user, contacts={"email": "ada@example.com"})
    page = shown(page_for(user, PATH))
    card(page, "email").get_by_role("button", name="Remove").click()
    page.goto("about:blank")
    eventually(lambda: contacts(product, user), lambda found: found == {})
