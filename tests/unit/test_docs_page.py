"""The page about the API: complete, local, and under a strict policy."""

import re

import pytest


def test_everything_the_page_asks_for_is_served_from_here(product):
    page = product.client.get("/docs")
    links = re.findall(r'(?:src|href)="([^"]+)"', page.get_data(as_text=True))
    assert len(links) == 4
    for link in links:
        assert link.startswith("/docs/")
        assert product.client.get(link).status_code == 200


def test_no_script_or_style_is_in_the_page_itself(product):
    page = product.client.get("/docs")
    text = page.get_data(as_text=True)
    assert re.findall(r"<script[^>]*>([^<]*)</script>", text) == ["", ""]
    assert "<style" not in text
    assert " style=" not in text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", ["index.html", "swagger-ui.js", "..%2Fdocs_page.py", "../docs_page.py"])
def test_no_other_file_is_served(product, name):
    assert product.client.get(f"/docs/{name}").status_code == 404
