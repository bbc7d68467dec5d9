"""Whatever an event says, on every channel it is words: it mentions nobody, links nowhere, adds and changes nothing.

What arrives for a hostile event is compared with what arrives for a harmless one of the same type.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from app.domain.alerts import alert_key
from app.domain.events import EVENT_TYPES
from channels.base import Message
from tests.contract.harness import Harness, InAppHarness, ServedHarness
from tests.contract.harnesses import HARNESSES
from tests.fakes import discord, slack
from tests.fakes.occasions import PUBLIC_URL, make_occasion, make_renderer, with_every_text

HARMLESS = "plain-words"
VECTORS = {
    "everybody on Slack": "<!channel>",
    "somebody on Slack": "<@U1>",
    "a link of Slack": "<https://evil.example|your-bank>",
    "everybody on Discord": "@everyone",
    "a link of Markdown": "[x](javascript:alert(1))",
    "a script as a link": "javascript:alert(1)",
    "an encoded word": "=?utf-8?q?a=0ABcc=3A_evil=40x.org?=",
    "line ends": "a\r\nBcc: evil@x.example\r\n\r\nbody",
    "controls": "a\x07b\x1b[31mc\x08d\x7fe\x9bf",
    "the other way round": "exe.\u202egpj\u202c \u2066x\u2069",
    "a template": "{{7*7}}",
    "HTML": "<img src=x onerror=alert(1)>",
    "an attribute": '"onmouseover="alert(1)',
}
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_RENDERER = make_renderer()


@pytest.fixture(params=list(HARNESSES))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    made = HARNESSES[request.param](tmp_path)
    yield made
    made.stop()


def told(harness: Harness, type_: str, words: str) -> Message:
    """The message that an event of this type becomes when all its texts are these words."""
    channel = harness.channel
    occasion = make_occasion(type_, with_every_text(type_, words), source=words)
    content = _RENDERER.render(occasion, kind=channel.kind, locale="en", timezone="UTC")
    signs = content.signs
    return Message(
        notification_id="ntf_0190",
        event_id="evt_0190",
        user_id=occasion.user_id,
        type=type_,
        priority=occasion.priority,
        subject_key=occasion.subject_key,
        sequence=None,
        source=words,
        locale=content.locale,
        title=content.title,
        text=content.text,
        html=content.html,
        occurred_at=occasion.occurred_at,
        data=occasion.data,
        severity=signs.severity if signs else "",
        link=signs.link if signs else None,
        link_label=signs.link_label if signs else "",
        why=signs.why if signs else "",
        settings_link=signs.settings_link if signs else None,
        settings_label=signs.settings_label if signs else "",
        alert_key=alert_key(occasion.user_id, type_, occasion.subject_key) if channel.kind == "alert" else None,
        resolved=channel.kind == "alert" and EVENT_TYPES[type_].resolves,
    )


def arrived(harness: Harness, type_: str, words: str) -> Any:
    """What the receiver has of it: the last entry of its ledger, or the item in the inbox."""
    about = told(harness, type_, words)
    for resolved in (False, True) if about.resolved else (False,):
        harness.channel.send(replace(about, resolved=resolved), harness.contact())
    if isinstance(harness, InAppHarness):
        return harness.taken[-1]
    assert isinstance(harness, ServedHarness)
    return [entry for entry in harness.server.ledger.entries() if entry.get("body") or "content" in entry][-1]


def shape(value: Any) -> Any:
    """The names and kinds in a JSON document, without any words."""
    if isinstance(value, Mapping):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value).__name__


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from (name, *texts(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def inert_item(item: Message, _harmless: Message, _words: str) -> str:
    assert item.html is None
    return f"{item.title}\n{item.text}"


def inert_mail(entry: Mapping[str, Any], harmless: Mapping[str, Any], _words: str) -> str:
    mail, other = (mail_of(one) for one in (entry, harmless))
    assert (mail.keys(), mail.defects) == (other.keys(), [])
    assert entry["to"] == harmless["to"]
    assert (mail["to"], mail["from"]) == (other["to"], other["from"])
    text, page = mail.iter_parts()
    assert skeleton(page.get_content()) == skeleton(
        next(p for p in other.iter_parts() if "html" in p["content-type"]).get_content()
    )
    assert f"<{mail['subject']}" not in page.get_content()
    return f"{mail['subject']}\n{text.get_content()}"


def mail_of(entry: Mapping[str, Any]) -> EmailMessage:
    mail = message_from_string(entry["content"], policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def skeleton(page: str) -> list[Any]:
    """The tags of a page with the names of their attributes, and every link without what it is about."""
    found: list[Any] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            links = [(value or "").partition("?")[0] for name, value in attrs if name == "href"]
            assert all(link.startswith(PUBLIC_URL) for link in links)
            found.append((tag, [name for name, _ in attrs], links))

    Reader().feed(page)
    return found


def inert_slack(entry: Mapping[str, Any], harmless: Mapping[str, Any], _words: str) -> str:
    document = same_shape(entry, harmless)
    assert not {"parse", "link_names", "attachments"} & set(document)
    assert document["mrkdwn"] is False
    for block in document["blocks"]:
        for text in block.get("elements", [block.get("text")]):
            if text["type"] == "mrkdwn":
                link, _, label = text["text"].removeprefix("<").removesuffix(">").partition("|")
                assert link.startswith(PUBLIC_URL)
                assert not set("<>|") & set(link + label)
            else:
                assert not set("<>") & set(text["text"])
    assert not set("<>") & set(document["text"])
    return "\n".join(slack.Slack().reading(entry["body"]))


def inert_discord(entry: Mapping[str, Any], harmless: Mapping[str, Any], _words: str) -> str:
    document = same_shape(entry, harmless)
    assert set(document) == {"embeds", "allowed_mentions"}
    assert document["allowed_mentions"] == {"parse": []}
    (embed,) = document["embeds"]
    assert embed["url"].startswith(PUBLIC_URL)
    text, _, settings = embed["description"].rpartition("\n\n")
    assert re.fullmatch(rf"\[[^\[\]()]+\]\({re.escape(PUBLIC_URL)}/ui/preferences\)", settings)
    for part in (embed["title"], text):
        assert not re.search(r"(?<!\\)(?:\\\\)*(?:[*_~`|<\[\]]|@everyone|@here|:(?=//))", part)
    return "\n".join(discord.Discord().reading(entry["body"]))


def inert_webhook(entry: Mapping[str, Any], harmless: Mapping[str, Any], words: str) -> str:
    document = same_shape(entry, harmless)
    # To a program the event is data: it gets what was said as it was said.
    data = document["data"]
    assert data["source"] == words
    assert words in data["event"].values()
    return f"{data['title']}\n{data['text']}"


def inert_alert(entry: Mapping[str, Any], harmless: Mapping[str, Any], _words: str) -> str:
    document = same_shape(entry, harmless)
    said = list(texts(document))
    assert not [text for text in said if _UNSEEN.search(text)]
    details = document.get("details", {})
    links = [document.get("client_url"), details.get("link"), details.get("settings")]
    links += [link["href"] for link in document.get("links", [])]
    assert all(link.startswith(PUBLIC_URL) for link in links if link)
    assert not {"images", "actions", "responders", "visibleTo"} & set(document)
    return "\n".join(said)


def same_shape(entry: Mapping[str, Any], harmless: Mapping[str, Any]) -> Any:
    """The document, which has the names, and the headers of its request, that the harmless one has."""
    document, other = json.loads(entry["body"]), json.loads(harmless["body"])
    assert shape(document) == shape(other)
    assert set(entry["headers"]) == set(harmless["headers"])
    assert entry["path"].partition("?")[0].count("/") == harmless["path"].partition("?")[0].count("/")
    return document


INERT: Mapping[str, Callable[[Any, Any, str], str]] = {
    "inapp": inert_item,
    "email": inert_mail,
    "webhook": inert_webhook,
    "slack": inert_slack,
    "discord": inert_discord,
    "pagerduty": inert_alert,
    "opsgenie": inert_alert,
}
"""By channel: checks what arrived, and gives back what people read there."""


def test_every_channel_is_looked_at():
    assert {harness.partition(" ")[0] for harness in HARNESSES} == set(INERT)


@pytest.mark.parametrize("name", VECTORS)
def test_hostile_words_are_words(harness: Harness, name: str):
    words = VECTORS[name]
    for type_ in EVENT_TYPES:
        read = INERT[harness.channel.name](arrived(harness, type_, words), arrived(harness, type_, HARMLESS), words)
        assert not _UNSEEN.search(read.replace("\r\n", "\n"))
        if name == "a template" and not (harness.channel.kind == "alert" and EVENT_TYPES[type_].resolves):
            assert words in read
