"""History as a file: every row of it, in forms that other programs read."""

import csv
import io
import json

import pytest

from tests.fakes.rows import insert_notification

USER = "u-1"


@pytest.fixture
def filled(product):
    """More rows than are read at a time; one of them with words that spreadsheets would run."""
    for number in range(230):
        insert_notification(
            product.services.database,
            product.clock.advance(milliseconds=1),
            user_id=USER,
            subject_key="=1+1" if number == 7 else f"j-{number}",
            content={"title": 'a "title", with\nlines', "text": "@text", "locale": "en", "html": None},
        )
    return product


def table(answer):
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


def test_csv_has_every_row_and_its_words(filled):
    answer = filled.call("GET", f"/history/{USER}", headers={"Accept": "text/csv"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="history.csv"'
    rows = table(answer)
    subjects = ["'=1+1" if number == 7 else f"j-{number}" for number in reversed(range(230))]
    assert [row["subject_key"] for row in rows] == subjects
    assert rows[0]["title"] == 'a "title", with\nlines'
    assert rows[0]["possible_duplicate"] == "false"


def test_no_cell_is_a_formula(filled):
    rows = table(filled.call("GET", f"/history/{USER}", headers={"Accept": "text/csv"}))
    assert {row["text"] for row in rows} == {"'@text"}


def test_ndjson_has_what_the_list_has(filled):
    answer = filled.call("GET", f"/history/{USER}", headers={"Accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]
    assert len(lines) == 230
    assert lines[:200] == filled.call("GET", f"/history/{USER}?limit=200").json["items"]


def test_filters_and_a_limit_narrow_the_file(filled):
    file = {"headers": {"Accept": "text/csv"}}
    assert len(table(filled.call("GET", f"/history/{USER}?limit=3", **file))) == 3
    assert table(filled.call("GET", f"/history/{USER}?channel=email&status=expired", **file)) == []


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/html,*/*;q=0.8", "application/json"),
        ("text/csv;q=0.5, application/json;q=0.2", "text/csv"),
        ("application/x-ndjson", "application/x-ndjson"),
    ],
)
def test_the_form_is_what_is_asked_for(filled, accept, form):
    answer = filled.call("GET", f"/history/{USER}", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.mimetype) == (200, form)


def test_a_form_that_is_not_to_be_had_is_406(filled):
    assert filled.call("GET", f"/history/{USER}", headers={"Accept": "image/png"}).status_code == 406


def test_a_bad_cursor_is_an_error_and_not_half_a_file(filled):
    answer = filled.call("GET", f"/history/{USER}?cursor=x", headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
