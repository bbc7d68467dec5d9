"""What goes with the inbox component: its words in every language, its English by heart, and the page that shows it."""

import json
import re
from gettext import NullTranslations
from pathlib import Path

import pytest
from babel.core import Locale

from app.rendering.inbox_words import inbox_words
from tests.fakes.product import build_product
from tests.unit.test_rendering_catalogues import LANGUAGES
from tests.unit.test_verify_page import Outline

COMPONENT = Path("app/web/static/im2-inbox.js").read_text()


def words(product, locale):
    answer = product.call("GET", f"/ui/words/inbox/{locale}.json", None)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return answer.get_json()


def test_the_words_are_those_of_the_catalogue(product):
    found = words(product, "de")
    assert (found["locale"], found["words"]["mark_read"]) == ("de", "Als gelesen markieren")
    assert found["plurals"]["bell"]["other"] == "Benachrichtigungen, {count} ungelesen"


@pytest.mark.parametrize(
    ("asked", "used"), [("de-AT", "de"), ("pt-BR", "pt-BR"), ("xx", "en"), ("zh-CN", "zh-Hans"), ("zh_Hans", "zh-Hans")]
)
def test_a_language_that_is_not_there_is_stood_in_for(product, asked, used):
    assert words(product, asked)["locale"] == used


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_form_for_every_category_that_counting_needs(product, language):
    found = words(product, language)
    category_of = Locale.parse(language).plural_form
    for forms in found["plurals"].values():
        assert {category_of(count) for count in range(1000)} | {"other"} <= set(forms)
        assert all("%(" not in form for form in forms.values())
        assert "{count}" in forms["other"]
    assert all(found["words"].values())


def test_polish_has_the_forms_of_the_right_numbers(product):
    forms = words(product, "pl")["plurals"]["bell"]
    assert forms["few"].endswith("{count} nieprzeczytane")
    assert forms["many"].endswith("{count} nieprzeczytanych")


@pytest.mark.parametrize("name", ["..", "de%2f", "de'", "x", "d" * 60])
def test_what_can_not_be_a_language_has_no_words(product, name):
    assert product.call("GET", f"/ui/words/inbox/{name}.json", None).status_code == 404


def test_the_words_are_kept_and_asked_for_again_by_their_tag(product):
    first = product.call("GET", "/ui/words/inbox/fr.json", None)
    assert "max-age" in first.headers["Cache-Control"]
    again = product.call("GET", "/ui/words/inbox/fr.json", None, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")


def test_pages_of_other_origins_get_the_component_and_its_words(tmp_path, migrated):
    product = build_product(tmp_path, migrated, {"CORS_ORIGINS": "https://im2.example"})
    for path in ("/static/im2-inbox.js", "/ui/words/inbox/fr.json"):
        answer = product.call("GET", path, None, headers={"Origin": "https://im2.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "https://im2.example"


def test_the_english_in_the_component_is_the_english_of_the_service(product):
    english = words(product, "en")
    literal = re.search(r"^const ENGLISH = (\{.*?^\});", COMPONENT, re.DOTALL | re.MULTILINE)
    assert literal
    written = re.findall(r"""(\w+): (?:'([^']*)'|"([^"]*)")""", literal[1].partition("plurals")[0])
    known = {name: single or double for name, single, double in written}
    assert known.pop("locale") == "en"
    assert known == english["words"]
    assert "{count} unread" in literal[1]


def test_what_it_says_is_known_to_it_by_name():
    said = set(re.findall(r"say\('(\w+)'\)", COMPONENT))
    assert said <= set(inbox_words("en", NullTranslations())["words"])


def test_the_demo_needs_no_session_and_has_nothing_inline(product):
    answer = product.call("GET", "/ui/demo?lang=ja", None)
    page = Outline(answer.text)
    assert page.all("html") == [{"lang": "ja", "dir": "ltr"}]
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert all(script.get("src") for script in page.all("script"))
    assert " style=" not in answer.text
    for link in [one["src"] for one in page.all("script")]:
        assert product.call("GET", "/" + link.removeprefix("../"), None).status_code == 200


def test_the_words_are_json_as_the_component_reads_it(product):
    text = product.call("GET", "/ui/words/inbox/ar.json", None).get_data(as_text=True)
    assert json.loads(text)["words"]["close"] == "إغلاق"
