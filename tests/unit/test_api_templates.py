"""Templates over HTTP: their versions, their errors, and what there is."""

import pytest

from tests.fakes.occasions import LANGUAGES
from tests.fakes.product import Product

ONE = "/templates/job.failed/email/de"
WORDS = {"subject.txt": "{{ data.job_id }} ist kaputt"}


def put(product: Product, body=WORDS, **headers: str):
    return product.call("PUT", ONE, json=body, headers=headers)


def test_what_nobody_has_worded_is_shown_as_it_comes_along(product: Product):
    answer = product.call("GET", ONE)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"0"')
    shown = answer.json
    assert (shown["version"], shown["template_version"], shown["origin"], shown["history"]) == (0, None, "built-in", [])
    assert list(shown["pieces"]) == ["subject.txt", "body.txt", "body.html"]
    assert "{% trans" in shown["pieces"]["subject.txt"]["source"]


def test_saved_read_compared_taken_up_again_and_removed(product: Product):
    saved = put(product)
    assert (saved.status_code, saved.headers["ETag"], saved.json["version"]) == (200, '"1"', 1)
    assert saved.json["pieces"]["subject.txt"] == {"source": WORDS["subject.txt"], "origin": "database"}
    assert saved.json["pieces"]["body.txt"]["origin"] == "built-in"
    assert put(product, {"subject.txt": "two"}).json["template_version"] == "job.failed/email/de@2"
    assert "+two" in product.call("GET", f"{ONE}/diff?from=1").json["pieces"]["subject.txt"]
    assert product.call("POST", f"{ONE}/rollback", json={"version": 1}).json["version"] == 3
    items = product.call("GET", f"{ONE}/versions").json["items"]
    assert [(one["version"], one["change"], one["by"]) for one in items] == [
        (3, "restored", "key:admin"),
        (2, "saved", "key:admin"),
        (1, "saved", "key:admin"),
    ]
    assert product.call("DELETE", ONE).status_code == 204
    assert product.call("GET", ONE).json["origin"] == "built-in"


def test_if_match_lets_only_the_first_of_two_through(product: Product):
    assert put(product, **{"If-Match": '"0"'}).status_code == 200
    for answer in (
        put(product, {"subject.txt": "two"}, **{"If-Match": '"0"'}),
        product.call("DELETE", ONE, headers={"If-Match": '"0"'}),
        product.call("POST", f"{ONE}/rollback", json={"version": 1}, headers={"If-Match": '"7"'}),
    ):
        assert (answer.status_code, answer.json["detail"]) == (
            412,
            "The template was changed since it was read; read it again.",
        )
    assert put(product, {"subject.txt": "two"}, **{"If-Match": '"1"'}).headers["ETag"] == '"2"'


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (
            {"subject.txt": "\n{{ data.jbo_id }}"},
            {"subject.txt": ["job.failed/email/de/subject.txt, line 2: the variable jbo_id is not defined"]},
        ),
        (
            {"body.html": "{% for x in range(10**9) %}{% endfor %}"},
            {"body.html": ["job.failed/email/de/body.html, line 1: asks for a range of more than 10,000"]},
        ),
        ({"short.txt": "x"}, {"short.txt": ["Not a piece of this. Allowed: subject.txt, body.txt, body.html."]}),
        ({"title": "x"}, {"title": ["Not a piece of this. Allowed: subject.txt, body.txt, body.html."]}),
        ({}, {"_schema": ["At least one piece is needed. Allowed: subject.txt, body.txt, body.html."]}),
    ],
)
def test_what_does_not_hold_is_named_by_file_line_and_fault(product: Product, body, errors):
    answer = put(product, body)
    assert (answer.status_code, answer.json["errors"]) == (422, {"json": errors})
    assert product.call("GET", ONE).json["version"] == 0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("job.exploded/email/de", "There is no such type. Allowed: job.completed, "),
        ("verification/email/de", "There is no such type."),
        ("job.failed/fax/de", "There is no such channel. Allowed: inapp, email, "),
        ("job.failed/email/sw", f"There are no texts in this language. Allowed: {LANGUAGES}, _any."),
        ("job.failed/email/..", "There are no texts in this language."),
    ],
)
def test_a_place_that_is_not_there_is_not_found_and_says_what_is(product: Product, path, said):
    for method in ("GET", "PUT", "DELETE"):
        answer = product.call(method, f"/templates/{path}", **({"json": WORDS} if method == "PUT" else {}))
        assert answer.status_code == 404
        assert answer.json["detail"].startswith(said)


def test_a_language_is_known_however_it_is_spelled(product: Product):
    assert product.call("PUT", "/templates/job.failed/_any/DE_at", json=WORDS).json["locale"] == "de-AT"
    assert (
        product.call("GET", "/templates/job.failed/email/de-AT").json["template_version"] == "job.failed/_any/de-AT@1"
    )


def test_the_list_says_what_can_be_worded_what_is_and_what_was_refused_in_files(product: Product):
    put(product)
    folder = product.services.settings.templates_dir / "job.completed"
    folder.mkdir(parents=True)
    (folder / "short.txt").write_text("{{ nothing }}", "utf-8")
    (folder / "subject.txt").write_text("done", "utf-8")
    (folder / "de").mkdir()
    (folder / "de" / "subject.txt").write_text("fertig", "utf-8")
    listed = product.call("GET", "/templates").json
    assert listed["types"][-1] == "digest"
    assert listed["channels"]["slack"] == ["subject.txt", "short.txt"]
    assert listed["channels"]["_any"] == ["subject.txt", "short.txt", "body.txt", "body.html"]
    assert listed["locales"] == [*LANGUAGES.split(", "), "_any"]
    assert [(one["template"], one["origin"], one["in_force"]) for one in listed["items"]] == [
        ("job.failed/email/de", "database", True),
        ("job.completed/_any/de", "file", True),
        ("job.completed/_any/_any", "file", False),
    ]
    assert listed["items"][2]["errors"] == {
        "short.txt": ["job.completed/_any/_any/short.txt, line 1: the variable nothing is not defined"]
    }


def test_the_preview_of_a_question_is_in_the_operators_words(product: Product):
    product.call("PUT", "/templates/job.failed/inapp/en", json=WORDS)
    event = {"type": "job.failed", "recipients": ["u-1"], "data": {"job_id": "j-1", "error": "x"}}
    (decision,) = [
        one
        for one in product.call("POST", "/events/explain", json=event).json["decisions"]
        if one["channel"] == "inapp"
    ]
    assert decision["preview"]["subject"] == "j-1 ist kaputt"


def test_a_preview_shows_the_words_that_are_in_force(product: Product):
    wanted = {"type": "job.failed", "channel": "email", "locale": "de"}
    before = product.call("POST", "/templates/preview", json=wanted).json["subject"]
    version = product.call("PUT", "/templates/job.failed/email/de", json=WORDS).json["version"]
    assert version == 1
    after = product.call("POST", "/templates/preview", json=wanted).json["subject"]
    assert before.startswith("Job fehlgeschlagen: ")
    assert after != before
