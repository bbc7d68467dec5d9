"""Runs all checks over the words, and names the cells that fail."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.domain.events import EventType
from app.domain.notifications import DIGEST
from app.rendering.catalogues import runs_from_right
from app.rendering.lint import catalogue, rendered, sources
from app.rendering.lint.catalogue import Sentences
from app.rendering.lint.fault import LAYOUT, Cell, Fault, cell_of
from app.rendering.occasion import Occasion
from app.rendering.render import Content, Renderer, RenderError
from app.rendering.samples import Sample, samples

ZONE = "Europe/Berlin"
Document = Callable[[str, Occasion, Content], object]
"""What a channel's receiver would get."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: the renderer, and the sources that it and its translators work from."""

    renderer: Renderer
    templates: Path
    translations: Path
    sentences: Sentences
    types: Mapping[str, EventType]
    """Those that events have."""
    kinds: Mapping[str, Collection[str]]
    """The kinds of channels that each type of notification goes to."""
    channels: Mapping[str, str]
    """The kind of each channel."""
    document: Document


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cells are rendered; an empty choice is all of them."""

    types: Sequence[str] = ()
    channels: Sequence[str] = ()
    locales: Sequence[str] = ()


@dataclass(slots=True)
class Verdict:
    """What was found, and how much was looked at."""

    faults: list[Fault] = field(default_factory=list)
    cells: int = 0
    texts: int = 0


def cells(subject: Subject, wanted: Wanted) -> list[Cell]:
    """The cells there are, of those that are wanted."""
    return [
        Cell(type_, channel, locale)
        for type_, kinds in subject.kinds.items()
        for channel, kind in subject.channels.items()
        for locale in subject.renderer.locales
        if kind in kinds
        and type_ in (wanted.types or (type_,))
        and channel in (wanted.channels or (channel,))
        and locale in (wanted.locales or (locale,))
    ]


def run(subject: Subject, wanted: Wanted, told: Callable[[int], None]) -> Verdict:
    """Look at everything that is wanted; `told` hears how many cells are done."""
    verdict = Verdict()
    verdict.faults += _of_sources(subject)
    verdict.faults += catalogue.faults(subject.translations, subject.sentences)
    for cell in cells(subject, wanted):
        for faults in _of_cell(subject, cell):
            verdict.faults += faults
            verdict.texts += 1
        verdict.cells += 1
        told(verdict.cells)
    verdict.faults = sorted(set(verdict.faults))
    return verdict


def _of_sources(subject: Subject) -> Iterator[Fault]:
    for path in sorted(subject.templates.rglob("*.*")):
        file = path.relative_to(subject.templates).as_posix()
        if path.suffix not in {".txt", ".html"}:
            continue
        type_, source = file.partition("/")[0], path.read_text("utf-8")
        findings = [*sources.of_source(path.name, source)]
        if type_ != LAYOUT:
            known = subject.types.get(type_)
            first = next(samples(type_, subject.types)).occasion
            findings += sources.of_names(
                subject.renderer.environment,
                source,
                known=subject.renderer.names(first, "mail"),
                fields=first.data.keys() if known is None else _fields(known),
                type_=type_,
            )
        for one in findings:
            yield Fault(cell_of(file), f"{file}, line {one.line}", one.kind, one.message, one.advice)


def _fields(known: EventType) -> set[str]:
    return {*known.required, *known.optional}


def _of_cell(subject: Subject, cell: Cell) -> Iterator[list[Fault]]:
    """What is wrong with each text of a cell."""
    kind = subject.channels[cell.channel]
    for sample in samples(cell.type, subject.types):
        try:
            content = _content(subject, cell, kind, sample)
            document = subject.document(cell.channel, sample.occasion, content)
            problems = [
                *rendered.of_content(
                    content, sample.occasion.data, plain=sample.is_plain, rtl=runs_from_right(cell.locale)
                ),
                *(rendered.of_document(document, content) if sample.is_plain else ()),
            ]
        except RenderError as error:
            yield [Fault(cell, error.detail, "render", f"cannot be made of {sample.about}", "mend the template")]
            continue
        yield [Fault(cell, f"{cell.type}/{piece}", name, message, advice) for piece, name, message, advice in problems]


def _content(subject: Subject, cell: Cell, kind: str, sample: Sample) -> Content:
    wanted = {"kind": kind, "channel": cell.channel, "locale": cell.locale, "timezone": ZONE}
    if cell.type == DIGEST:
        return subject.renderer.render_digest(sample.occasion, sample.carried, **wanted)
    return subject.renderer.render(sample.occasion, **wanted)
