"""How a message reads on Slack, and what Slack's answers mean to the owner of a hook."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from channels.slack import document_of, escape
from tests.fakes.samples import message

INJECTIONS = (
    "<!channel>",
    "<!here|here>",
    "<@U012AB3CD>",
    "<#C012AB3CD>",
    "<https://evil.example|your bank>",
    "<javascript:alert(1)|click>",
    "&lt;!channel&gt;",
    "<!subteam^S012|team>",
    "> quoted\n*bold* _it_ `code` :smile:",
)
LINK = "https://im2.example/ui/history?subject_key=j-9&a=b"


def texts_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every text object, in the order it is read."""
    return [
        text for block in document["blocks"] for text in ([block["text"]] if "text" in block else block["elements"])
    ]


def test_a_message_reads_well():
    document = document_of(message(severity="Wichtig", link=LINK, link_label="Einzelheiten"))
    assert document == {
        "text": "❗ Wichtig: Auftrag j-9 ist gescheitert – „disk full“\nDer Auftrag ist gescheitert.\n.\nMehr nicht.",
        "mrkdwn": False,
        "blocks": [
            {
                "type": "header",
                "text": {
                    "type": "plain_text",
                    "text": "❗ Auftrag j-9 ist gescheitert – „disk full“",
                    "emoji": False,
                },
            },
            {
                "type": "section",
                "text": {
                    "type": "plain_text",
                    "text": "Der Auftrag ist gescheitert.\n.\nMehr nicht.",
                    "emoji": False,
                },
            },
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "<https://im2.example/ui/history?subject_key=j-9&amp;a=b|Einzelheiten>",
                },
            },
            {
                "type": "context",
                "elements": [{"type": "plain_text", "text": "Wichtig · encoder · #ntf_0190", "emoji": False}],
            },
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def test_small_print_says_why_it_came_and_where_to_change_that():
    why = "Gesendet, weil „Fehlgeschlagene Jobs“ hier eingeschaltet ist."
    settings = {"settings_link": "https://im2.example/ui/preferences", "settings_label": "Was | wohin"}
    context = document_of(message(why=why, **settings))["blocks"][-1]
    assert context == {
        "type": "context",
        "elements": [
            {"type": "plain_text", "text": "high · encoder · #ntf_0190", "emoji": False},
            {"type": "plain_text", "text": why, "emoji": False},
            {"type": "mrkdwn", "text": "<https://im2.example/ui/preferences|Was   wohin>"},
        ],
    }


def test_a_message_without_words_still_says_what_it_is_about():
    document = document_of(message(title=" ", text="\n", source=None))
    assert [text["text"] for text in texts_of(document)] == ["❗ job.failed", "high · #ntf_0190"]
    assert document["text"] == "❗ high: job.failed"


def test_long_words_are_cut_by_code_points_and_show_it():
    document = document_of(message(title="🎉" * 500, text="漢" * 9_000))
    header, section, _ = (text["text"] for text in texts_of(document))
    assert (len(header), header[-1]) == (150, "…")
    assert (len(section), section[-1]) == (3_000, "…")
    assert (len(document["text"]), document["text"][-1]) == (4_000, "…")


def test_a_link_that_is_too_long_once_it_is_escaped_is_left_out():
    longest = f"https://im2.example/?{'&' * 580}"
    assert any(text["type"] == "mrkdwn" for text in texts_of(document_of(message(link=longest))))
    assert all(text["type"] != "mrkdwn" for text in texts_of(document_of(message(link=f"{longest}{'&' * 40}"))))


def test_exactly_three_characters_are_escaped():
    assert escape("a & b < c > d \" ' *_~`&amp;") == "a &amp; b &lt; c &gt; d \" ' *_~`&amp;amp;"


@given(st.lists(st.sampled_from(INJECTIONS) | st.text(), max_size=5).map(" ".join))
def test_nothing_in_the_words_can_act(words: str):
    document = document_of(message(title=words, text=words, source=words, severity=words, link_label=words, link=LINK))
    for text in texts_of(document):
        inner = text["text"]
        if text["type"] == "mrkdwn":
            assert inner.startswith("<https://im2.example/")
            inner = inner[1:].removesuffix(">")
            assert inner.count("|") == 1
        assert not set("<>") & set(inner)
    assert not set("<>") & set(document["text"])
    assert document["mrkdwn"] is False
