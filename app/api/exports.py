"""Long lists as files: rows are read and sent in slices, so their number does not matter."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from flask import Response

from app.api.answers import dumps, rfc3339

CSV = "text/csv"
NDJSON = "application/x-ndjson"
# A cell that begins with one of these is a formula to spreadsheets.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], name: str) -> Response:
    """A table with a row of names, by RFC 4180; texts that a spreadsheet would run begin with an apostrophe."""
    return _file(csv_lines(_begun(rows), columns), f"{CSV}; charset=utf-8; header=present", f"{name}.csv")


def as_ndjson(rows: Iterable[Mapping[str, Any]], name: str) -> Response:
    """A JSON object a line."""
    return _file((dumps(row) + "\n" for row in _begun(rows)), NDJSON, f"{name}.ndjson")


def _begun(rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The same rows, the first of them fetched already: what fails at once is an error, and not half a file."""
    iterator = iter(rows)
    first = list(_at_most_one(iterator))
    return chain(first, iterator)


def _at_most_one(rows: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        yield row
        return


def _file(lines: Iterator[str], content_type: str, name: str) -> Response:
    # What fails later ends the connection without the last chunk, so that nobody takes a part for the whole.
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(lines, 200, disposition, content_type=content_type)


def csv_lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[str]:
    """The lines of a table, its names first; texts that a spreadsheet would run begin with an apostrophe."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in rows:
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([_cell(row.get(column)) for column in columns])
    yield buffer.getvalue()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return f"'{value}" if value.startswith(_FORMULA) else value
        case int() | float():
            return str(value)
        case datetime():
            return rfc3339(value)
    return dumps(value)
