"""Whether an override holds: it is rendered on every occasion it may meet, in the sandbox it will run in."""

import re
from collections.abc import Iterator, Mapping

from app.domain.notifications import DIGEST
from app.rendering.lint import sources
from app.rendering.overrides.override import ANY, Override, Overrides
from app.rendering.render import Content, Renderer, RenderError
from app.rendering.samples import samples

_SCRIPT_LINK = re.compile(r"""\b(?:href|src|action|formaction)\s*=\s*["']?\s*javascript:""", re.IGNORECASE)

Faults = dict[str, list[str]]
"""What is wrong, by piece; each says file, line and fault."""


def faults_of(override: Override, renderer: Renderer, kinds: Mapping[str, str]) -> Faults:
    """What is wrong with it; nothing, when it may be used. `kinds` has the kind of each channel.

    The same rules hold for what is saved and for what lies in files.
    """
    faults = {
        piece: [said] for piece, source in override.sources.items() for said in _of_source(override, piece, source)
    }
    if not faults:
        using = renderer.using(lambda: Overrides({override.place: override}, {}))
        for piece, said in _of_rendering(override, using, kinds):
            faults.setdefault(piece, [said])
    return faults


def _of_source(override: Override, piece: str, source: str) -> Iterator[str]:
    for found in sources.of_source(piece, source):
        # An operator may show a picture of their own, from where they like.
        if found.kind != sources.REMOTE:
            yield f"{override.path(piece)}, line {found.line}: {found.message}"


def _of_rendering(override: Override, renderer: Renderer, kinds: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    place = override.place
    channels = kinds if place.channel == ANY else {place.channel: kinds[place.channel]}
    one_of_each = {kind: channel for channel, kind in channels.items()}
    locales = renderer.locales if place.locale == ANY else (place.locale,)
    for kind, channel in one_of_each.items():
        for locale in locales:
            try:
                for content in _contents(place.type, renderer, kind, channel, locale):
                    yield from _of_content(override, content)
            except RenderError as error:
                yield error.piece, error.detail


def _contents(type_: str, renderer: Renderer, kind: str, channel: str, locale: str) -> Iterator[Content]:
    for sample in samples(type_, renderer.types):
        wanted = {"kind": kind, "channel": channel, "locale": locale, "timezone": "Europe/Berlin"}
        if type_ == DIGEST:
            yield renderer.render_digest(sample.occasion, sample.carried, **wanted)
        else:
            yield renderer.render(sample.occasion, **wanted)


def _of_content(override: Override, content: Content) -> Iterator[tuple[str, str]]:
    """What is wrong with a text although it can be made."""
    text = "short.txt" if content.html is None else "body.txt"
    for piece, words in (("subject.txt", content.title), (text, content.text)):
        if not words.strip():
            yield piece, f"{override.path(piece)}: says nothing"
    if content.html is not None and _SCRIPT_LINK.search(content.html):
        yield "body.html", f"{override.path('body.html')}: a link that an event brings needs |safe_url"
