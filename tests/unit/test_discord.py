"""How a message reads on Discord, where it goes, and what Discord's answers mean to the owner of a hook."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.base import Permanent
from channels.discord import Discord, document_of, endpoint, escape
from tests.fakes.samples import channel_env, message

HOOK = "https://discord.com/api/webhooks/123/to-k_en"
V10 = "https://discord.com/api/v10/webhooks/123/to-k_en"
LINK = "https://im2.example/ui/history?subject_key=j_9&a=b"


def test_a_message_reads_well():
    document = document_of(message(severity="Wichtig", link=LINK, title="job_9 *failed*", text="- disk full\n1. a_b"))
    assert document == {
        "embeds": [
            {
                "author": {"name": "❗ Wichtig"},
                "title": r"job\_9 \*failed\*",
                "url": LINK,
                "description": "\\- disk full\n1\\. a\\_b",
                "color": 0xF79009,
                "footer": {"text": "encoder · #ntf_0190"},
                "timestamp": "2026-11-22T09:30:00+00:00",
            }
        ],
        "allowed_mentions": {"parse": []},
    }


def test_small_print_says_why_it_came_and_where_to_change_that():
    why = "Gesendet, weil „Fehlgeschlagene Jobs“ hier eingeschaltet ist."
    settings = {"settings_link": "https://im2.example/ui/preferences", "settings_label": "Was [wohin]"}
    (embed,) = document_of(message(text="x" * 9_000, why=why, **settings))["embeds"]
    assert embed["footer"] == {"text": f"{why} · encoder · #ntf_0190"}
    assert embed["description"].endswith("x…\n\n[Was \\[wohin\\]](https://im2.example/ui/preferences)")
    assert len(embed["description"]) == 4_096
    (alone,) = document_of(message(text=" ", **settings))["embeds"]
    assert alone["description"].startswith("[Was")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://im2.example/a)b", "https://im2.example/ b", None])
def test_a_link_that_markdown_would_misread_is_left_out(link: str | None):
    (embed,) = document_of(message(text="so", settings_link=link, settings_label="x"))["embeds"]
    assert embed["description"] == "so"


def test_a_message_without_words_still_says_what_it_is_about():
    (embed,) = document_of(message(title=" ", text="\n", source=None, link=None))["embeds"]
    assert set(embed) == {"author", "title", "color", "footer", "timestamp"}
    assert (embed["author"]["name"], embed["title"], embed["footer"]["text"]) == ("❗ high", "job.failed", "#ntf_0190")


def test_long_words_are_cut_by_code_points_and_show_it():
    (embed,) = document_of(message(title="🎉" * 500, text="漢" * 9_000, source="s" * 500))["embeds"]
    assert (len(embed["title"]), embed["title"][-1]) == (256, "…")
    assert (len(embed["description"]), embed["description"][-1]) == (4_096, "…")


@pytest.mark.parametrize(
    ("words", "escaped"),
    [
        ("*b* _i_ ~s~ `c` ||s||", r"\*b\* \_i\_ \~s\~ \`c\` \|\|s\|\|"),
        ("[your bank](https://evil.example)", r"\[your bank\](https\://evil.example)"),
        ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
        ("see http://a.example/b_c", r"see http\://a.example/b\_c"),
        ("@everyone @here ana@b.example", r"\@everyone \@here ana@b.example"),
        ("<@123> <@&4> <#5> <:a:6> <t:7:R> </go:8>", r"\<@123> \<@&4> \<#5> \<\:a:6> \<t\:7:R> \</go:8>"),
        (":smile: :+1: at 9:05", r"\:smile: \:+1: at 9:05"),
        ("# big\n## less\n-# small", "\\# big\n\\## less\n\\-# small"),
        ("> a\n>>> b\n  - c\n12. d\n1.5 s", "\\> a\n\\>>> b\n  \\- c\n12\\. d\n1\\.5 s"),
        ("node-7 a > b #9", "node-7 a > b #9"),
        ("\\*", "\\\\\\*"),
    ],
)
def test_markdown_reads_as_it_was_written(words: str, escaped: str):
    assert escape(words) == escaped


@given(st.text() | st.text("\\*_~`|<[]:@/a1\n-+>#. "))
def test_escaping_adds_backslashes_and_nothing_else(words: str):
    escaped = escape(words)
    plain, position = "", 0
    while position < len(escaped):
        if escaped[position] == "\\":
            position += 1
            assert not escaped[position].isalnum()
        elif escaped[position] in "*_~`|<[]":
            raise AssertionError(f"{escaped[position]} could act")
        plain += escaped[position]
        position += 1
    assert plain == words


@given(st.text(), st.text())
def test_nobody_is_ever_mentioned(title: str, text: str):
    assert document_of(message(title=title, text=text))["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (HOOK, f"{V10}?wait=true"),
        (f"{HOOK}/", f"{V10}?wait=true"),
        (f"{HOOK}?wait=false", f"{V10}?wait=true"),
        (f"{HOOK}?thread_id=9&wait=0#x", f"{V10}?thread_id=9&wait=true"),
        ("https://discord.com/api/v6/webhooks/123/to-k_en", f"{V10}?wait=true"),
        ("https://hooks.example/x/y?a=", "https://hooks.example/x/y?a=&wait=true"),
    ],
)
def test_a_message_is_posted_so_that_the_answer_tells_what_became_of_it(url: str, asked: str):
    assert endpoint(url) == asked


def test_a_message_that_was_posted_is_below_its_hook_and_in_its_thread():
    assert endpoint(f"{HOOK}?thread_id=9&wait=true", message_id="77") == f"{V10}/messages/77?thread_id=9"


@pytest.mark.parametrize("id_", ["", "../../../users/@me", "77?wait=true", "7" * 21])
def test_what_is_no_message_id_is_not_asked_for(id_: str, tmp_path: Path):
    channel = Discord.build(channel_env(tmp_path))
    with pytest.raises(Permanent):
        channel.edit(message(), channel.read_contact({"url": HOOK}, None), id_)
