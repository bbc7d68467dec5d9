"""The harness of every channel; a channel with several ways of sending has one for each, named after it."""

from collections.abc import Mapping

from tests.contract.harness import (
    DiscordHarness,
    Harness,
    InAppHarness,
    SlackHarness,
    WebhookHarness,
)
from tests.contract.harness_alerts import OpsgenieHarness, PagerDutyHarness, PagerDutyIncidentsHarness
from tests.contract.harness_mail import EmailHarness

HARNESSES: Mapping[str, type[Harness]] = {
    "inapp": InAppHarness,
    "email": EmailHarness,
    "webhook": WebhookHarness,
    "slack": SlackHarness,
    "discord": DiscordHarness,
    "pagerduty": PagerDutyHarness,
    "pagerduty incidents": PagerDutyIncidentsHarness,
    "opsgenie": OpsgenieHarness,
}
