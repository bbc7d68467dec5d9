"""The shape of the numbers that operators watch, for the documentation."""

from marshmallow import fields

from app.api.parts import Answer, by_name, number, one_of, words
from app.domain.notifications import OPEN, REASONS, TERMINAL
from channels.registry import channel_names


def _open() -> fields.Dict:
    return by_name(OPEN, number(), {"pending": 3, "held": 1, "sending": 2, "retrying": 0})


def _oldest() -> fields.Float:
    return fields.Float(metadata={"description": "Age of the oldest open one; 0 if there is none.", "examples": [4.2]})


def _failed() -> fields.Dict:
    return by_name(REASONS["failed"], number(), {"rejected": 1}, about="Those that failed, by reason.")


class LaneNumbers(Answer):
    """What waits on a lane: `pending` is its queue, `sending` is being worked on, the others wait for their time."""

    name = words("critical", about="A channel, or `critical` and `bulk` for what is urgent, or not, on all of them.")
    open = _open()
    oldest_open_seconds = _oldest()


class ChannelNumbers(Answer):
    """What a channel has done, and what waits for it."""

    name = one_of(channel_names(), "email")
    accepted = number(120)
    delivered = number(113)
    failed = _failed()
    open = _open()
    oldest_open_seconds = _oldest()
    average_seconds = fields.Float(
        allow_none=True, metadata={"description": "From acceptance to delivery.", "examples": [0.4]}
    )


class SummaryAnswer(Answer):
    """The numbers of one moment."""

    at = fields.AwareDateTime()
    accepted = number(120)
    ended = by_name(TERMINAL, number(), {"delivered": 113, "failed": 1})
    failed = _failed()
    open = _open()
    oldest_open_seconds = _oldest()
    unaccounted = number(0, about="Accepted minus ended minus open; always 0.")
    lanes = fields.List(fields.Nested(LaneNumbers))
    channels = fields.List(fields.Nested(ChannelNumbers))
