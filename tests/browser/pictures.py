"""Pictures of all pages, in all their looks, of a product of its own that is filled with samples."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.browser import letters, sample
from tests.browser.chromium import ARGUMENTS, executable, what_is_missing
from tests.browser.pages import LOOKS, PAGES, UNSUBSCRIBE, VERIFY, Look, Page
from tests.integration.product import Product

_HEIGHT = 900
_SETTLED_MS = 600
_LOADING = "[aria-busy=true]"
_READERS = {"en": "u-17", "ar": "u-18"}


def write(folder: Path) -> int:
    """Write the pictures, and a page that shows them side by side; 1 where a page or a browser is not there."""
    if word := what_is_missing():
        print(word, file=sys.stderr)
        return 1
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # it is there only for developers

    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as data, Product(Path(data), **sample.SETTINGS) as product, sync_playwright() as driver:
        links = {locale: _prepare(product, locale) for locale in _READERS}
        browser = driver.chromium.launch(executable_path=executable(), args=list(ARGUMENTS))
        missing = list(take(product, browser, folder, PAGES, LOOKS, links))
        browser.close()
    for line in missing:
        print(line, file=sys.stderr)
    print(folder / "index.html")
    return 1 if missing else 0


def take(
    product: Product,
    browser: Any,
    folder: Path,
    pages: Sequence[Page],
    looks: Sequence[Look],
    links: Mapping[str, Mapping[str, str]],
) -> Iterator[str]:
    """Take a picture of each page in each look, and write the page that shows them; yields what could not be taken.

    `links` are, by language, the paths that stand for those in mails.
    """
    taken: dict[str, list[str]] = {}
    for look in looks:
        for page in pages:
            path = links[look.locale].get(page.path, page.path)
            name = f"{page.name}-{look.name}.png"
            if fault := _picture(product, browser, page, path, look, folder / name):
                yield fault
            else:
                taken.setdefault(page.name, []).append(name)
    (folder / "index.html").write_text(_index(taken), "utf-8")


def _prepare(product: Product, locale: str) -> dict[str, str]:
    """Let things happen to the reader of a language; the links in their mails."""
    reader = _READERS[locale]
    sample.fill(product, reader, locale=locale)
    address = f"new-{reader}@example.com"
    unsubscribe = letters.link(product, sample.address_of(reader), "/unsubscribe/")
    asker = f"{reader}-asks"
    product.set_user(asker, locale=locale)
    token = product.call("POST", f"/users/{asker}/token").json()["token"]
    changed = product.call("PATCH", f"/preferences/{asker}", token=token, json={"contacts": {"email": address}})
    assert changed.status_code == 200, changed.text
    return {UNSUBSCRIBE: unsubscribe, VERIFY: letters.link(product, address, "/ui/verify/")}


def _picture(product: Product, browser: Any, page: Page, path: str, look: Look, file: Path) -> str | None:
    context = browser.new_context(
        locale=look.locale,
        color_scheme=look.scheme,
        viewport={"width": look.width, "height": _HEIGHT},
        timezone_id="Europe/Berlin",
    )
    try:
        if token := _tokens(product, look)[page.who]():
            context.request.post(f"{product.url}/ui/session", data={"token": token})
        tab = context.new_page()
        answer = tab.goto(product.url + path)
        if answer is None or not answer.ok:
            return f"{page.name}: nothing at {path}"
        tab.wait_for_selector(_LOADING, state="detached")
        if page.press:
            tab.locator(page.press).first.click()
        tab.wait_for_timeout(_SETTLED_MS)
        tab.screenshot(path=file, full_page=page.press is None)
    finally:
        context.close()
    return None


def _tokens(product: Product, look: Look) -> Mapping[str, Callable[[], str | None]]:
    """What each kind of person signs in with."""
    reader = _READERS[look.locale]
    return {
        "reader": lambda: str(product.call("POST", f"/users/{reader}/token").json()["token"]),
        "operator": lambda: product.admin_key,
        "stranger": lambda: None,
    }


def _index(taken: Mapping[str, Sequence[str]]) -> str:
    rows = "".join(
        f"<h2>{escape(page)}</h2>\n<p>{''.join(_figure(name) for name in names)}</p>\n" for page, names in taken.items()
    )
    style = "body { font-family: sans-serif } p { display: flex; gap: 16px; overflow-x: auto } img { height: 640px }"
    head = f'<meta charset="utf-8"><title>Pages</title><style>{style}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n<h1>Pages</h1>\n{rows}</body></html>\n'


def _figure(name: str) -> str:
    return f'<a href="{escape(name)}"><img src="{escape(name)}" alt="{escape(name)}" loading="lazy"></a>'
