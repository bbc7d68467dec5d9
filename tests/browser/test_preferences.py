"""The preference centre in a browser: chosen by mouse and by keys, saved at once, taken back, and obeyed."""

import pytest

from tests.integration.product import eventually

PATH = "/ui/preferences"
HOSTILE = "<img src=x onerror=alert(1)>'\"&"


@pytest.fixture
def opened(page_for, user, product):
    """The page of somebody who has an address."""
    product.set_user(user, contacts={"email": "ada@example.com"}, timezone="Europe/Berlin")
    return shown(page_for(user, PATH))


def shown(page):
    page.locator("#content").wait_for()
    return page


def control(page, type_="job.completed", channel="email"):
    return page.locator(f'tr[data-type="{type_}"] td[data-channel="{channel}"] select')


def said(page):
    return page.locator("#toasts")


def events(product, user):
    return product.get(f"/preferences/{user}")["events"]


def saved(page, text="Saved"):
    said(page).get_by_text(text, exact=True).wait_for()


def press_until(page, key, wanted):
    for _ in range(200):
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} never came to {wanted}")


def test_a_change_by_mouse_is_saved_at_once_and_taken_back_entirely(opened, product, user):
    control(opened).select_option("daily")
    saved(opened)
    assert events(product, user) == {"job.completed": {"email": "daily"}}
    assert opened.locator("td.own").count() == 1
    said(opened).get_by_role("button", name="Undo").click()
    saved(opened, "Undone")
    assert events(product, user) == {}
    assert control(opened).input_value() == "instant"
    assert control(opened).evaluate("element => element === document.activeElement")


def test_a_change_by_keys_alone(opened, product, user):
    press_until(opened, "Tab", 'tr[data-type="job.completed"] td[data-channel="email"] select')
    opened.keyboard.type("Off")
    saved(opened)
    assert events(product, user) == {"job.completed": {"email": "off"}}
    # It was busy, and kept the focus.
    assert control(opened).evaluate("element => element === document.activeElement")
    press_until(opened, "Tab", "td.own .reset")
    opened.keyboard.press("Enter")
    eventually(lambda: events(product, user), lambda found: found == {})
    assert control(opened).evaluate("element => element === document.activeElement")


def test_the_next_event_obeys(opened, product, user):
    control(opened, "job.failed").select_option("off")
    saved(opened)
    event = product.submit("job.failed", {"job_id": "j-1", "error": "disk full"}, user, channels=["inapp", "email"])
    states = {one["channel"]: (one["status"], one["reason"]) for one in product.ended(event)["notifications"]}
    assert states == {"inapp": ("delivered", None), "email": ("suppressed", "opted_out")}
    assert product.notification(event, "email")["because"] == "Not sent: turned off in the preferences."


def test_two_changes_at_once_are_both_saved(opened, product, user):
    control(opened, "job.failed").select_option("hourly")
    control(opened, "job.completed").select_option("daily")
    wanted = {"job.failed": {"email": "hourly"}, "job.completed": {"email": "daily"}}
    eventually(lambda: events(product, user), lambda found: found == wanted)


@pytest.mark.parametrize("again", [False, True])
def test_who_changes_what_was_changed_elsewhere_is_told_and_asked(opened, page_for, user, product, faults, *, again):
    faults.forgive("412")
    other = shown(page_for(user, PATH))
    control(other, "job.failed").select_option("off")
    saved(other)
    control(opened).select_option("daily")
    dialog = opened.get_by_role("dialog", name="Changed elsewhere in the meantime")
    dialog.wait_for()
    assert "Completed jobs · E-mail: Daily" in dialog.inner_text()
    # Nothing pretends to be saved, and what the other tab saved is shown.
    assert control(opened).input_value() == "instant"
    assert control(opened, "job.failed").input_value() == "off"
    dialog.get_by_role("button", name="Make my change again" if again else "Keep it as it is now").click()
    wanted = {"job.failed": {"email": "off"}} | ({"job.completed": {"email": "daily"}} if again else {})
    eventually(lambda: events(product, user), lambda found: found == wanted)
    assert control(opened).evaluate("element => element === document.activeElement")


def test_what_could_not_be_saved_is_not_shown_as_if(opened, product, user, faults):
    faults.forgive("Failed to load resource|ERR_")
    opened.context.set_offline(True)
    control(opened).select_option("daily")
    said(opened).get_by_text("reach the service").wait_for()
    assert control(opened).input_value() == "instant"
    opened.context.set_offline(False)
    said(opened).get_by_role("button", name="Try again").click()
    saved(opened)
    assert events(product, user) == {"job.completed": {"email": "daily"}}


def test_what_cannot_be_chosen_says_why(opened):
    locked = opened.locator('tr[data-type="system.error"] td[data-channel="inapp"]')
    assert locked.locator("select").count() == 0
    assert "Fixed: it is critical." in locked.inner_text()
    never = opened.locator('tr[data-type="job.progress"] td[data-channel="pagerduty"]')
    assert "Fixed: this never raises an alert." in never.inner_text()


def test_a_channel_that_is_not_set_up_leads_to_its_form(opened):
    opened.locator('th[data-channel="slack"]').get_by_role("link", name="Not set up").click()
    opened.locator("#contact-slack-form").wait_for()
    assert opened.locator("#contact-slack-url").evaluate("element => element === document.activeElement")


def test_a_channel_is_switched_off_and_on_by_keys(opened, product, user):
    opened.get_by_role("switch", name="E-mail").focus()
    opened.keyboard.press("Space")
    saved(opened)
    assert product.get(f"/preferences/{user}")["channels"] == {"email": False}
    said(opened).get_by_role("button", name="Undo").click()
    saved(opened, "Undone")
    assert product.get(f"/preferences/{user}")["channels"] == {}


def test_a_pause_and_its_end(opened, product, user):
    opened.get_by_role("button", name="For one hour").click()
    opened.get_by_text("Paused until").first.wait_for()
    assert product.get(f"/preferences/{user}")["muted_until"] is not None
    opened.get_by_role("button", name="Resume now").click()
    eventually(lambda: product.get(f"/preferences/{user}")["muted_until"], lambda found: found is None)
    # In the zone of the reader, whatever that of the machine is.
    opened.get_by_label("Until", exact=True).first.fill("2099-07-01T08:00")
    opened.get_by_role("button", name="Pause", exact=True).click()
    until = eventually(lambda: product.get(f"/preferences/{user}")["muted_until"])
    assert until.startswith("2099-07-01T06:00:00")


def test_what_goes_on_when_it_stays_unread(opened, product, user, faults):
    faults.forgive("422")
    line = opened.locator('.line[data-type="job.failed"]')
    line.get_by_label("Channel").select_option("email")
    saved(opened)
    after = line.get_by_label("Minutes")
    after.fill("20")
    after.press("Tab")
    wanted = {"job.failed": {"after_minutes": 20, "to": ["email"]}}
    eventually(lambda: product.get(f"/preferences/{user}")["escalate"], lambda found: found == wanted)
    after.fill("0")
    after.press("Tab")
    line.get_by_role("alert").get_by_text("Must be from 1 to").wait_for()
    assert after.get_attribute("aria-invalid") == "true"
    line.get_by_label("Channel").select_option("")
    eventually(lambda: product.get(f"/preferences/{user}")["escalate"], lambda found: found == {})


def test_what_operators_let_go_on_can_be_switched_off(page_for, product, user):
    product.call(
        "PATCH", "/preferences/_defaults", json={"escalate": {"job.failed": {"after_minutes": 5, "to": ["email"]}}}
    )
    try:
        page = shown(page_for(user, PATH))
        line = page.locator('.line[data-type="job.failed"]')
        choice = line.get_by_label("Channel")
        choice.select_option("None")
        saved(page)
        assert product.get(f"/preferences/{user}")["escalate"] == {"job.failed": False}
        page.reload()
        shown(page)
        assert choice.input_value() == "none"
        assert line.get_by_label("Minutes").is_hidden()
        choice.select_option("")
        eventually(lambda: product.get(f"/preferences/{user}")["escalate"], lambda found: found == {})
    finally:
        product.call("PATCH", "/preferences/_defaults", json={"escalate": None})


def test_quiet_hours_zone_and_the_time_of_the_summary(opened, product, user, faults):
    faults.forgive("422")
    opened.get_by_role("checkbox", name="Only critical notifications").check()
    saved(opened)
    quiet = {"start": "22:00", "end": "07:00"}
    assert product.get(f"/preferences/{user}")["quiet_hours"] == quiet
    opened.get_by_label("Daily digest at").fill("06:30")
    eventually(lambda: product.get(f"/preferences/{user}")["daily_at"], lambda found: found == "06:30")
    zone = opened.get_by_label("Time zone")
    zone.fill("Mars/Base")
    zone.press("Tab")
    opened.get_by_role("alert").get_by_text("IANA time zone").wait_for()
    assert product.get(f"/preferences/{user}")["timezone"] == "Europe/Berlin"
    assert opened.locator('#zones option[value="Asia/Tokyo"]').count() == 1


def test_the_browsers_zone_is_offered_and_not_taken(page_for, user, product):
    page = shown(page_for(user, PATH))
    page.get_by_text("Your browser says Europe/Berlin. Use it?").wait_for()
    assert product.get(f"/preferences/{user}")["from_defaults"] == ["locale", "timezone", "quiet_hours", "daily_at"]
    page.get_by_role("button", name="Use it").click()
    saved(page)
    assert product.get(f"/preferences/{user}")["timezone"] == "Europe/Berlin"
    assert page.locator("#zone-guess").is_hidden()


def test_another_language_is_spoken_at_once_and_can_be_taken_back(opened, product, user):
    opened.get_by_label("Language", exact=True).select_option("ar")
    opened.locator('html[lang="ar"][dir="rtl"]').wait_for()
    assert product.get(f"/preferences/{user}")["locale"] == "ar"
    said(opened).get_by_role("button").click()
    opened.locator('html[lang="en"]').wait_for()
    assert "locale" in product.get(f"/preferences/{user}")["from_defaults"]


def test_subjects_are_muted_and_stay_text(opened, product, user):
    dialogs = []
    opened.on("dialog", lambda dialog: dialogs.append(dialog))  # noqa: PLW0108  # Playwright marks its handlers
    opened.get_by_role("textbox", name="Subject").fill(HOSTILE)
    opened.keyboard.press("Enter")
    opened.locator("#muted-list bdi").get_by_text(HOSTILE).wait_for()
    assert product.get(f"/preferences/{user}")["muted_subjects"] == [HOSTILE]
    assert opened.locator("main img").count() == 0
    assert dialogs == []
    opened.locator("#muted-list").get_by_role("button", name="Remove").click()
    eventually(lambda: product.get(f"/preferences/{user}")["muted_subjects"], lambda found: found == [])
    assert opened.get_by_role("textbox", name="Subject").evaluate("element => element === document.activeElement")


def test_an_operator_sees_and_changes_anothers(page_for, user, product):
    page = shown(page_for(None, f"{PATH}?user={user}"))
    assert page.locator("#zone-guess").is_hidden()
    control(page, "job.failed", "inapp").select_option("off")
    saved(page)
    assert events(product, user) == {"job.failed": {"inapp": "off"}}


@pytest.mark.parametrize(
    ("lang", "scheme", "width"),
    [("ar", "light", 1280), ("ar", "dark", 320), ("en", "dark", 1280), ("en", "light", 320)],
)
def test_nothing_is_wrong_with_it_in_any_dress(page_for, user, product, axe, lang, scheme, width):
    product.set_user(
        user,
        locale=lang,
        contacts={"email": "ada@example.com", "slack": {"url": "https://hooks.slack.com/services/T0/B0/0123456789ab"}},
        events={"job.failed": {"email": "daily"}},
        channels={"slack": False},
        muted_subjects=["j-1", "x" * 200],
        muted_until="2099-01-01T00:00:00Z",
    )
    page = shown(page_for(user, PATH, scheme=scheme, width=width))
    assert page.locator("html").get_attribute("dir") == ("rtl" if lang == "ar" else "ltr")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe(page)
    page.locator("#contact-webhook [data-do=edit]").click()
    page.locator("#contact-webhook [data-do=add-header]").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe(page, within="#contact-webhook")
    control(page, "job.failed").select_option("off")
    said(page).get_by_role("button").wait_for()
    axe(page, within="#toasts")
