"""Users' inboxes as they change: Server-Sent Events, by the HTML standard, section 9.2."""

from collections.abc import Iterator
from typing import Any

from flask import Response
from flask.views import MethodView

from app.api.answers import answer, dumps
from app.api.auth import opened_by_ticket, require_user, still_allowed
from app.api.blueprint import Blueprint, lets_in
from app.api.context import services
from app.api.errors import Problem
from app.api.inbox import READ
from app.api.user_schemas import StreamHeaders, StreamQuery, Ticket
from app.services.inbox_streams import News, Stream, TooManyStreams

MEDIA_TYPE = "text/event-stream"
RETRY_AFTER_SECONDS = 30
# How long a browser waits before it connects again.
_RECONNECT_MILLISECONDS = 5000
_EXAMPLE = 'id: 7\nevent: notification\ndata: {"id":"itm_…"}\n\nid: 7\nevent: unread\ndata: {"unread_count":3}\n\n'
blueprint = Blueprint("inbox-stream", __name__, description="Inboxes as they change")


@blueprint.route("/inbox/<string:user_id>/stream")
@opened_by_ticket
class InboxStream(MethodView):
    """One user's inbox, live."""

    @blueprint.arguments(StreamQuery, location="query")
    @blueprint.arguments(StreamHeaders, location="headers")
    @blueprint.doc(**lets_in(READ, users=True, tickets=True))
    @blueprint.response(200, {}, content_type=MEDIA_TYPE, example=_EXAMPLE)
    def get(self, query: dict[str, Any], headers: dict[str, Any], user_id: str) -> Response:
        """Stream what changes in an inbox, as Server-Sent Events.

        `notification` is an item, new or changed, as it is now; `unread` is `{"unread_count": n}`, sent at once and
        after every change. Take the stream up again with the last `id`, and nothing is missed and nothing told twice.
        """
        require_user(user_id, READ)
        # A browser that connects again does so with the URL of the first time, and a header that knows better.
        after = query["last_event_id"] if headers["last_event_id"] is None else headers["last_event_id"]
        try:
            stream = services().inbox_streams.open(user_id, after=after, allowed=still_allowed())
        except TooManyStreams:
            wait = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            raise Problem(503, "Too many streams are open; close some, or try later.", headers=wait) from None
        response = Response(_frames(stream), content_type=f"{MEDIA_TYPE}; charset=utf-8")
        # Proxies such as nginx would collect events before they pass them on.
        response.headers["X-Accel-Buffering"] = "no"
        # Also when nobody reads a single event, as after HEAD.
        response.call_on_close(stream.close)
        return response


@blueprint.route("/inbox/<string:user_id>/ticket")
class StreamTicket(MethodView):
    """The way into a stream for those who can't send a header."""

    @blueprint.doc(**lets_in(READ, users=True))
    @blueprint.response(200, Ticket)
    def post(self, user_id: str) -> Response:
        """Issue a ticket that opens this user's stream, and nothing else, for 60 seconds.

        It is for EventSource, which sends no headers: `/inbox/{user_id}/stream?ticket=…`. It may be used more than
        once, since browsers connect again by themselves with the URL they know.
        """
        who = require_user(user_id, READ)
        ticket, expires_at = services().identity.issue_ticket(user_id, asked_by=who)
        return answer({"ticket": ticket, "expires_at": expires_at})


def _frames(stream: Stream) -> Iterator[str]:
    yield f"retry: {_RECONNECT_MILLISECONDS}\n\n"
    for news in stream:
        yield ": hb\n\n" if news is None else _told(news)


def _told(news: News) -> str:
    items = [_event("notification", item, revision) for revision, item in news.items]
    return "".join([*items, _event("unread", {"unread_count": news.unread_count}, news.revision)])


def _event(name: str, data: dict[str, Any], revision: int) -> str:
    # `dumps` writes ASCII on one line, so that nothing in the data can end the event.
    return f"id: {revision}\nevent: {name}\ndata: {dumps(data)}\n\n"
