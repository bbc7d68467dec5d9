"""The product on what comes along with it, and a real browser in front of it.

For a test: `page_for(user, path, locale=, scheme=, width=)` opens a tab, `faults` is what the browser complains about,
`axe(page, within=)` fails on what axe-core finds, and `product` is the service behind all of it. What
`page.wait_for_function` gets has to be a function (`() => …`): a bare expression would have to be evaluated, which the
pages' policy forbids.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.browser import sample
from tests.browser.axe import SCRIPT, faults_of
from tests.browser.chromium import ARGUMENTS, executable, what_is_missing
from tests.browser.elsewhere import Elsewhere
from tests.browser.faults import Faults
from tests.browser.people import PATIENCE_MS, PageFor, People
from tests.integration.product import Product

_SAYS_WHY = "test_rig.py"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what imports Playwright where there is none; one file stays, and says what is missing."""
    is_left_out = collection_path.suffix == ".py" and collection_path.name != _SAYS_WHY and what_is_missing()
    return True if is_left_out else None


@pytest.fixture(scope="package")
def elsewhere() -> Iterator[Elsewhere]:
    """Another site, whose pages may use the API."""
    with Elsewhere() as site:
        yield site


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere) -> Iterator[Product]:
    """The product with its own broker and SQLite, which gives up within seconds; every test has users of its own."""
    settings = {"RELAY_TICK_SECONDS": "1", "RELAY_GRACE_SECONDS": "5", "CORS_ORIGINS": elsewhere.origin}
    with Product(tmp_path_factory.mktemp("browser"), **sample.SETTINGS, **settings) as product:
        yield product


# Not for the whole session: while Playwright is there, no other test in this process could run an event loop.
@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium; where there is none, the word that nothing was looked at."""
    if word := what_is_missing():
        _cannot(word)
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415  # they are there only for developers

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def faults() -> Faults:
    """What browsers complain about; nothing, when the test is over, but what it has forgiven."""
    return Faults()


@pytest.fixture
def people(browser: Any, product: Product, faults: Faults) -> Iterator[People]:
    """Everybody who looks at a page in this test."""
    people = People(browser, product, faults)
    yield people
    people.close()
    assert faults.unforgiven == []


@pytest.fixture
def page_for(people: People) -> PageFor:
    """Opens a page for somebody, in a language, a colour scheme and a width."""
    return people.page_for


@pytest.fixture
def user() -> str:
    """Somebody nobody has heard of yet."""
    return f"u-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def axe() -> Callable[..., None]:
    """Fails on serious and critical faults of a page as it is now, or of a part of it."""
    if not SCRIPT.is_file():
        _cannot("no axe-core (npm ci --prefix tests/browser), so nobody judged the pages")

    def check(page: Any, within: str | None = None) -> None:
        assert faults_of(page, within) == []

    return check


def _cannot(word: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(word)
    pytest.skip(word)
