"""Overrides as files, in a folder of their type, and in it of a channel, of a language, or of both.

job.failed/short.txt                everywhere
job.failed/email/body.html          in mails
job.failed/email/de/subject.txt     in German mails
job.failed/de/subject.txt           in German, everywhere
"""

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.rendering.catalogues import normalise
from app.rendering.overrides.override import ANY, MOST_BYTES, Override, Place, pieces_of

_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_MOST_FILES = 1_000
_DEEPEST = 3

Signature = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class Found:
    """What lies in a folder: overrides, and what cannot be one, by file."""

    overrides: dict[Place, Override] = field(default_factory=dict)
    strangers: dict[str, str] = field(default_factory=dict)


def signature(folder: Path) -> Signature:
    """Something that differs when a file was changed, added or removed."""
    return tuple(sorted(_stamped(folder)))


def _stamped(folder: Path) -> Iterator[tuple[str, int, int]]:
    for path in _files(folder):
        try:
            state = path.stat()
        except OSError:
            yield str(path), 0, 0
        else:
            yield str(path), state.st_mtime_ns, state.st_size


def read(folder: Path, kinds: Mapping[str, str], locales: Collection[str], types: Collection[str]) -> Found:
    """Every override in the folder; `kinds` has the kind of each channel, `locales` the languages there are.

    `types` are those that can be worded.
    """
    found = Found()
    sources: dict[Place, dict[str, str]] = {}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            place = _place(path.relative_to(folder).parts, kinds, locales, types)
            sources.setdefault(place, {})[path.name] = _source(path)
        except ValueError as fault:
            found.strangers[name] = str(fault)
    for place, pieces in sources.items():
        found.overrides[place] = Override(place, pieces, f"{place}@file-{_hash(pieces)}", "file")
    return found


def known_locale(locale: str, locales: Collection[str]) -> str | None:
    """Its usual spelling, if there are texts in that language."""
    if not _LOCALE.fullmatch(locale):
        return None
    tag = normalise(locale)
    return tag if tag.partition("-")[0] in {known.partition("-")[0] for known in locales} else None


def _files(folder: Path) -> Iterator[Path]:
    """The files below it, but for what is hidden or an editor's. Links are followed, as mounted settings are links."""
    count = 0
    for at, folders, names in os.walk(folder, followlinks=True):
        depth = len(Path(at).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < _DEEPEST else []
        for name in sorted(names):
            if name.startswith(".") or name.endswith("~"):
                continue
            count += 1
            if count > _MOST_FILES:
                return
            yield Path(at, name)


def _place(parts: tuple[str, ...], kinds: Mapping[str, str], locales: Collection[str], types: Collection[str]) -> Place:
    """Where the file of that path applies. Raises ValueError, saying what is wrong with the path."""
    type_, *between, piece = parts if len(parts) > 1 else ("", *parts)
    if type_ not in types:
        raise ValueError(f"must be in a folder of a type: {', '.join(types)}")
    channel = between.pop(0) if between and (between[0] in kinds or between[0] == ANY) else ANY
    locale = between.pop(0) if between else ANY
    tag = ANY if locale == ANY else known_locale(locale, locales)
    if tag is None or between:
        named = between[0] if between else locale
        raise ValueError(
            f"{named} must be a channel ({', '.join(kinds)}) or a language ({', '.join(locales)}), in this order"
        )
    allowed = pieces_of(kinds.get(channel))
    if piece not in allowed:
        raise ValueError(f"must be one of {', '.join(allowed)}")
    return Place(type_, channel, tag)


def _source(path: Path) -> str:
    if not path.is_file():
        raise ValueError("is no ordinary file")
    try:
        raw = path.read_bytes()
        if len(raw) > MOST_BYTES:
            raise ValueError(f"has more than {MOST_BYTES:,} bytes")
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


def _hash(pieces: Mapping[str, str]) -> str:
    said = "\0".join(f"{name}\0{pieces[name]}" for name in sorted(pieces))
    return hashlib.sha256(said.encode()).hexdigest()[:12]
