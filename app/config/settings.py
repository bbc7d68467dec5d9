"""Every setting of the product: one field each. A new setting is a field and a line in `load`."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel.core import Locale, UnknownLocaleError

from app.config import event_file, mail, receivers
from app.config.per_channel import channel_kinds, rate_limits, retry_plans, unknown_channels
from app.config.reader import Reader
from app.domain.events import EventTypes
from channels.base import OpsgenieSettings, PagerDutySettings, SmtpSettings

Network = IPv4Network | IPv6Network

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
DAY = 86_400
LONGEST_ATTEMPT_SECONDS = 20
"""No attempt on any channel may take longer; threads know no time limit of their own."""
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment asks for, checked and with every default filled in. Secrets stay out of its repr.

    Times are seconds unless the name says otherwise. `redis_url` None asks for the embedded broker, `broker_url` None
    for the same server as Redis; `secret_key` and `flower_basic_auth` None ask for ones that are made and kept. No
    canaries are sent when `canary_seconds` is 0, and there is no Flower when `flower_port` is.
    """

    log_level: str
    debug: bool
    data_dir: Path
    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    broker_url: str | None = field(repr=False)
    host: str
    port: int
    secret_key: str | None = field(repr=False)
    admin_api_key: str | None = field(repr=False)
    api_rate_limit: str | None
    """Requests per key, or per user, in a window, such as 600/minute; None is no limit."""
    cors_origins: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    default_locale: str
    default_timezone: str
    public_url: str
    event_types: EventTypes = field(repr=False)
    sign_in_url: str | None
    """Where people go who open a page without being signed in."""
    smtp: SmtpSettings = field(repr=False)
    slack_webhook_url: str | None = field(repr=False)
    discord_webhook_url: str | None = field(repr=False)
    pagerduty: PagerDutySettings = field(repr=False)
    opsgenie: OpsgenieSettings = field(repr=False)
    webhook_timeout_seconds: float
    webhook_allowed_networks: tuple[Network, ...]
    dedupe_window_seconds: float
    rate_limit_window_minutes: float
    rate_limit_per_user: int
    rate_limits: Mapping[str, int]
    """Messages per user and window by channel, for every channel; 0 is no limit."""
    rate_limit_overflow: Literal["digest", "drop"]
    retry_plans: Mapping[str, tuple[float, ...]]
    """The waits before each retry by channel, for every channel; an empty plan is one attempt."""
    retention_days: int
    """How long what has ended is kept; 0 is for ever."""
    lease_seconds: float
    relay_tick_seconds: float
    relay_grace_seconds: float
    canary_seconds: float
    worker_concurrency: int | None
    flower_port: int
    flower_basic_auth: str | None = field(repr=False)
    fuse_steps: bool
    failpoint_dir: Path | None
    """For drills: a folder of orders to die at a named place; None, the normal case, is none."""

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from the given variables, or from those of the process.

        Raises SettingsError with every fault at once.
        """
        read = Reader(os.environ if environ is None else environ)
        kinds = channel_kinds()
        debug = read.flag("DEBUG", False)
        level = read.choice("LOG_LEVEL", "INFO", LEVELS)
        data_dir = Path(read.text("DATA_DIR", "var")).expanduser().absolute()
        host, port = read.text("HOST", "127.0.0.1"), read.whole("PORT", 8000, 1, 65_535)
        flower_port = read.whole("FLOWER_PORT", 5555, 0, 65_535)
        if flower_port == port:
            read.fault("FLOWER_PORT", "must not be the same as PORT")
        lease = read.number("LEASE_SECONDS", 90, most=3600, least=1)
        limit = read.whole("RATE_LIMIT_PER_USER", 10, 0, 1_000_000)
        overflow = read.choice("RATE_LIMIT_OVERFLOW", "digest", ("digest", "drop"))
        dedupe_window = read.number("DEDUPE_WINDOW_SECONDS", 300, most=30 * DAY)
        unknown_channels(read, kinds)
        settings = cls(
            log_level="DEBUG" if debug else level,
            debug=debug,
            data_dir=data_dir,
            database_url=read.parsed(
                "DATABASE_URL",
                f"sqlite:///{data_dir / 'notifications.db'}",
                _database,
                "must be postgresql://user:password@host:5432/name, or sqlite:/// and the path of a file",
            ),
            redis_url=read.url("REDIS_URL", ("redis", "rediss")),
            broker_url=read.url("CELERY_BROKER_URL", ("redis", "rediss", "amqp", "amqps")),
            host=host,
            port=port,
            secret_key=read.optional("SECRET_KEY"),
            admin_api_key=read.parsed("ADMIN_API_KEY", None, _token, "must be visible ASCII characters without spaces"),
            api_rate_limit=read.parsed(
                "API_RATE_LIMIT",
                _rate("600/minute"),
                _rate,
                "must be none, or a number of requests in a time, like 600/minute (second, minute, hour or day)",
            ),
            cors_origins=read.parsed(
                "CORS_ORIGINS", (), _origins, "must be * or origins like https://app.example.com,http://localhost:3000"
            ),
            trusted_proxies=read.parsed(
                "TRUSTED_PROXIES", (), _networks, "must be networks or addresses like 10.0.0.0/8,192.0.2.7"
            ),
            default_locale=read.parsed("DEFAULT_LOCALE", "en", _locale, "must be a known locale, like en, de or pt-BR"),
            default_timezone=read.parsed(
                "DEFAULT_TIMEZONE", "UTC", _zone, "must be a known time zone, like UTC or Europe/Berlin"
            ),
            public_url=(read.url("PUBLIC_URL", ("http", "https")) or f"http://{_bracketed(host)}:{port}").rstrip("/"),
            event_types=event_file.read(data_dir / event_file.NAME, read.fault),
            sign_in_url=read.url("SIGN_IN_URL", ("http", "https")),
            smtp=mail.smtp(read, lease),
            slack_webhook_url=receivers.hook(read, "SLACK_WEBHOOK_URL"),
            discord_webhook_url=receivers.hook(read, "DISCORD_WEBHOOK_URL"),
            pagerduty=receivers.pagerduty(read),
            opsgenie=receivers.opsgenie(read),
            webhook_timeout_seconds=_webhook_timeout(read, lease),
            webhook_allowed_networks=read.parsed(
                "WEBHOOK_ALLOWED_NETWORKS", (), _networks, "must be networks like 10.0.0.0/8,fd00::/8"
            ),
            dedupe_window_seconds=dedupe_window,
            rate_limit_window_minutes=read.number("RATE_LIMIT_WINDOW_MINUTES", 5, most=DAY / 60, above=True),
            rate_limit_per_user=limit,
            rate_limits=rate_limits(read, kinds, limit),
            rate_limit_overflow="drop" if overflow == "drop" else "digest",
            retry_plans=retry_plans(read, kinds),
            retention_days=_retention_days(read, dedupe_window),
            lease_seconds=lease,
            relay_tick_seconds=read.number("RELAY_TICK_SECONDS", 5, most=300, above=True),
            relay_grace_seconds=read.number("RELAY_GRACE_SECONDS", 30, most=3600),
            canary_seconds=read.number("CANARY_SECONDS", 60, most=3600),
            worker_concurrency=read.optional_whole("WORKER_CONCURRENCY", 1, 1000),
            flower_port=flower_port,
            flower_basic_auth=read.parsed(
                "FLOWER_BASIC_AUTH", None, _credentials, "must be user:password, both visible ASCII without commas"
            ),
            fuse_steps=read.flag("FUSE_STEPS", True),
            failpoint_dir=read.parsed("FAILPOINT_DIR", None, _folder, "must be an existing directory, for drills only"),
        )
        read.finish()
        return settings

    @property
    def longest_silence_seconds(self) -> float:
        """How long a relay or worker, which beats every tick, may be silent before it counts as dead."""
        return 3 * self.relay_tick_seconds + 10

    @property
    def longest_wait_seconds(self) -> float:
        """How long what is due may wait when a worker died with it and then its announcement was lost as well."""
        return self.lease_seconds + self.relay_grace_seconds + 2 * self.relay_tick_seconds

    @property
    def templates_dir(self) -> Path:
        """Where operators put templates of their own."""
        return self.data_dir / "templates"

    @property
    def mail_dir(self) -> Path:
        """Where mails are written when there is no SMTP_HOST."""
        return self.data_dir / "mail"


def _webhook_timeout(read: Reader, lease: float) -> float:
    seconds = read.number("WEBHOOK_TIMEOUT_SECONDS", 5, most=LONGEST_ATTEMPT_SECONDS, above=True)
    if seconds > lease / 2:
        read.fault("WEBHOOK_TIMEOUT_SECONDS", "must be at most half of LEASE_SECONDS, or a lease may lapse mid-attempt")
    return seconds


def _retention_days(read: Reader, dedupe_window: float) -> int:
    days = read.whole("RETENTION_DAYS", 90, 0, 36_500)
    if 0 < days * DAY < dedupe_window:
        read.fault("RETENTION_DAYS", "must not be shorter than DEDUPE_WINDOW_SECONDS, or repeats would not be known")
    return days


def _database(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "sqlite":
        if parts.netloc or not parts.path.strip("/") or ":memory:" in parts.path:
            raise ValueError
        return value
    if parts.scheme not in {"postgresql", "postgresql+psycopg", "postgres"} or not parts.path.strip("/"):
        raise ValueError
    _ = parts.port
    # SQLAlchemy knows only the long name of the scheme, many hosts hand out the short one.
    return "postgresql" + value.removeprefix("postgres") if parts.scheme == "postgres" else value


def _token(value: str) -> str:
    if not re.fullmatch(r"[!-~]+", value):
        raise ValueError
    return value


def _rate(value: str) -> str | None:
    if value.lower() == "none":
        return None
    if not re.fullmatch(r"[1-9]\d{0,8}/(second|minute|hour|day)", value):
        raise ValueError
    return value


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in value.split(",") if part.strip())
    if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError
    return origins


def _credentials(value: str) -> str:
    user, colon, password = _token(value).partition(":")
    if not (user and colon and password) or "," in value:
        raise ValueError
    return value


def _locale(value: str) -> str:
    try:
        found = Locale.parse(value.replace("_", "-"), sep="-", resolve_likely_subtags=False)
    except (UnknownLocaleError, TypeError) as unknown:
        raise ValueError from unknown
    return str(found).replace("_", "-")


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (OSError, KeyError) as unknown:  # a missing zone is a KeyError, a directory of zones an OSError
        raise ValueError from unknown


def _networks(value: str) -> tuple[Network, ...]:
    return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())


def _folder(value: str) -> Path:
    folder = Path(value).absolute()
    if not folder.is_dir():
        raise ValueError
    return folder


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
