"""What a rendered text has to be: whole, twice the same in HTML and in plain text, and never more than text."""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from app.rendering.render import MOST_TITLE, Content
from app.rendering.text import ELLIPSIS

MOST_HTML_BYTES = 100_000
"""Gmail shows the rest of a longer mail only to who asks for it (it clips at 102 KB)."""
_QUIET = frozenset({"head", "style", "title"})
_LEFTOVER = re.compile(r"%\(\w+\)s|\bduration-\w+|\bdigital-\w+")
_FORBIDDEN = frozenset({"script", "img", "iframe", "form", "object", "embed", "svg", "link", "base"})
Problem = tuple[str, str, str, str]
"""Piece, kind, message, advice."""


class _Page(HTMLParser):
    """The elements of a mail, the text that is seen, and where its links go."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.links: list[str] = []
        self._seen: list[str] = []
        self._quiet = 0
        self.feed(html)

    @property
    def text(self) -> str:
        return _flat(" ".join(self._seen))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.append((tag, given))
        self._quiet += tag in _QUIET
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in _QUIET

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self._seen.append(data)


def of_content(content: Content, data: Mapping[str, Any], *, plain: bool, rtl: bool) -> Iterator[Problem]:
    """What is wrong with a text. `plain` says that its data are ordinary, and have to fit and to be told."""
    text = "short.txt" if content.html is None else "body.txt"
    for piece, words in (("subject.txt", content.title), (text, content.text)):
        if not words.strip():
            yield piece, "empty", "says nothing", "say what happened"
    if plain and len(content.title) >= MOST_TITLE:
        yield "subject.txt", "limit", f"the title of the sample is cut at {MOST_TITLE} letters", "make it shorter"
    if plain and (found := _LEFTOVER.search(f"{content.title}\n{content.text}\n{content.html}")):
        yield text, "leftover", f"shows {found[0]}", "fill the gap"
    if content.html is not None:
        yield from _of_html(content, content.html, data, plain=plain, rtl=rtl)


def of_document(document: object, content: Content) -> Iterator[Problem]:
    """What is wrong with what a receiver would get of an ordinary text: the channel has to cut nothing."""
    if ELLIPSIS in f"{content.title}{content.text}":
        return
    for text in _texts(document):
        kept, cut, _ = text.partition(ELLIPSIS)
        if cut:
            yield "short.txt", "limit", f"the channel cuts the sample short after “{kept[-40:]}”", "make it shorter"
            return


def _of_html(content: Content, html: str, data: Mapping[str, Any], *, plain: bool, rtl: bool) -> Iterator[Problem]:
    page = _Page(html)
    bad = sorted({tag for tag, _ in page.elements if tag in _FORBIDDEN})
    scripts = [name for _, found in page.elements for name in found if name.startswith("on")]
    if bad or scripts or any(link.strip().lower().startswith(("javascript:", "data:")) for link in page.links):
        yield (
            "body.html",
            "hostile",
            f"an event makes more than text ({', '.join(bad + scripts) or 'a link'})",
            "escape it",
        )
    if rtl and not any(tag == "html" and found.get("dir") == "rtl" for tag, found in page.elements):
        yield "body.html", "direction", "does not say that it runs from right to left", 'write dir="{{ dir }}"'
    if len(html.encode()) > MOST_HTML_BYTES and plain:
        yield "body.html", "limit", f"gives more than {MOST_HTML_BYTES:,} bytes", "show less, and link to the rest"
    if plain:
        yield from _of_twin(page, _flat(content.text), data)


def _of_twin(page: _Page, text: str, data: Mapping[str, Any]) -> Iterator[Problem]:
    """What the HTML tells and its plain twin does not."""
    facts = [_flat(value) for value in data.values() if isinstance(value, str)]
    for fact in (*facts, *page.links):
        if (fact in page.text or fact in page.links) and fact not in text:
            yield "body.txt", "twin", f"does not tell {fact[:60]}, which the HTML does", "tell it in body.txt too"
            return


def _texts(document: object) -> Iterator[str]:
    match document:
        case str():
            yield document
        case Mapping():
            for value in document.values():
                yield from _texts(value)
        case list() | tuple():
            for value in document:
                yield from _texts(value)


def _flat(text: str) -> str:
    return " ".join(text.split())
