"""Discord's webhooks (discord/discord-api-docs: resources/webhook, resources/message, topics/rate-limits)."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from channels.base import ChannelEnv, Contact, DeliveryError, Message, Permanent, Receipt, Transient
from channels.chat import ChatHook
from channels.http import parse_retry_after
from channels.looks import fitted, footer_of, link_of, look_of, one_line, settings_of, severity_of
from channels.wire import Reply

_MOST_TITLE = 256
_MOST_TEXT = 4_096
_MOST_NAME = 256
_MOST_WHY = 1_024
_ID = re.compile(r"[0-9]{1,20}")
_API = re.compile(r"/api/(?:v[0-9]+/)?webhooks/")
_INLINE = re.compile(r"[\\*_~`|<\[\]]|:(?=//|[\w+-]+:)|@(?=everyone|here)")
_AT_LINE_START = re.compile(r"^([^\S\n]*)(?=[-+>#])|^([^\S\n]*[0-9]+)(?=\.)", re.MULTILINE)
_MISSING_MESSAGE = 10008
_WHY: Mapping[int, str] = {
    10003: "its channel or thread is gone",
    10015: "it was deleted",
    50027: "the token in its URL is not, or no longer, valid",
    220001: "it belongs to a forum; add ?thread_id=… with the id of a thread to its URL",
}
"""Why a hook takes nothing any more, by Discord's code."""


class Discord(ChatHook):
    """Posts one message with one embed per notification; the receiver has no key for repeats."""

    name = "discord"
    edits: ClassVar[bool] = True

    @classmethod
    def build(cls, env: ChannelEnv) -> Self:
        """Take the operators' hook."""
        return cls.made(env, env.discord_url)

    def send(self, message: Message, contact: Contact) -> Receipt:
        """Post the message and keep its id; a hook that is gone is disabled, since asking again may get us banned."""
        return self._done("POST", endpoint(contact.secret["url"]), message, contact)

    def edit(self, message: Message, contact: Contact, provider_ref: str) -> Receipt:
        """Change the message with that id; one that was deleted meanwhile is refused for good."""
        if not _ID.fullmatch(provider_ref):
            raise Permanent("There is no message with this id.")
        return self._done("PATCH", endpoint(contact.secret["url"], message_id=provider_ref), message, contact)

    def document(self, message: Message) -> Mapping[str, Any]:
        """The embed."""
        return document_of(message)

    def _done(self, method: str, url: str, message: Message, contact: Contact) -> Receipt:
        reply = self._call(method, url, document_of(message), contact)
        said = _read(reply)
        failure = self._refusal(reply, contact)
        if failure is not None:
            raise self._refused(_of_discord(failure, reply, said, self._now()), message)
        id_ = said.get("id")
        return Receipt(
            http_status=reply.status,
            provider_ref=id_ if isinstance(id_, str) and _ID.fullmatch(id_) else None,
            rest_seconds=_rest(reply, self._now()),
        )


def endpoint(url: str, *, message_id: str | None = None) -> str:
    """Where to post for an answer that tells what became of it, or where a message that was posted is.

    Hooks are handed out without the API's version, which then is one that counts waits in milliseconds
    (discord/discord-api-docs#2360); so it is named. The id of a thread stays.
    """
    parts = urlsplit(url)
    path = _API.sub("/api/v10/webhooks/", parts.path, count=1).rstrip("/")
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "wait"]
    if message_id is None:
        query.append(("wait", "true"))
    else:
        path += f"/messages/{message_id}"
    return urlunsplit((parts.scheme, parts.netloc, path, urlencode(query), ""))


def document_of(message: Message) -> dict[str, Any]:
    """The message as one embed, with everybody's mention switched off."""
    look, settings = look_of(message), _settings(message)
    text = fitted(message.text, _MOST_TEXT - len(settings), escape)
    footer = " · ".join(said for said in (one_line(message.why)[:_MOST_WHY], *footer_of(message)) if said)
    embed = {
        "author": {"name": f"{look.sign} {one_line(severity_of(message))}"[:_MOST_NAME]},
        "title": fitted(one_line(message.title) or message.type, _MOST_TITLE, escape),
        "url": link_of(message),
        "description": f"{text}{settings}".strip(),
        "color": look.colour,
        "footer": {"text": footer},
        "timestamp": message.occurred_at.isoformat(),
    }
    return {"embeds": [{name: part for name, part in embed.items() if part}], "allowed_mentions": {"parse": []}}


def escape(text: str) -> str:
    """The text as it reads, with a backslash before all that Discord's markdown would act on, links included."""
    return _AT_LINE_START.sub(r"\1\2\\", _INLINE.sub(r"\\\g<0>", text))


def _settings(message: Message) -> str:
    """The link to what the reader gets, to stand below the text: a footer can hold none."""
    link = settings_of(message)
    if link is None or not set("()").isdisjoint(link):
        return ""
    return f"\n\n[{fitted(one_line(message.settings_label) or '→', _MOST_NAME, escape)}]({link})"


def _of_discord(failure: DeliveryError, reply: Reply, said: Mapping[str, Any], now: datetime) -> DeliveryError:
    """What a refusal means: Discord says waits as a fraction of seconds in the body, and by a code why a hook is gone.

    When all of Discord asks for a rest, every hook at its host gets one.
    """
    if isinstance(failure, Transient):
        if reply.status != 429:
            return failure
        return Transient(
            failure.detail,
            scope="host" if said.get("global") is True else "target",
            retry_after=_seconds(said.get("retry_after"), now) or failure.retry_after,
            http_status=429,
        )
    code = said.get("code")
    if isinstance(code, int) and code in _WHY:
        why = f"Discord takes nothing at this webhook: {_WHY[code]} ({reply.status}, code {code})."
        return Permanent(why, disables=True, http_status=reply.status)
    return Permanent(
        failure.detail, disables=reply.status == 404 and code != _MISSING_MESSAGE, http_status=reply.status
    )


def _rest(reply: Reply, now: datetime) -> float | None:
    """How long to leave the hook alone when this message was the last that it takes for now."""
    if reply.headers.get("x-ratelimit-remaining", "").strip() != "0":
        return None
    return parse_retry_after(reply.headers.get("x-ratelimit-reset-after"), now)


def _seconds(value: object, now: datetime) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return parse_retry_after(str(round(value, 3)), now)


def _read(reply: Reply) -> Mapping[str, Any]:
    """The answer as an object; empty when it is none."""
    try:
        said = json.loads(reply.text)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, Mapping) else {}
