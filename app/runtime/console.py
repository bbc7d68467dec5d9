"""What the whole product says in one terminal, or in one log."""

import json
import queue
import threading
from datetime import UTC, datetime
from typing import TextIO

from app.observability.text import escape, paint, readable

_COLOURS = ("36", "32", "35", "34", "33", "96", "92", "95", "94", "93")
_MOST_WAITING = 2000
_WIDTH = 15


class Console:
    """Prints the lines of all components, each with its component's name.

    On a terminal they are coloured and readable, elsewhere one JSON object a line. Printing happens in a thread: when
    the reader of the output is slow, lines are dropped and counted, and nobody waits.
    """

    def __init__(self, stream: TextIO) -> None:
        self.is_terminal = stream.isatty()
        self._stream = stream
        self._waiting: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        self._dropped = 0
        self._colours: dict[str, str] = {}
        self._printer = threading.Thread(target=self._print, name="console", daemon=True)
        self._printer.start()

    def relay(self, component: str, line: str) -> None:
        """Print a line that a component wrote."""
        entry = entry_of(line)
        if not self.is_terminal:
            self._put(_json({"timestamp": _now()} | entry | {"component": component}))
        elif "timestamp" in entry:
            self._put(self._prefixed(component, readable(_local(entry), colour=True)))
        else:
            self._put(self._prefixed(component, escape(line)))

    def say(
        self, component: str, message: str, words: str, *, level: str = "INFO", below: str = "", **fields: object
    ) -> None:
        """Print something of our own: the words for people, the constant message and its fields for machines.

        What is `below` the words stands without a prefix, ready to be copied; machines get it in a field.
        """
        if self.is_terminal:
            mark = paint("●", "32" if level == "INFO" else "31", colour=True)
            self._put(self._prefixed(component, f"{mark} {words}") + (below and f"\n{below}"))
        else:
            self._put(_json({"timestamp": _now(), "level": level, "component": component, "message": message} | fields))

    def close(self, timeout: float = 2.0) -> None:
        """Print what is left, for at most `timeout` seconds."""
        try:
            self._waiting.put(None, timeout=timeout)
        except queue.Full:
            return
        self._printer.join(timeout)

    def _prefixed(self, component: str, text: str) -> str:
        code = self._colours.setdefault(component, _COLOURS[len(self._colours) % len(_COLOURS)])
        prefix = paint(f"{component:<{_WIDTH}}│", code, colour=True)
        return "\n".join(f"{prefix} {line}" for line in text.split("\n"))

    def _put(self, line: str) -> None:
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def _print(self) -> None:
        while True:
            lines = [self._waiting.get()]
            while not self._waiting.empty() and len(lines) < 500:
                lines.append(self._waiting.get_nowait())
            text = "".join(line + "\n" for line in lines if line is not None)
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):
                pass  # nobody reads any more; the work goes on
            if None in lines:
                return
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                self.say("main", "log_lines_dropped", f"{dropped} lines were dropped", level="WARNING", lines=dropped)


def entry_of(line: str) -> dict[str, object]:
    """What a line says: the JSON object it is, or a record with the line as its message."""
    if line.startswith("{"):
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
    return {"level": "INFO", "message": line}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _local(entry: dict[str, object]) -> dict[str, object]:
    try:
        stamp = datetime.fromisoformat(str(entry["timestamp"])).astimezone()
    except ValueError:
        return entry
    return entry | {"timestamp": stamp.isoformat()}


def _json(entry: dict[str, object]) -> str:
    return json.dumps(entry, default=str)
