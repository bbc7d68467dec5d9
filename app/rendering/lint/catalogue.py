"""Whether a catalogue says all that the templates say: every sentence, in every form, with the same gaps to fill."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from app.rendering.catalogues import normalise
from app.rendering.lint.fault import Cell, Fault, cell_of

_GAP = re.compile(r"%\(\w+\)s|%%|\{\w+\}")
"""What is filled in: by us, and in braces by the scripts of pages."""
_OURS = ("app", "templates")
Id = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sentences:
    """What is said, and in which files."""

    files: Mapping[Id, tuple[str, ...]]

    @classmethod
    def of(cls, root: Path, mapping: Path) -> "Sentences":
        """What the sources under a root say, read as the mapping for pybabel has it."""
        with mapping.open() as file:
            methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]

        # What cannot be read is told of where sources are looked at.
        options = {pattern: {**chosen, "silent": "true"} for pattern, chosen in options.items()}

        def is_ours(folder: str | Path) -> bool:
            return Path(folder).relative_to(root).parts[:1] in ((), *((name,) for name in _OURS))

        files: defaultdict[Id, list[str]] = defaultdict(list)
        for file_name, _line, said, _comments, _context in extract_from_dir(
            root, methods, options, directory_filter=is_ours
        ):
            if said:
                files[said if isinstance(said, str) else tuple(said)].append(Path(file_name).as_posix())
        return cls({said: tuple(dict.fromkeys(where)) for said, where in files.items()})

    def cell(self, said: Id, locale: str) -> Cell:
        """The first cell in that language that lacks a sentence."""
        where = self.files.get(said, ())
        templates = [name.removeprefix("templates/") for name in where if name.startswith("templates/")]
        return cell_of(templates[0], locale) if templates else Cell(locale=locale)


def faults(translations: Path, sentences: Sentences) -> Iterator[Fault]:
    """What is wrong with each catalogue in a folder."""
    for path in sorted(translations.glob("*/LC_MESSAGES/messages.po")):
        folder = path.parts[-3]
        with path.open("rb") as file:
            catalogue = read_po(file, locale=folder)
        yield from _Check(catalogue, sentences, normalise(folder), path.relative_to(translations).as_posix()).run()


@dataclass(frozen=True, slots=True)
class _Check:
    catalogue: Catalog
    sentences: Sentences
    locale: str
    file: str

    def run(self) -> Iterator[Fault]:
        known: dict[Id, Message] = {_id(message): message for message in self.catalogue if message.id}
        for said in self.sentences.files:
            message = known.get(said)
            if message is None:
                yield self._fault(said, "missing", "is not translated", "translate it (docs/extending.md)")
            else:
                yield from self._of(said, message)
        for said in known.keys() - self.sentences.files.keys():
            yield self._fault(said, "left over", "is said nowhere any more", "take it out")

    def _of(self, said: Id, message: Message) -> Iterator[Fault]:
        given = (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))
        if message.fuzzy:
            yield self._fault(said, "fuzzy", "is marked as fuzzy", "read it again, and take the mark away")
        if not all(form.strip() for form in given):
            yield self._fault(said, "missing", "is translated by nothing", "translate it (docs/extending.md)")
            return
        wanted = self.catalogue.num_plurals if message.pluralizable else 1
        if len(given) != wanted:
            yield self._fault(said, "plurals", f"has {len(given)} forms instead of {wanted}", "give each of them")
        gaps = sorted(_GAP.findall(_forms(said)[-1]))
        for form in given:
            if sorted(_GAP.findall(form)) != gaps or "%" in _GAP.sub("", form):
                named = ", ".join(gaps) or "none"
                yield self._fault(said, "placeholders", f"has other placeholders than {named}", "fill the same gaps")
            if set(_GAP.sub("", form)) & set("<>&{}"):
                yield self._fault(said, "markup", "holds markup", "a translation is text alone")

    def _fault(self, said: Id, kind: str, message: str, advice: str) -> Fault:
        quoted = _forms(said)[0]
        return Fault(self.sentences.cell(said, self.locale), self.file, kind, f"“{quoted}” {message}", advice)


def _id(message: Message) -> Id:
    return message.id if isinstance(message.id, str) else tuple(message.id)


def _forms(text: Id) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)
