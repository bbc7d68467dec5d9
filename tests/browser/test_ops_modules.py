"""What the operators' desk reckons with, asked in the browser that runs it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.faults import Faults
from tests.browser.people import People
from tests.integration.product import Product

KEY = "key_01a20320-a200-7000-9590-97e0d49e7844"
NTF = "ntf_01a20320-a200-7000-9590-97e0d49e7844"
ITEM = "itm_01a20320-a200-7000-9590-97e0d49e7844"


@pytest.fixture(scope="module")
def ask(browser: Any, product: Product) -> Iterator[Callable[..., Any]]:
    """Runs an expression with a module of the desk as `it`, all of them on one page."""
    faults = Faults()
    people = People(browser, product, faults)
    page = people.page_for(None, "/ui/ops#keys")
    yield lambda module, expression, given=None: page.evaluate(
        f"async (given) => {{ const it = await import('/static/ui/ops/{module}.js'); return {expression}; }}", given
    )
    people.close()
    assert faults.unforgiven == []


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([[0, 0]], []),
        ([[0, 0], [60_000, 30], [120_000, 90]], [30, 60]),
        # Two looks that are nearly one.
        ([[0, 0], [500, 9], [60_000, 30]], [30]),
        # Counters that begin anew.
        ([[0, 50], [60_000, 80], [120_000, 1], [180_000, 11]], [10]),
    ],
)
def test_rates_are_per_minute(ask, looks, expected):
    expression = (
        "(() => { const r = new it.Rates(); for (const [at, a] of given) r.add(at, {a}); return r.of('a'); })()"
    )
    assert ask("rates", expression, looks) == expected


def test_a_course_is_what_was_seen_and_forgets_what_is_long_ago(ask):
    expression = "(() => { const c = new it.Course(); for (const a of given) c.add({a}); return c.of('a'); })()"
    assert ask("rates", expression, [3, 0, 7]) == [3, 0, 7]
    assert ask("rates", expression, list(range(130))) == list(range(30, 130))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NTF, [NTF]),
        (f"  {NTF.upper()}, {NTF}", [NTF]),
        (f"im2n_{KEY}_0a1b", [KEY]),
        (f'{{"id": "{NTF}", "item": "{ITEM}"}}', [NTF, ITEM]),
        (f"x{NTF}", []),
        ("ntf_01a20320", []),
        ("u-17", []),
    ],
)
def test_ids_are_found_in_what_was_pasted(ask, text, expected):
    assert ask("ids", "it.idsIn(given)", text) == expected


def test_an_id_tells_when_it_was_made(ask):
    assert ask("ids", "it.madeAt(given)", "ntf_01a216a6-189f-705a-b754-3793dcd8ea69") == "2026-11-26T06:58:33.759Z"
