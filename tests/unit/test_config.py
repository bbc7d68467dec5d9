"""Settings: the defaults of the contract, every fault at once, and no secret in any of it."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from app.config import Settings, SettingsError
from channels.registry import CHANNELS

CHANNEL_NAMES = [channel.name for channel in CHANNELS]


def load(**environ: str) -> Settings:
    return Settings.load(environ)


def faults(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(**environ)
    return caught.value.faults


def test_an_empty_environment_gives_the_documented_defaults():
    settings = load()
    assert settings.log_level == "INFO"
    assert settings.debug is False
    assert settings.data_dir == Path.cwd() / "var"
    assert settings.database_url == f"sqlite:///{Path.cwd() / 'var' / 'notifications.db'}"
    assert (settings.redis_url, settings.broker_url, settings.secret_key, settings.admin_api_key) == (None,) * 4
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert (settings.default_locale, settings.default_timezone) == ("en", "UTC")
    assert (settings.webhook_timeout_seconds, settings.webhook_allowed_networks) == (5, ())
    assert (settings.dedupe_window_seconds, settings.rate_limit_window_minutes) == (300, 5)
    assert (settings.rate_limit_per_user, settings.rate_limit_overflow) == (10, "digest")
    assert (settings.lease_seconds, settings.relay_tick_seconds, settings.relay_grace_seconds) == (90, 5, 30)
    assert settings.retention_days == 90
    assert (settings.worker_concurrency, settings.flower_port, settings.flower_basic_auth) == (None, 5555, None)
    assert (settings.fuse_steps, settings.failpoint_dir) == (True, None)
    assert (settings.api_rate_limit, settings.cors_origins) == ("600/minute", ())
    assert settings.trusted_proxies == ()


def test_the_environment_of_the_readme_is_understood():
    settings = load(
        LOG_LEVEL="INFO",
        DEBUG="false",
        REDIS_URL="redis://redis:6379/0",
        SMTP_HOST="smtp.example.com",
        SMTP_PORT="587",
        SMTP_USERNAME="notifications@example.com",
        SMTP_PASSWORD="password",
        SMTP_FROM="IM2 <notifications@example.com>",
        SMTP_USE_TLS="true",
        WEBHOOK_TIMEOUT_SECONDS="5",
        MAX_RETRIES="3",
        RETRY_DELAY_SECONDS="60",
        RATE_LIMIT_PER_USER="10",
        RATE_LIMIT_WINDOW_MINUTES="5",
        PAGERDUTY_API_KEY="",
        PAGERDUTY_SERVICE_ID="",
        SLACK_WEBHOOK_URL="",
    )
    assert settings.redis_url == "redis://redis:6379/0"
    assert (settings.smtp.host, settings.smtp.port, settings.smtp.use_tls) == ("smtp.example.com", 587, True)
    assert settings.smtp.sender == "IM2 <notifications@example.com>"
    assert settings.retry_plans["webhook"] == (60, 120, 240)


def test_every_fault_is_told_at_once_and_names_its_variable():
    told = faults(PORT="eight", LOG_LEVEL="LOUD", MAX_RETRIES="-1", DEFAULT_TIMEZONE="Mars/Base", SMTP_HOST="m.example")
    assert [line.split(":")[0] for line in told] == [
        "LOG_LEVEL",
        "PORT",
        "DEFAULT_TIMEZONE",
        "SMTP_FROM",
        "MAX_RETRIES",
    ]
    assert all("\n" not in line for line in told)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("LOG_LEVEL", "VERBOSE"),
        ("DEBUG", "maybe"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "80.5"),
        ("PORT", "٨٠"),
        ("FLOWER_PORT", "-1"),
        ("REDIS_URL", "http://redis:6379"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://redis:99999/0"),
        ("CELERY_BROKER_URL", "sqs://somewhere"),
        ("DATABASE_URL", "mysql://u:p@h/d"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "postgresql://host"),
        ("PUBLIC_URL", "ftp://files.example"),
        ("API_RATE_LIMIT", "0/minute"),
        ("API_RATE_LIMIT", "600"),
        ("API_RATE_LIMIT", "5/fortnight"),
        ("CORS_ORIGINS", "app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com/path"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy.internal"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "1"),
        ("ADMIN_API_KEY", "with space"),
        ("ADMIN_API_KEY", "schlüssel"),
        ("DEFAULT_LOCALE", "klingon"),
        ("DEFAULT_LOCALE", "xx-YY"),
        ("DEFAULT_TIMEZONE", "Europe"),
        ("DEFAULT_TIMEZONE", "../etc/passwd"),
        ("SMTP_PORT", "0"),
        ("SMTP_FROM", "nobody"),
        ("SMTP_FROM", "a@b.example, c@d.example"),
        ("SMTP_FROM", "IM2 <a@b.example>\nBcc: c@d.example"),
        ("SMTP_FROM", "IM2 <jös@b.example>"),
        ("SMTP_USE_TLS", "2"),
        ("SLACK_WEBHOOK_URL", "hooks.slack.com/services/T0/B0/x"),
        ("SLACK_WEBHOOK_URL", "https://user:password@hooks.example/services/T0/B0/x"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/x y"),
        ("DISCORD_WEBHOOK_URL", "ftp://discord.com/api/webhooks/1/x"),
        ("DISCORD_WEBHOOK_URL", "https://"),
        ("WEBHOOK_TIMEOUT_SECONDS", "0"),
        ("WEBHOOK_TIMEOUT_SECONDS", "20.1"),
        ("WEBHOOK_TIMEOUT_SECONDS", "nan"),
        ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/33"),
        ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("WEBHOOK_ALLOWED_NETWORKS", "localhost"),
        ("MAX_RETRIES", "1.5"),
        ("RETRY_DELAY_SECONDS", "3600.1"),
        ("RETRY_DELAY_SECONDS", "inf"),
        ("RETRY_DELAY_SECONDS", "-1"),
        ("RETRY_BACKOFF_MAX_SECONDS", "-1"),
        ("EMAIL_RETRY_PLAN", "soon"),
        ("EMAIL_RETRY_PLAN", "5s,,1m"),
        ("EMAIL_RETRY_PLAN", "5s,-1m"),
        ("EMAIL_RETRY_PLAN", "8d"),
        ("EMAIL_MAX_RETRIES", "many"),
        ("EMAIL_RETRY_DELAY_SECONDS", "4000"),
        ("RATE_LIMIT_PER_USER", "-1"),
        ("RATE_LIMIT_PER_USER_EMAIL", "x"),
        ("RATE_LIMIT_PER_USER_INAPP", "5"),
        ("RATE_LIMIT_WINDOW_MINUTES", "0"),
        ("RATE_LIMIT_OVERFLOW", "queue"),
        ("DEDUPE_WINDOW_SECONDS", "-1"),
        ("RETENTION_DAYS", "-1"),
        ("RETENTION_DAYS", "0.5"),
        ("LEASE_SECONDS", "0"),
        ("RELAY_TICK_SECONDS", "0"),
        ("RELAY_GRACE_SECONDS", "-0.1"),
        ("WORKER_CONCURRENCY", "0"),
        ("FLOWER_BASIC_AUTH", "admin"),
        ("FLOWER_BASIC_AUTH", "admin:"),
        ("FLOWER_BASIC_AUTH", "a:b,c:d"),
        ("FUSE_STEPS", "sometimes"),
        ("FAILPOINT_DIR", "/no/such/folder"),
        ("CARRIERPIGEON_RETRY_PLAN", "5s"),
        ("CARRIERPIGEON_RETRY_DELAY_SECONDS", "5"),
        ("RATE_LIMIT_PER_USER_CARRIERPIGEON", "5"),
        ("EMIAL_MAX_RETRIES", "5"),
    ],
)
def test_a_bad_value_is_refused_by_name(name, bad):
    (line,) = faults(**{name: bad})
    assert line.startswith(f"{name}: ")


def test_no_fault_repeats_the_value_it_is_about():
    canary = "hunter2-canary"
    names = ["REDIS_URL", "DATABASE_URL", "CELERY_BROKER_URL", "FLOWER_BASIC_AUTH", "SMTP_FROM", "PORT", "LOG_LEVEL"]
    told = faults(**dict.fromkeys(names, canary), ADMIN_API_KEY=f"{canary} x", EMAIL_RETRY_PLAN=canary)
    assert len(told) == len(names) + 2
    assert canary not in "\n".join(told)


def test_secrets_are_not_in_the_repr():
    canary = "hunter2-canary"
    settings = load(
        SECRET_KEY=canary,
        ADMIN_API_KEY=canary,
        FLOWER_BASIC_AUTH=f"admin:{canary}",
        REDIS_URL=f"redis://:{canary}@redis/0",
        CELERY_BROKER_URL=f"amqp://im2:{canary}@rabbit//",
        DATABASE_URL=f"postgresql://im2:{canary}@db/im2",
        SMTP_HOST="smtp.example.com",
        SMTP_FROM="a@b.example",
        SMTP_USERNAME="im2",
        SMTP_PASSWORD=canary,
    )
    assert canary not in repr(settings)
    assert settings.smtp.password == canary


def test_a_blank_variable_counts_as_unset():
    assert load(PORT="", REDIS_URL="  ", EMAIL_RETRY_PLAN="") == load()


@pytest.mark.parametrize(("text", "value"), [("TRUE", True), ("1", True), ("on", True), ("No", False), ("0", False)])
def test_flags_are_read_in_every_usual_spelling(text, value):
    assert load(FUSE_STEPS=text).fuse_steps is value


def test_debug_means_the_debug_level_whatever_the_level_says():
    assert load(DEBUG="true", LOG_LEVEL="error").log_level == "DEBUG"
    assert load(LOG_LEVEL="error").log_level == "ERROR"


def test_the_data_dir_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load(DATA_DIR="state/here")
    assert settings.data_dir == tmp_path / "state" / "here"
    assert settings.database_url == f"sqlite:///{tmp_path}/state/here/notifications.db"


@pytest.mark.parametrize("url", ["redis://redis:6379/0", "rediss://:pw@cache.example:6380/1", "redis://[::1]:6379"])
def test_redis_urls_need_no_dots_in_the_host(url):
    assert load(REDIS_URL=url).redis_url == url


@pytest.mark.parametrize("scheme", ["redis", "rediss", "amqp", "amqps"])
def test_the_broker_may_be_redis_or_rabbit(scheme):
    assert load(CELERY_BROKER_URL=f"{scheme}://host").broker_url == f"{scheme}://host"


def test_the_short_name_of_postgresql_is_spelled_out():
    assert load(DATABASE_URL="postgres://u:p@h:5432/d").database_url == "postgresql://u:p@h:5432/d"


def test_locales_are_read_with_either_separator():
    assert load(DEFAULT_LOCALE="pt_BR").default_locale == "pt-BR"
    assert load(DEFAULT_LOCALE="zh-Hans").default_locale == "zh-Hans"


def test_the_public_url_follows_host_and_port_and_has_no_slash_at_its_end():
    assert load(HOST="::1", PORT="9000").public_url == "http://[::1]:9000"
    assert load(PUBLIC_URL="https://notify.example/").public_url == "https://notify.example"


def test_networks_are_a_list_of_cidrs():
    networks = load(WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8, fd00::/8").webhook_allowed_networks
    assert networks == (ip_network("127.0.0.0/8"), ip_network("fd00::/8"))


def test_trusted_proxies_are_networks_or_single_addresses():
    trusted = load(TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.7,fd00::1").trusted_proxies
    assert trusted == (ip_network("10.0.0.0/8"), ip_network("192.0.2.7/32"), ip_network("fd00::1/128"))


def test_mails_go_to_files_from_a_local_sender_without_smtp_host():
    smtp = load().smtp
    assert (smtp.host, smtp.sender) == (None, "IM2 <notifications@localhost>")


def test_smtp_host_needs_a_sender():
    assert faults(SMTP_HOST="smtp.example.com") == [
        "SMTP_FROM: is required with SMTP_HOST, like IM2 <notifications@example.com>"
    ]


def test_an_smtp_password_needs_a_username():
    (line,) = faults(SMTP_PASSWORD="pw")
    assert line.startswith("SMTP_USERNAME: ")


def test_smtp_over_tls_from_the_start_wins_over_starttls():
    smtp = load(SMTP_USE_SSL="true", SMTP_USE_TLS="true").smtp
    assert (smtp.use_ssl, smtp.use_tls) == (True, False)


def test_no_attempt_may_take_longer_than_half_the_lease():
    (line,) = faults(LEASE_SECONDS="8", WEBHOOK_TIMEOUT_SECONDS="4.5")
    assert line.startswith("WEBHOOK_TIMEOUT_SECONDS: ")
    assert "LEASE_SECONDS" in line
    assert load(LEASE_SECONDS="8", WEBHOOK_TIMEOUT_SECONDS="4").smtp.timeout == 4


def test_api_and_flower_need_ports_of_their_own():
    (line,) = faults(PORT="9000", FLOWER_PORT="9000")
    assert line.startswith("FLOWER_PORT: ")


def test_flower_is_turned_off_by_port_zero():
    assert load(FLOWER_PORT="0").flower_port == 0


@pytest.mark.parametrize(
    ("environ", "waits"),
    [
        ({}, (60, 120, 240)),
        ({"MAX_RETRIES": "0"}, ()),
        ({"MAX_RETRIES": "5"}, (60, 120, 240, 480, 600)),
        ({"MAX_RETRIES": "3", "RETRY_DELAY_SECONDS": "0.5"}, (0.5, 1, 2)),
        ({"RETRY_DELAY_SECONDS": "0"}, (0, 0, 0)),
        ({"RETRY_DELAY_SECONDS": "900"}, (900, 900, 900)),
        ({"RETRY_DELAY_SECONDS": "100", "RETRY_BACKOFF_MAX_SECONDS": "150"}, (100, 150, 150)),
        ({"RETRY_BACKOFF_MAX_SECONDS": "0"}, (60, 60, 60)),
        ({"EMAIL_MAX_RETRIES": "1"}, (60,)),
        ({"EMAIL_RETRY_DELAY_SECONDS": "10"}, (10, 20, 40)),
        ({"EMAIL_RETRY_PLAN": "5s,1m,5m,30m,2h"}, (5, 60, 300, 1800, 7200)),
        ({"EMAIL_RETRY_PLAN": "250ms, 1.5s, 2, 1d"}, (0.25, 1.5, 2, 86_400)),
        ({"EMAIL_RETRY_PLAN": "7s", "EMAIL_MAX_RETRIES": "9", "MAX_RETRIES": "8"}, (7,)),
    ],
)
def test_the_retry_plan_of_a_channel(environ, waits):
    assert load(**environ).retry_plans["email"] == waits


def test_what_is_set_for_one_channel_leaves_the_others_alone():
    settings = load(EMAIL_RETRY_PLAN="1s", RATE_LIMIT_PER_USER_EMAIL="2")
    assert settings.retry_plans["webhook"] == (60, 120, 240)
    assert (settings.rate_limits["email"], settings.rate_limits["webhook"]) == (2, 10)


def test_every_channel_has_a_plan_and_a_limit():
    settings = load()
    assert list(settings.retry_plans) == CHANNEL_NAMES
    assert list(settings.rate_limits) == CHANNEL_NAMES


def test_in_app_items_are_never_limited():
    assert load(RATE_LIMIT_PER_USER="3").rate_limits["inapp"] == 0


def test_zero_turns_limit_and_dedupe_off():
    settings = load(RATE_LIMIT_PER_USER="0", DEDUPE_WINDOW_SECONDS="0")
    assert (settings.rate_limits["email"], settings.dedupe_window_seconds) == (0, 0)


def test_what_repeats_are_known_by_is_kept_as_long_as_they_are_repeats():
    (line,) = faults(RETENTION_DAYS="1", DEDUPE_WINDOW_SECONDS="86401")
    assert line.startswith("RETENTION_DAYS: ")
    assert load(RETENTION_DAYS="1", DEDUPE_WINDOW_SECONDS="86400").retention_days == 1
    assert load(RETENTION_DAYS="0", DEDUPE_WINDOW_SECONDS="86401").retention_days == 0


def test_an_unknown_channel_is_told_with_the_known_ones():
    (line,) = faults(CARRIERPIGEON_RETRY_PLAN="5s")
    assert all(name.upper() in line for name in CHANNEL_NAMES)


def test_the_variables_of_other_programs_do_not_matter():
    assert load(SOMEONES_HTTP_MAX_RETRIES="5", PATH="/bin", PAGERDUTY_TEAM="x") == load()


def test_the_operators_pagerduty_needs_a_routing_key_or_a_key_with_its_service():
    assert faults(PAGERDUTY_API_KEY="k") == ["PAGERDUTY_SERVICE_ID: is required with PAGERDUTY_API_KEY"]
    assert faults(PAGERDUTY_SERVICE_ID="s") == ["PAGERDUTY_API_KEY: is required with PAGERDUTY_SERVICE_ID"]
    assert load(PAGERDUTY_ROUTING_KEY="r", PAGERDUTY_API_KEY="k").pagerduty.routing_key == "r"
    read = load(PAGERDUTY_API_KEY="k", PAGERDUTY_SERVICE_ID="s", PAGERDUTY_API_URL="https://pd.example/").pagerduty
    assert (read.api_key, read.service_id, read.api_url) == ("k", "s", "https://pd.example")


def test_a_base_url_has_no_slash_at_its_end():
    assert load(OPSGENIE_API_URL="https://api.atlassian.com/jsm/ops/integration/").opsgenie.api_url == (
        "https://api.atlassian.com/jsm/ops/integration"
    )


def test_without_a_mapping_the_environment_of_the_process_is_read(monkeypatch):
    monkeypatch.setenv("PORT", "8123")
    assert Settings.load().port == 8123
