"""Nothing in an event can change what a mail is."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.base import ContactError
from channels.email import Email
from channels.letter import Sender, compose, header_text
from tests.fakes.samples import channel_env, message

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SENDER = Sender.parse("IM2 Größe <im2@sender.example>")
NAMES = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
]
SMUGGLED = [
    "a\r\nBcc: evil@x.example",
    "a\nBcc: evil@x.example\n\nbody",
    "a\x0bBcc: x",
    "a\u2028Bcc: evil@x.example",
    "=?utf-8?q?a=0ABcc=3A_evil=40x.example?=",
    "ü =?utf-8?q?a=0D=0ABcc=3A_evil=40x.example?= ü" * 5,
    "=?=?utf-8?b?CkJjYzog?=",
    "= ?utf-8?q?=0A?=",
]


def read(content: bytes):
    return message_from_bytes(content, policy=default)


@pytest.mark.parametrize("title", SMUGGLED)
def test_a_title_cannot_add_a_header(title: str):
    mail = read(compose(message(title=title), "ana@b.example", SENDER, NOW).content)
    assert mail.keys() == NAMES


@given(st.text(max_size=700), st.text(max_size=300), st.text(max_size=300))
def test_whatever_the_words_headers_and_parts_are_the_same(title: str, text: str, html: str):
    content = compose(message(title=title, text=text, html=html), "ana@b.example", SENDER, NOW).content
    mail = read(content)
    assert mail.keys() == NAMES
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=300))
def test_the_words_arrive_as_they_were(text: str):
    part = next(read(compose(message(text=text), "ana@b.example", SENDER, NOW).content).iter_parts())
    assert part.get_content() == text


def test_a_subject_arrives_as_it_was():
    title = "Auftrag „j-9“ ist gescheitert: 磁盘已满 " * 5
    assert read(compose(message(title=title), "ana@b.example", SENDER, NOW).content)["subject"] == title.strip()


def test_the_headers_say_what_kind_of_mail_it_is():
    mail = read(compose(message(), "ana@b.example", SENDER, NOW).content)
    assert mail["from"].addresses[0].display_name == "IM2 Größe"
    assert mail["message-id"] == "<ntf_0190@sender.example>"
    assert mail["auto-submitted"] == "auto-generated"
    assert mail["x-auto-response-suppress"] == "All"
    assert mail["date"].datetime == NOW


@pytest.mark.parametrize(
    ("url", "names"),
    [
        (None, []),
        ("http://127.0.0.1:8000/unsubscribe/t", ["List-Unsubscribe"]),
        ("https://im2.example/unsubscribe/" + "t" * 300, ["List-Unsubscribe", "List-Unsubscribe-Post"]),
        ("https://im2.example/>\r\nBcc: x@y.example", []),
    ],
)
def test_leaving_by_one_click_is_offered_where_it_works(url: str | None, names: list[str]):
    mail = read(compose(message(unsubscribe_url=url), "ana@b.example", SENDER, NOW).content)
    assert [name for name in mail if name.startswith("List-")] == names
    if names:
        assert mail["list-unsubscribe"] == f"<{url}>"


def test_a_domain_is_written_in_ascii_and_a_name_is_not():
    letter = compose(message(), "jös@münchen.example", SENDER, NOW)
    assert letter.recipient == "jös@xn--mnchen-3ya.example"
    assert letter.needs_utf8
    assert not compose(message(), "jo@münchen.example", SENDER, NOW).needs_utf8


def test_a_domain_is_not_mistaken_for_another_that_reads_alike():
    # By the older IDNA the first would be strasse.example, which is somebody else's.
    assert compose(message(), "jo@straße.example", SENDER, NOW).recipient == "jo@xn--strae-oqa.example"
    assert compose(message(), "jo@STRASSE.example", SENDER, NOW).recipient == "jo@STRASSE.example"
    assert Sender.parse("IM2 <im2@straße.example>").address == "im2@xn--strae-oqa.example"


@pytest.mark.parametrize("address", ["", "a", "a@", "@b", "a@b\r\nBcc: c", "a b@c", "a@b>", "<a@b", "a@" + "x" * 70])
def test_an_address_that_is_none_is_refused(address: str):
    with pytest.raises(ValueError):
        compose(message(), address, SENDER, NOW)


@given(st.text())
def test_header_text_is_one_harmless_line(text: str):
    line = header_text(text)
    assert "=?" not in line
    assert line.isprintable() or not any(ord(character) < 32 for character in line)


@pytest.mark.parametrize(
    ("given_address", "kept"),
    [
        ("a@b.example", "a@b.example"),
        (" A.B+c@B.Example ", "A.B+c@b.example"),
        ("x@localhost", "x@localhost"),
        ("x@test", "x@test"),
        ("x@mail.local", "x@mail.local"),
        ("x@münchen.example", "x@münchen.example"),
        ("jös@b.example", "jös@b.example"),
        ("x@Straße.example", "x@straße.example"),
        ("x@xn--mnchen-3ya.example", "x@münchen.example"),
        ("用户@例子.example", "用户@例子.example"),
    ],
)
def test_addresses_of_all_networks_can_be_contacts(given_address: str, kept: str, tmp_path):
    channel = Email.build(channel_env(tmp_path))
    contact = channel.read_contact(given_address, None)
    assert channel.show_contact(contact) == kept


def test_an_address_that_is_not_one_is_refused_with_a_reason(tmp_path):
    channel = Email.build(channel_env(tmp_path))
    with pytest.raises(ContactError) as caught:
        channel.read_contact("ana@", None)
    assert list(caught.value.messages) == [""]
