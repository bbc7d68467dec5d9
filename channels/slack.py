"""Slack's incoming webhooks (docs.slack.dev: sending messages using incoming webhooks, Block Kit)."""

from collections.abc import Mapping
from typing import Any, Self

from channels.base import ChannelEnv, Contact, DeliveryError, Message, Pace, Permanent, Receipt
from channels.chat import ChatHook
from channels.looks import fitted, footer_of, link_of, look_of, one_line, settings_of, severity_of
from channels.wire import Reply

_MOST_FALLBACK = 4_000
_MOST_HEADER = 150
_MOST_SECTION = 3_000
_GONE = frozenset({403, 404, 410})
_WHY: Mapping[str, str] = {
    "action_prohibited": "an admin of the workspace does not allow it",
    "invalid_token": "its URL is not, or no longer, valid",
    "posting_to_general_channel_denied": "an admin of the workspace has closed the general channel to apps",
    "channel_not_found": "its channel is gone",
    "channel_is_archived": "its channel was archived",
    "no_service": "it was removed or turned off",
    "no_service_id": "its URL is not complete",
    "no_team": "its workspace is gone",
    "no_active_hooks": "it was turned off",
}
"""Why a hook takes nothing any more, by Slack's code."""


class Slack(ChatHook):
    """Posts one message per notification; the receiver has no key for repeats, and nothing can be changed later."""

    name = "slack"
    # "Short bursts" are allowed beyond it (docs.slack.dev: rate limits).
    pace = Pace(1.0, burst=3)

    @classmethod
    def build(cls, env: ChannelEnv) -> Self:
        """Take the operators' hook."""
        return cls.made(env, env.slack_url)

    def send(self, message: Message, contact: Contact) -> Receipt:
        """Post the message; 403, 404 and 410 are for good and disable the hook, another 4xx ends this message alone."""
        reply = self._call("POST", contact.secret["url"], document_of(message), contact)
        failure = self._refusal(reply, contact)
        if failure is not None:
            raise self._refused(_of_slack(failure, reply), message)
        return Receipt(http_status=reply.status)

    def document(self, message: Message) -> Mapping[str, Any]:
        """The blocks, and the text that stands for them."""
        return document_of(message)


def document_of(message: Message) -> dict[str, Any]:
    """The message as blocks, and as the text that stands for them in notices and for screen readers.

    All words but the link's own go out as plain text, escaped, so that nothing in them can act.
    """
    sign, severity, text = look_of(message).sign, severity_of(message), message.text.strip()
    title = one_line(message.title) or message.type
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(f"{sign} {title}", _MOST_HEADER)}]
    if text:
        blocks.append({"type": "section", "text": _plain(text, _MOST_SECTION)})
    if link := _link(link_of(message), message.link_label):
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": link}})
    line = " · ".join((severity, *footer_of(message)))
    small = [_plain(said, _MOST_SECTION) for said in (line, one_line(message.why)) if said]
    if settings := _link(settings_of(message), message.settings_label):
        small.append({"type": "mrkdwn", "text": settings})
    blocks.append({"type": "context", "elements": small})
    return {
        "text": fitted(f"{sign} {severity}: {title}\n{text}", _MOST_FALLBACK, escape),
        "mrkdwn": False,
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escape(text: str) -> str:
    """The three characters that have a meaning in every text of Slack, as it asks for them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _link(link: str | None, label: str) -> str | None:
    """The link under its label, if it fits.

    Not a button: a click on one is also reported to the app, and without an address for that Slack shows a warning
    beside it (slackapi/slack-github-action#513).
    """
    name = fitted(one_line(label).replace("|", " ") or "→", _MOST_HEADER, escape)
    text = f"<{escape(link)}|{name}>" if link else ""
    return text if 0 < len(text) <= _MOST_SECTION else None


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": fitted(text, most, escape), "emoji": False}


def _of_slack(failure: DeliveryError, reply: Reply) -> DeliveryError:
    """An answer of a hook that takes nothing any more, in words for its owner; Slack's answers are a bare code."""
    if reply.status not in _GONE:
        return failure
    code = reply.text.strip()
    why = _WHY.get(code)
    said = f"Slack takes nothing at this webhook: {why} ({reply.status} {code})." if why else failure.detail
    return Permanent(said, disables=True, http_status=reply.status)
