"""One product for most of the questions, in every place, between a real mail server and a real receiver."""

from collections.abc import Iterator

import pytest

from tests.fakes.certificate import self_signed
from tests.fakes.mailbox import Mailbox
from tests.fakes.opsgenie import OpsgenieService
from tests.fakes.pagerduty import PagerDutyService
from tests.fakes.ports import free_port
from tests.fakes.receiver import Receiver
from tests.integration.product import Product
from tests.integration.servers import place

MAIL_LOGIN = ("im2-mailer", "canary-smtp-9c1f")
SECRET_KEY = "canary-secret-key-51ba, long enough"
FLOWER_LOGIN = ("watcher", "canary-flower-77d2")
OWN = ("sqlite", "embedded")
"""Where nothing is needed that does not come along."""
# The last one stays up until all tests are through, those too that want the servers for themselves.
PLACES = (("postgresql", "rabbitmq"), OWN)
"""PostgreSQL with Redis alone is in test_everywhere.py."""
on_its_own = pytest.mark.parametrize("product", [OWN], indirect=True, ids=", ".join)
"""Marks tests that are about what comes along with the product."""


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Where webhooks go; every test has paths of its own."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def pagerduty() -> PagerDutyService:
    """Where everybody's PagerDuty is; every test has users of its own."""
    return PagerDutyService()


@pytest.fixture(scope="session")
def opsgenie() -> OpsgenieService:
    """Where everybody's Opsgenie is."""
    return OpsgenieService()


@pytest.fixture(scope="session")
def alerting(pagerduty: PagerDutyService, opsgenie: OpsgenieService) -> Iterator[Receiver]:
    """The server of both."""
    with Receiver(services={"/pagerduty": pagerduty, "/opsgenie": opsgenie}) as receiver:
        yield receiver


@pytest.fixture(scope="session")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    """Where mails go: STARTTLS and a login are demanded; every test has addresses of its own."""
    tls, _ = self_signed(tmp_path_factory.getbasetemp(), "127.0.0.1")
    with Mailbox(starttls=tls, login=MAIL_LOGIN) as mailbox:
        yield mailbox


@pytest.fixture(scope="session", params=PLACES, ids=", ".join)
def product(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    mailbox: Mailbox,
    receiver: Receiver,
    alerting: Receiver,
) -> Iterator[Product]:
    """The product in one place after the other, with quick retries and no rate limit, and with planted secrets."""
    mailbox.ledger.clear()
    receiver.ledger.clear()
    alerting.ledger.clear()
    with (
        place(*request.param) as there,
        Product(
            tmp_path_factory.mktemp("product"),
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(mailbox.port),
            SMTP_USERNAME=MAIL_LOGIN[0],
            SMTP_PASSWORD=MAIL_LOGIN[1],
            SMTP_FROM="IM2 <im2@sender.example>",
            SSL_CERT_FILE=str(tmp_path_factory.getbasetemp() / "certificate.pem"),
            SECRET_KEY=SECRET_KEY,
            FLOWER_PORT=str(free_port()),
            FLOWER_BASIC_AUTH=":".join(FLOWER_LOGIN),
            PAGERDUTY_EVENTS_URL=alerting.url("/pagerduty"),
            OPSGENIE_API_URL=alerting.url("/opsgenie"),
            RETRY_DELAY_SECONDS="0.3",
            MAX_RETRIES="3",
            RELAY_TICK_SECONDS="1",
            RELAY_GRACE_SECONDS="5",
            **there,
        ) as product,
    ):
        yield product
