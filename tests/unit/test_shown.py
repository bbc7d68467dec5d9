"""What people read has nothing unseen in it."""

import pytest

from channels.looks import one_line
from channels.shown import shown, shown_all


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("plain – „words“ 🎉", "plain – „words“ 🎉"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb", "a\nb"),
        ("a\x07\x1b[31mb\x7f\x9b", "a[31mb"),
        ("exe.\u202egpj\u202c \u2066x\u2069", "exe.gpj x"),
    ],
)
def test_what_is_not_seen_is_left_out(given: str, left: str):
    assert shown(given) == left
    assert shown_all({given: [given, 1, None, {"a": given}]}) == {left: [left, 1, None, {"a": left}]}


def test_a_line_is_one_and_reads_one_way():
    assert one_line(" a\u202e\r\n b\x0bc ") == "a bc"
