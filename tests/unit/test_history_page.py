"""What the page of a person's history offers, before a script has asked for anything."""

import re

import pytest

from app.domain.events import EVENT_TYPES
from app.domain.notifications import NOTIFICATION_TYPES, OUTCOMES, STATUSES
from channels.registry import channel_names
from tests.fakes.product import ADMIN_KEY, Product
from tests.unit.test_sessions import Browser
from tests.unit.test_verify_page import Outline

ME = "u-me"


def page(product: Product, path: str = "/ui/history") -> str:
    answer = Browser(product, product.token(ME)).call("GET", path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def values(html: str, field: str) -> list[str]:
    (found,) = re.findall(rf'<select id="{field}".*?</select>', html, re.DOTALL)
    return [str(option["value"]) for option in Outline(found).all("option")]


def test_every_type_channel_and_status_can_be_chosen(product: Product):
    html = page(product)
    assert values(html, "type") == ["", *NOTIFICATION_TYPES]
    assert values(html, "channel") == ["", *channel_names()]
    assert values(html, "status") == ["", *STATUSES]
    assert values(html, "missing-type") == list(EVENT_TYPES)
    assert values(html, "missing-channel") == list(channel_names())


def test_nothing_is_called_by_the_name_that_programs_use(product: Product):
    labels = re.findall(r'<option value="[^"]+">(.*?)</option>', page(product))
    assert not {*NOTIFICATION_TYPES, *channel_names(), *STATUSES} & set(labels)


def test_every_status_has_a_sign_and_a_word(product: Product):
    html = page(product)
    marks = re.findall(r'data-status="(\w+)"><svg.*?</svg>([^<]+)</span>', html)
    assert sorted(status for status, _ in marks) == sorted(STATUSES)
    assert len({word for _, word in marks}) == len(STATUSES)


@pytest.mark.parametrize(
    "names",
    [
        [f"outcome-{outcome}" for outcome in (*OUTCOMES, "open")],
        [f"rhythm-{rhythm}" for rhythm in ("daily", "hourly", "instant", "off")],
        [f"source-{source}" for source in ("default", "no_contact", "required", "user")],
    ],
)
def test_whatever_the_api_answers_has_words(product: Product, names: list[str]):
    said = {str(span.get("data-word")) for span in Outline(page(product)).all("span")}
    assert set(names) <= said


def test_operators_see_the_page_of_whom_they_name(product: Product):
    operator = Browser(product, ADMIN_KEY)
    (main,) = Outline(operator.call("GET", "/ui/history?user=u-else").text).all("main")
    assert main["data-user"] == "u-else"
    assert Outline(operator.call("GET", "/ui/history").text).all("select") == []
