"""What is kept of what strangers send."""

import json

from app.services import excerpts


def test_an_ordinary_error_is_kept_as_it_is():
    errors = {
        "json": {"type": ["Unknown event type. Allowed: a, b."], "recipients": {0: ["Must be 1 to 128 letters."]}}
    }
    kept = {
        "json": {"type": ["Unknown event type. Allowed: a, b."], "recipients": {"0": ["Must be 1 to 128 letters."]}}
    }
    assert excerpts.of(errors) == kept


def test_what_does_not_print_is_replaced():
    assert excerpts.line("a\x00b\ud800\n☃é", 20) == "a\ufffdb\ufffd\ufffd☃é"


def test_a_long_text_is_cut_off():
    assert excerpts.line("x" * 11, 10) == "x" * 10 + "…"
    assert excerpts.line("x" * 10, 10) == "x" * 10


def test_however_much_there_is_little_is_kept():
    deep = ["x" * 10**6] * 1000
    for _ in range(4):
        deep = {f"{number}" * 10**3: deep for number in range(100)}
    assert len(json.dumps(excerpts.of(deep))) < 100_000
    wide = {"json": {f"field-{number}": ["Unknown field."] for number in range(100_000)}}
    kept = excerpts.of(wide)["json"]
    assert (len(kept), kept["_more"]) == (6, 99_995)


def test_what_is_kept_is_encodable_anywhere():
    json.dumps(excerpts.of({"\ud800": ["\ud800\x00"]})).encode()
    assert "\\u0000" not in json.dumps(excerpts.of({"\x00": ["\x00"]}))
