"""Types that operators add, over HTTP: submitted, explained, worded, wished for, and gone again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.lint import ROOT, subject_of
from app.rendering.lint import gate
from app.rendering.lint.gate import Wanted
from tests.fakes.product import Product, build_product
from tests.unit.test_event_file import GOOD
from tests.unit.test_unsubscribe_page import ONE_CLICK
from tests.unit.test_verify_page import Outline

USER = "u-1"
TYPE = "billing.overdue"
EVENT = {"type": TYPE, "recipients": [USER], "data": {"invoice": "INV-9", "amount": 99.5}}
PREFERENCES = f"/preferences/{USER}"


@pytest.fixture
def product(tmp_path: Path, migrated: bytes) -> Iterator[Product]:
    """The product with one more type of event."""
    (tmp_path / "events.toml").write_text(GOOD, "utf-8")
    product = build_product(tmp_path, migrated)
    yield product
    product.services.close()


def without_it(product: Product) -> Product:
    """The same installation, started again after the type was taken away."""
    folder = product.services.settings.data_dir
    product.services.close()
    (folder / "events.toml").unlink()
    return build_product(folder, None)


def test_an_event_of_it_is_accepted_with_what_is_left_out_filled_in(product: Product):
    accepted = product.call("POST", "/events", json=EVENT)
    assert accepted.status_code == 202
    event = product.call("GET", f"/events/{accepted.json['id']}").json
    assert event["data"] == {"invoice": "INV-9", "amount": 99.5, "days": 14}
    assert (event["subject_key"], event["priority"]) == ("INV-9", "high")
    (row,) = event["notifications"]
    assert (row["channel"], row["status"]) == ("inapp", "pending")


def test_what_is_wrong_with_its_data_is_said_by_field(product: Product):
    answer = product.call("POST", "/events", json={**EVENT, "data": {"invoice": " ", "amount": "x", "days": 1.5}})
    assert answer.status_code == 422
    assert set(answer.json["errors"]["json"]["data"]) == {"invoice", "amount", "days"}
    unknown = product.call("POST", "/events", json={**EVENT, "type": "billing.gone"})
    assert TYPE in unknown.json["errors"]["json"]["type"][0]


def test_it_is_listed_with_its_schema_and_in_the_description(product: Product):
    item = product.call("GET", "/event-types").json["items"][-1]
    assert (item["name"], item["severity"], item["subject_field"]) == (TYPE, "high", "invoice")
    assert (item["defaults"]["email"], item["defaults"]["slack"], item["locked"]) == ("daily", "off", [])
    assert item["schema"]["required"] == ["invoice", "amount"]
    document = product.call("GET", "/openapi.json").json
    assert "BillingOverdueData" in document["components"]["schemas"]
    assert TYPE in document["components"]["schemas"]["EventRequest"]["properties"]["type"]["enum"]


def test_explain_names_it_in_the_readers_words(product: Product):
    product.call("PUT", PREFERENCES, json={"locale": "de", "contacts": {"email": "ana@b.example"}})
    decisions = product.call("POST", "/events/explain", json=EVENT).json["decisions"]
    shown = {one["channel"]: one for one in decisions}
    assert (shown["inapp"]["decision"], shown["email"]["decision"]) == ("send", "hold")
    assert shown["inapp"]["preview"]["subject"] == "Überfällige Rechnungen: INV-9"
    assert "Rechnung: INV-9\namount: 99,5\n" in shown["inapp"]["preview"]["text"]


@pytest.mark.parametrize("channel", ["discord", "email", "inapp", "opsgenie", "pagerduty", "slack", "webhook"])
def test_every_channel_has_words_for_it_without_a_template(product: Product, channel: str):
    made = product.call("POST", "/templates/preview", json={"type": TYPE, "channel": channel, "locale": "fr-CA"}).json
    assert made["subject"] == "Overdue invoices : INV-7"
    assert "INV-7" in made["text"]
    assert (made["html"] is not None) is (channel == "email")


def test_it_can_be_worded_like_any_other(product: Product):
    path = f"/templates/{TYPE}/_any/en"
    saved = product.call("PUT", path, json={"subject.txt": "{{ data.invoice }} is {{ data.days }} days late"})
    assert saved.status_code == 200, saved.json
    bad = product.call("PUT", path, json={"subject.txt": "{{ data.nothing.more }}"})
    assert bad.status_code == 422
    made = product.call("POST", "/templates/preview", json={"type": TYPE, "channel": "slack", "locale": "en"}).json
    assert made["subject"] == "INV-7 is 14 days late"


def test_wishes_about_it_are_kept(product: Product):
    wishes = {"events": {TYPE: {"inapp": "off", "email": "hourly"}}, "contacts": {"email": "ana@b.example"}}
    body = product.call("PUT", PREFERENCES, json=wishes).json
    assert body["effective"][TYPE]["email"] == {"rhythm": "hourly", "source": "user", "locked": False}
    event = product.call("POST", "/events", json=EVENT).json["id"]
    rows = {row["channel"]: row for row in product.call("GET", f"/events/{event}").json["notifications"]}
    assert (rows["inapp"]["reason"], rows["email"]["status"]) == ("opted_out", "held")
    assert product.call("GET", f"/history/{USER}?type={TYPE}").json["items"]
    assert product.call("GET", f"/notifications?type={TYPE}").json["items"]


def test_the_link_in_its_mail_turns_it_off_and_says_what(product: Product):
    product.call("PUT", PREFERENCES, json={"locale": "de", "contacts": {"email": "ana@b.example"}})
    link = product.unsubscribing(USER, TYPE)
    page = product.call("GET", link, None)
    assert (page.status_code, "Überfällige Rechnungen" in page.text) == (200, True)
    assert Outline(page.text).all("form")
    assert product.call("POST", link, None, data=ONE_CLICK).status_code == 200
    assert product.call("GET", PREFERENCES).json["events"] == {TYPE: {"email": "off"}}


def test_metrics_count_it(product: Product):
    product.call("POST", "/events", json=EVENT)
    text = product.call("GET", "/metrics").text
    assert f'notifications_accepted_total{{type="{TYPE}"}} 1.0' in text
    assert "notifications_unaccounted 0.0" in text


def test_when_it_is_taken_away_nothing_of_it_breaks(product: Product):
    wishes = {"events": {TYPE: {"email": "hourly"}, "job.failed": {"email": "daily"}}}
    product.call("PUT", PREFERENCES, json={**wishes, "contacts": {"email": "ana@b.example"}})
    event = product.call("POST", "/events", json=EVENT).json["id"]
    path = f"/templates/{TYPE}/_any/en"
    assert product.call("PUT", path, json={"subject.txt": "{{ data.invoice }}"}).status_code == 200
    product = without_it(product)
    try:
        assert product.call("POST", "/events", json=EVENT).status_code == 422
        shown = product.call("GET", f"/events/{event}").json
        assert {row["channel"] for row in shown["notifications"]} == {"inapp", "email"}
        (item, *_) = product.call("GET", f"/history/{USER}").json["items"]
        assert (item["type"], bool(item["because"])) == (TYPE, True)
        body = product.call("GET", PREFERENCES).json
        assert body["events"] == {"job.failed": {"email": "daily"}}
        assert product.call("PUT", PREFERENCES, json=body).status_code == 200
        assert product.call("PATCH", PREFERENCES, json={"locale": "de"}).status_code == 200
        assert product.call("GET", product.unsubscribing(USER, TYPE), None).status_code == 200
        assert product.call("GET", "/templates").status_code == 200
        assert "notifications_unaccounted 0.0" in product.call("GET", "/metrics").text
        # What is open goes out in words that fit anything.
        content = product.services.previews.types.of(TYPE)
        assert (content.priority, content.is_added) == ("normal", True)
    finally:
        product.services.close()


def test_the_gate_passes_in_every_language(product: Product):
    verdict = gate.run(subject_of(product.services.settings, ROOT), Wanted((TYPE,)), lambda _done: None)
    assert [str(fault) for fault in verdict.faults] == []
    assert verdict.cells == 12 * 7
