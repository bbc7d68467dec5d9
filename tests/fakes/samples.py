"""A message and a channel's surroundings, as tests and drills need them."""

from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from channels.base import ChannelEnv, Message, SmtpSettings


def message(**changes: Any) -> Message:
    """A job.failed in German, with the given fields changed."""
    given: dict[str, Any] = {
        "notification_id": "ntf_0190",
        "event_id": "evt_0190",
        "user_id": "u-17",
        "type": "job.failed",
        "priority": "high",
        "subject_key": "j-9",
        "sequence": 4,
        "source": "encoder",
        "locale": "de",
        "title": "Auftrag j-9 ist gescheitert – „disk full“",
        "text": "Der Auftrag ist gescheitert.\n.\nMehr nicht.",
        "html": "<p>Der Auftrag ist gescheitert.</p>",
        "occurred_at": datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        "data": {"job_id": "j-9", "error": "disk full"},
    }
    return Message(**(given | changes))


def channel_env(folder: Path, **changes: Any) -> ChannelEnv:
    """Mails to files, webhooks to loopback, an inbox that forgets; with the given fields changed."""
    given: dict[str, Any] = {
        "smtp": SmtpSettings(None, 25, None, None, "IM2 <im2@sender.example>", use_tls=False, use_ssl=False),
        "mail_dir": folder / "mail",
        "public_url": "http://127.0.0.1:8000",
        "webhook_timeout": 1.0,
        "allowed_networks": [ip_network("127.0.0.0/8")],
        "put_in_inbox": lambda _messages: None,
        "now": lambda: datetime.now(UTC),
    }
    return ChannelEnv(**(given | changes))
