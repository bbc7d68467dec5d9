"""The shell of the preference centre: what there is to choose comes from the code, whatever is added to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.events import EVENT_TYPES
from app.web.preference_page import own_name
from channels.registry import channel_names
from tests.fakes.product import Product, build_product
from tests.unit.test_event_file import GOOD
from tests.unit.test_sessions import Browser
from tests.unit.test_verify_page import Outline

ME = "u-me"


@pytest.fixture
def extended(tmp_path: Path, migrated: bytes) -> Iterator[Product]:
    """The product with one more type of event."""
    (tmp_path / "events.toml").write_text(GOOD, "utf-8")
    product = build_product(tmp_path, migrated)
    yield product
    product.services.close()


def page_of(product: Product, query: str = "") -> Outline:
    answer = Browser(product, product.token(ME)).call("GET", f"/ui/preferences{query}")
    assert answer.status_code == 200
    return Outline(answer.text)


def rows(page: Outline) -> list[str | None]:
    return [row["data-type"] for row in page.all("tr") if "data-type" in row]


def cell(product: Product, type_: str, channel: str) -> dict[str, str | None]:
    found = page_of(product).all("td")
    cells = [cell for cell in found if "data-usual" in cell]
    names = list(product.services.channels)
    return cells[list(product.services.event_types).index(type_) * len(names) + names.index(channel)]


def test_every_type_has_a_row_and_every_channel_a_column(product: Product):
    page = page_of(product)
    assert rows(page) == list(EVENT_TYPES)
    columns = [head["data-channel"] for head in page.all("th") if head.get("scope") == "col"]
    assert columns == list(channel_names())
    assert [card["data-channel"] for card in page.all("article")] == list(channel_names())
    assert len([cell for cell in page.all("td") if "data-usual" in cell]) == len(EVENT_TYPES) * len(channel_names())


def test_a_type_that_operators_add_appears_by_itself(extended: Product):
    assert rows(page_of(extended)) == [*EVENT_TYPES, "billing.overdue"]
    answer = Browser(extended, extended.token(ME)).call("GET", "/ui/preferences")
    assert extended.services.pages.event_name("billing.overdue", "en") in answer.text


def test_types_are_named_in_the_readers_language(product: Product):
    answer = Browser(product, product.token(ME)).call("GET", "/ui/preferences?lang=de")
    assert "Fehlgeschlagene" in product.services.pages.event_name("job.failed", "de")
    assert product.services.pages.event_name("job.failed", "de") in answer.text


def test_what_is_usual_is_what_operators_say(product: Product):
    assert cell(product, "job.completed", "email")["data-usual"] == "instant"
    document = {"events": {"job.completed": {"email": "daily"}}, "channels": {"slack": False}}
    product.call("PUT", "/preferences/_defaults", json=document)
    assert cell(product, "job.completed", "email")["data-usual"] == "daily"
    heads = {head.get("data-channel"): head.get("data-usual") for head in page_of(product).all("th")}
    assert (heads["slack"], heads["discord"]) == ("off", "on")


def test_what_cannot_be_chosen_has_no_control_and_says_why(product: Product):
    answer = Browser(product, product.token(ME)).call("GET", "/ui/preferences")
    effective = product.call("GET", f"/preferences/{ME}").json["effective"]
    locked = [cell for row in effective.values() for cell in row.values() if cell["locked"]]
    chosen = [control for control in Outline(answer.text).all("select") if "aria-labelledby" in control]
    assert len(chosen) == len(EVENT_TYPES) * len(channel_names()) - len(locked)
    assert answer.text.count("Fixed: it is critical.") == len([cell for cell in locked if cell["rhythm"] != "off"])
    assert answer.text.count("Fixed: this never raises an alert.") == len(
        [cell for cell in locked if cell["rhythm"] == "off"]
    )


def test_every_language_is_there_in_its_own_name(product: Product):
    options = [option for option in page_of(product).all("option") if "lang" in option]
    assert [option["value"] for option in options] == list(product.services.pages.locales)
    assert (own_name("de"), own_name("fr"), own_name("ar"), own_name("ja")) == (
        "Deutsch",
        "Français",
        "العربية",
        "日本語",
    )


def test_everything_that_is_named_by_its_id_is_there_once(product: Product):
    page = page_of(product)
    ids = [str(found["id"]) for _, found in page.found if "id" in found]
    assert len(ids) == len(set(ids))
    named = [
        one
        for _, found in page.found
        for name in ("aria-labelledby", "aria-describedby", "aria-controls", "for")
        for one in str(found.get(name) or "").split()
    ]
    assert set(named) <= set(ids)
