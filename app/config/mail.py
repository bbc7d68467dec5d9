"""How mail leaves, and whose name it bears."""

import re
from email.utils import getaddresses

from app.config.reader import Reader
from channels.base import SmtpSettings

# The part before the @ in ASCII: not every server that a mail passes would take another one.
_ONE_SENDER = re.compile(r"[!-+\--?A-~]+@[^@\s,]+")
CONSOLE_SENDER = "IM2 <notifications@localhost>"


def smtp(read: Reader, lease: float) -> SmtpSettings:
    """The mail server; without a host there is none."""
    host = read.optional("SMTP_HOST")
    if host and "SMTP_FROM" not in read:
        read.fault("SMTP_FROM", "is required with SMTP_HOST, like IM2 <notifications@example.com>")
    if "SMTP_PASSWORD" in read and "SMTP_USERNAME" not in read:
        read.fault("SMTP_USERNAME", "is required with SMTP_PASSWORD")
    use_ssl = read.flag("SMTP_USE_SSL", False)
    use_tls = read.flag("SMTP_USE_TLS", True)
    return SmtpSettings(
        host=host,
        port=read.whole("SMTP_PORT", 587, 1, 65_535),
        username=read.optional("SMTP_USERNAME"),
        password=read.optional("SMTP_PASSWORD"),
        sender=read.parsed(
            "SMTP_FROM", CONSOLE_SENDER, _sender, "must be one address, like IM2 <notifications@example.com>"
        ),
        use_tls=use_tls and not use_ssl,
        use_ssl=use_ssl,
        timeout=min(15.0, lease / 2),
    )


def _sender(value: str) -> str:
    addresses = getaddresses([value])
    if not value.isprintable() or len(addresses) != 1 or not _ONE_SENDER.fullmatch(addresses[0][1]):
        raise ValueError
    return value
