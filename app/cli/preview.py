"""`preview`: what a channel would be sent, printed; or all of it in every language, as a gallery to look at.

It is in an operator's words where `$DATA_DIR/templates` has some. Those saved over HTTP are in the database, for
`POST /templates/preview` to show.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from app.cli import gallery
from app.config import Settings
from app.configured import overrides_in_files, previews_alone
from app.domain.notifications import OWN_TYPES
from app.services.intake import Invalid
from app.services.previews import Preview, Previews

_BAD_WORDS = 2


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print one preview, or write the gallery; 2 for words that cannot be used, 1 for pictures that failed."""
    overrides, refused = overrides_in_files(settings)
    for one in refused:
        for said in one.faults.values():
            print(f"Not used, as in the service: {one.where}: {'; '.join(said)}", file=sys.stderr)
    previews = previews_alone(settings, overrides)
    words = [word for word in (arguments.type, arguments.channel, arguments.locale) if word is not None]
    if len(words) != (0 if arguments.gallery else 3):
        print("preview: give either TYPE CHANNEL LOCALE or --gallery DIR", file=sys.stderr)
        return _BAD_WORDS
    if arguments.gallery:
        return _gallery(previews, settings, arguments.gallery, arguments.language)
    try:
        made = _made(previews, settings, arguments)
    except Invalid as fault:
        print("\n".join(_lines(fault)), file=sys.stderr)
        return _BAD_WORDS
    print(_SHOWN[arguments.show](made))
    return 0


def _gallery(previews: Previews, settings: Settings, folder: Path, locales: Sequence[str]) -> int:
    unknown = sorted(set(locales) - set(previews.locales))
    if unknown:
        print(f"--language: no texts in {', '.join(unknown)}; allowed: {', '.join(previews.locales)}", file=sys.stderr)
        return _BAD_WORDS
    return gallery.write(previews, folder, locales or previews.locales, settings.default_timezone)


def _made(previews: Previews, settings: Settings, arguments: argparse.Namespace) -> Preview:
    types = (*previews.types, *OWN_TYPES)
    if arguments.type not in types:
        raise Invalid({"json": {"type": [f"Must be one of {', '.join(types)}."]}})
    timezone = arguments.timezone or settings.default_timezone
    if arguments.type in OWN_TYPES:
        return previews.own(arguments.type, arguments.channel, arguments.locale, timezone)
    try:
        data = None if arguments.data is None else json.loads(arguments.data)
    except ValueError as error:
        raise Invalid({"json": {"data": [f"Must be JSON: {error}"]}}) from None
    asked = {"type": arguments.type, "channel": arguments.channel, "locale": arguments.locale, "timezone": timezone}
    return previews.of(asked | {"data": data, "resolved": arguments.resolved})


def _lines(fault: Invalid) -> list[str]:
    """What is wrong, one line for each message."""
    lines = []
    for name, said in fault.errors["json"].items():
        for inner, messages in said.items() if isinstance(said, dict) else (("", said),):
            lines += [f"{name}.{inner}: {message}" if inner else f"{name}: {message}" for message in messages]
    return lines


def _text(made: Preview) -> str:
    words = f"{made.content.title}\n\n{made.content.text}"
    return words if made.document is None else f"{words}\n\n{_json(made.document)}"


def _html(made: Preview) -> str:
    return made.content.html or ""


def _all(made: Preview) -> str:
    return _json({"type": made.type, "channel": made.channel, **asdict(made.content), "document": made.document})


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)


_SHOWN: Mapping[str, Callable[[Preview], str]] = {"text": _text, "html": _html, "json": _all}
