"""Notices: what the service itself has to tell a user, as an item of their inbox.

A notice is a notification like any other, with a row and a history. It is made in the transaction of the fact that it
tells, so that it is there once, and is written then; the relay announces it.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.domain.events import DEFAULT_LIFETIME
from app.domain.notifications import Notification
from app.rendering.occasion import Occasion
from app.rendering.render import Renderer, RenderError
from app.services.admission import Admission
from app.services.people import INBOX_TARGET, People
from channels.base import Channel

_log = logging.getLogger(__name__)


class Notices:
    """Writes notices."""

    def __init__(
        self, admission: Admission, people: People, renderer: Renderer, channels: Mapping[str, Channel]
    ) -> None:
        self._admission = admission
        self._people = people
        self._renderer = renderer
        self._inbox = next(name for name, channel in channels.items() if channel.kind == "inbox")

    def written(
        self, conn: Connection, type_: str, user_id: str, facts: Mapping[str, Any], now: datetime
    ) -> Notification:
        """A notice in the user's language, to be stored."""
        row = self._admission.own(
            type_, user_id, self._inbox, INBOX_TARGET, now, priority="high", lifetime=DEFAULT_LIFETIME
        )
        reader = self._people.wishes(conn, [user_id])[user_id]
        occasion = Occasion(
            type=type_,
            data=facts,
            priority=row.priority,
            subject_key=None,
            source=None,
            occurred_at=now,
            expires_at=row.expires_at,
            user_id=user_id,
            notification_id=row.id,
            duplicates=0,
        )
        try:
            content = self._renderer.render(occasion, kind="inbox", locale=reader.locale, timezone=reader.timezone)
        except RenderError as fault:
            # What it is about must not fail for want of words; the notice will, and say so.
            _log.error("notice_not_written", extra={"notification_id": row.id, "error": fault.detail})
            return row
        return replace(row, content=content.as_stored())

    def store(self, conn: Connection, rows: Sequence[Notification], actor: str, now: datetime) -> None:
        """Store notices, after everything that locks contacts."""
        self._admission.store(conn, rows, actor, now)
