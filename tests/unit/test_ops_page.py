"""The operators' desk: what its page says, and that it has a word for whatever the API may call something."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.config import Settings
from app.domain.events import EVENT_TYPES, PRIORITIES, RHYTHMS
from app.domain.notifications import LANE_BULK, LANE_CRITICAL, NOTIFICATION_TYPES, OUTCOMES, REASONS, STATUSES
from app.services.identity import SCOPES
from app.web.ops_page import flower
from channels.registry import channel_names
from tests.fakes.product import ADMIN_KEY, Product, build_product
from tests.unit.test_sessions import Browser
from tests.unit.test_verify_page import Outline

_SCRIPTS = Path(__file__).parents[2] / "app" / "web" / "static" / "ui" / "ops"


class Words(HTMLParser):
    """The sentences a page has for its scripts, by name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: dict[str, str] = {}
        self._name: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser names it
        self._name = dict(attrs).get("data-word")

    def handle_data(self, data: str) -> None:
        if self._name:
            self.said[self._name] = self.said.get(self._name, "") + data.strip()

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser names it
        self._name = None


def page_of(product: Product, query: str = "") -> str:
    return str(Browser(product, ADMIN_KEY).call("GET", f"/ui/ops{query}").text)


def test_it_has_a_word_for_whatever_the_api_may_say(product: Product):
    reasons = {reason for group in REASONS.values() for reason in group}
    wanted = {
        *(f"status.{name}" for name in STATUSES),
        *(f"reason.{name}" for name in reasons),
        *(f"outcome.{name}" for name in OUTCOMES),
        *(f"channel.{name}" for name in channel_names()),
        *(f"type.{name}" for name in NOTIFICATION_TYPES),
        *(f"event.{name}" for name in EVENT_TYPES),
        *(f"priority.{name}" for name in PRIORITIES),
        *(f"rhythm.{name}" for name in RHYTHMS),
        *(f"check.{name}" for name in product.call("GET", "/health", None).json["checks"]),
        *(f"lane.{name}" for name in (LANE_CRITICAL, LANE_BULK)),
        *(f"health.{name}" for name in ("ok", "failing", "off")),
        *(f"state.{name}" for name in ("configured", "console", "off")),
        *(f"breaker.{name}" for name in ("closed", "open", "half_open")),
        *(f"operators.{name}" for name in ("used", "none", "refused", "disabled")),
    }
    said = Words(page_of(product)).said
    assert sorted(name for name in wanted if not said.get(name)) == []


def test_each_part_that_is_linked_has_a_template_and_a_script(product: Product):
    page = Outline(page_of(product))
    linked = [link["data-part"] for link in page.all("a") if "data-part" in link]
    templates = {template.get("id") for template in page.all("template")}
    assert len(linked) == 8
    assert {f"part-{name}" for name in linked} <= templates
    assert [name for name in linked if not (_SCRIPTS / f"{name}.js").is_file()] == []


def test_nothing_is_inline_and_all_files_are_there(product: Product):
    page = Outline(page_of(product))
    files = [script["src"] for script in page.all("script")]
    files += [link["href"] for link in page.all("link")]
    for name in files:
        assert product.call("GET", str(name).removeprefix(".."), None).status_code == 200
    assert [attributes for _, attributes in page.found if "style" in attributes] == []


def test_keys_can_be_given_every_scope(product: Product):
    boxes = [field["value"] for field in Outline(page_of(product)).all("input") if field.get("name") == "scopes"]
    assert boxes == list(SCOPES)


def test_its_times_are_those_of_the_browser(product: Product):
    (main,) = Outline(page_of(product)).all("main")
    assert (main["data-zone"], main["data-user"]) == ("", "")


def test_a_key_that_may_less_is_told_what_it_takes(product: Product):
    answer = Browser(product, product.key("users:read")).call("GET", "/ui/ops")
    assert (answer.status_code, "data-part" in answer.text) == (200, False)
    assert "admin scope" in answer.text


def test_the_link_to_flower_is_there_where_it_leads_somewhere(tmp_path: Path, migrated: bytes):
    product = build_product(tmp_path, migrated, {"FLOWER_PORT": "5777"})
    assert {"href": "http://127.0.0.1:5777/", "rel": "noreferrer"} in Outline(page_of(product)).all("a")
    product.services.close()


@pytest.mark.parametrize(
    ("port", "public_url", "expected"),
    [
        ("5777", "http://localhost:8000", "http://127.0.0.1:5777/"),
        ("5777", "http://im2.localhost", "http://127.0.0.1:5777/"),
        ("5777", "http://[::1]:8000/notify", "http://127.0.0.1:5777/"),
        ("5777", "https://im2.example", None),
        ("5777", "http://10.0.0.7:8000", None),
        ("5777", "http://localhost.example", None),
        ("0", "http://127.0.0.1:8000", None),
    ],
)
def test_flower_is_named_only_to_who_is_on_its_machine(port: str, public_url: str, expected: str | None):
    assert flower(Settings.load({"FLOWER_PORT": port, "PUBLIC_URL": public_url})) == expected
